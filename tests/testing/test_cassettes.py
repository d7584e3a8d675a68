"""Playing, recording and scanning cassettes, with a plain HTTP client."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from vcr.errors import CannotOverwriteExistingCassetteException  # type: ignore[import-untyped]  # no types

from returns_hub.testing import serve
from returns_hub.testing.cassettes import main, play, record, scan
from returns_hub_returnmate.sandbox import ReturnMateSandbox

HEADER = "origin: documentation\nsource: ReturnMate API Reference, List RMAs\nread: '2026-11-21'\n"
CASSETTE = """{header}interactions:
- request:
    method: GET
    uri: https://api.returnmate.io/v1/rmas?page=1&empty={query}
    body: null
    headers: {request_headers}
  response:
    status: {{code: {status}, message: Told}}
    headers: {{content-type: [application/json]{response_header}}}
    body:
      string: '{body}'
"""


def write(
    folder: Path,
    *,
    header: str = HEADER,
    query: str = "",
    request_headers: str = "{}",
    response_header: str = "",
    body: str = '{"data": []}',
    status: int = 200,
) -> Path:
    path = folder / "list_returns.yaml"
    path.write_text(
        CASSETTE.format(
            header=header,
            query=query,
            request_headers=request_headers,
            response_header=response_header,
            body=body,
            status=status,
        ),
        "utf-8",
    )
    return path


def test_a_cassette_answers_whatever_the_host(tmp_path: Path) -> None:
    with play(write(tmp_path)):
        assert httpx.get("http://127.0.0.1:1/v1/rmas?page=1&empty=").json() == {"data": []}


@pytest.mark.parametrize("query", ["page=2&empty=", "page=1", "page=1&empty=x", "page=1&empty=&more="])
def test_another_query_is_not_answered(tmp_path: Path, query: str) -> None:
    with pytest.raises(AssertionError, match="has no answer to GET"), play(write(tmp_path)):
        httpx.get(f"http://127.0.0.1:1/v1/rmas?{query}")


def test_an_answer_is_given_once(tmp_path: Path) -> None:
    with play(write(tmp_path)):
        httpx.get("http://127.0.0.1:1/v1/rmas?page=1&empty=")
        with pytest.raises(CannotOverwriteExistingCassetteException):
            httpx.get("http://127.0.0.1:1/v1/rmas?page=1&empty=")


def test_a_cassette_must_be_played_whole(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="0 of its 1 interactions"), play(write(tmp_path)):
        pass


def test_another_error_is_passed_on(tmp_path: Path) -> None:
    with pytest.raises(httpx.HTTPStatusError), play(write(tmp_path, status=404)):
        httpx.get("http://127.0.0.1:1/v1/rmas?page=1&empty=").raise_for_status()


def test_a_missing_cassette_is_an_error_and_not_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="FileNotFoundError"), play(tmp_path / "missing.yaml"):
        pass


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    path = tmp_path / "notes.yaml"
    with serve(ReturnMateSandbox(count=1)) as running, record(path, source="a test"):
        httpx.post(
            f"{running.url}/v1/rmas/rma_abc123/notes",
            headers={"authorization": "Bearer rm_sandbox_key"},
            json={"content": "mail to ada@vendor.com", "internal": True},
        )
    return path


def test_a_recording_begins_with_its_origin(recorded: Path) -> None:
    assert recorded.read_text("utf-8").startswith("origin: sandbox\nsource: a test\ninteractions:\n")


def test_a_recording_holds_no_key(recorded: Path) -> None:
    assert "rm_sandbox_key" not in recorded.read_text("utf-8")


def test_a_recording_holds_no_port_and_no_date(recorded: Path) -> None:
    text = recorded.read_text("utf-8")
    assert ("127.0.0.1" in text, "date:" in text.lower()) == (False, False)


def test_a_recording_is_clean(recorded: Path) -> None:
    assert scan(recorded.parent) == ()


def test_a_recording_plays_for_the_unredacted_request(recorded: Path) -> None:
    with play(recorded):
        reply = httpx.post(
            "https://api.returnmate.io/v1/rmas/rma_abc123/notes",
            json={"content": "mail to ada@vendor.com", "internal": True},
        )
    assert reply.status_code == 201


async def _post_note() -> int:
    async with httpx.AsyncClient() as client:
        body = {"content": "mail to ada@vendor.com", "internal": True}
        return (await client.post("https://api.returnmate.io/v1/rmas/rma_abc123/notes", json=body)).status_code


@pytest.mark.anyio
async def test_a_recording_plays_for_the_async_client(recorded: Path) -> None:
    with play(recorded):
        assert await _post_note() == 201


def test_another_body_is_not_answered(recorded: Path) -> None:
    with pytest.raises(AssertionError, match="has no answer to POST"), play(recorded):
        httpx.post("https://api.returnmate.io/v1/rmas/rma_abc123/notes", json={"content": "other", "internal": True})


def test_a_clean_cassette_has_no_findings(tmp_path: Path) -> None:
    write(tmp_path)
    assert scan(tmp_path) == ()


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"query": "&token=CANARY"}, "request URL"),
        ({"query": "&q=ada%40vendor.com"}, "request URL"),
        ({"request_headers": "{authorization: [Bearer CANARY]}"}, "request header authorization"),
        ({"request_headers": "{accept: [text/ada@vendor.com]}"}, "request header accept"),
        ({"response_header": ", set-cookie: [CANARY]"}, "response header set-cookie"),
        ({"body": '{"data": [{"customer": {"email": "ada@vendor.com"}}]}'}, "response body.data[0].customer.email"),
        ({"body": '{"data": [{"customer": {"name": "Ada CANARY"}}]}'}, "response body.data[0].customer.name"),
        ({"body": '{"token": "CANARY"}'}, "response body.token"),
        ({"body": "call +61 412 345 678"}, "response body"),
    ],
)
def test_the_scan_names_the_place(tmp_path: Path, change: dict[str, Any], where: str) -> None:
    write(tmp_path, **change)
    assert [finding.where for finding in scan(tmp_path)] == [f"interaction 0, {where}"]


def test_the_scan_never_quotes_what_it_found(tmp_path: Path) -> None:
    write(tmp_path, body='{"token": "CANARY"}')
    assert "CANARY" not in str(scan(tmp_path)[0])


@pytest.mark.parametrize(
    "header",
    [
        "",
        "origin: live\nsource: x\n",
        "origin: sandbox\n",
        "origin: documentation\nsource: x\n",
        "source: x\norigin: sandbox\n",
    ],
)
def test_a_cassette_without_an_origin_is_found(tmp_path: Path, header: str) -> None:
    write(tmp_path, header=header)
    assert [finding.where for finding in scan(tmp_path)] == ["file"]


@pytest.mark.parametrize("header", ["# by ada@vendor.com\n" + HEADER, HEADER + "changed: for ada@vendor.com\n"])
def test_a_telling_remark_is_found(tmp_path: Path, header: str) -> None:
    write(tmp_path, header=header)
    assert [finding.where for finding in scan(tmp_path)] == ["header"]


def test_names_that_a_document_made_up_are_allowed_by_the_header(tmp_path: Path) -> None:
    body = '{"data": [{"customer": {"name": "John Smith"}}]}'
    write(tmp_path, header=HEADER + "fictitious: [John Smith]\n", body=body)
    assert scan(tmp_path) == ()


def test_headers_that_a_replay_needs_are_allowed_by_the_header(tmp_path: Path) -> None:
    told = ", date: ['Mon, 05 Oct 2026 12:00:00 GMT']"
    write(tmp_path, response_header=told)
    assert [finding.where for finding in scan(tmp_path)] == ["interaction 0, response header date"]
    write(tmp_path, header=HEADER + "keep_headers: [date]\n", response_header=told)
    assert scan(tmp_path) == ()


@pytest.mark.parametrize("text", ["{", "", "[]", "!!python/object/apply:os.system ['true']"])
def test_a_file_that_is_no_cassette_is_found(tmp_path: Path, text: str) -> None:
    (tmp_path / "broken.yaml").write_text(text)
    assert [finding.where for finding in scan(tmp_path)] == ["file"]


def test_an_exchange_that_cannot_be_read_is_found(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text(HEADER + "interactions: [{request: {}}]\n", "utf-8")
    assert [finding.where for finding in scan(tmp_path)] == ["interaction 0, whole"]


def test_an_empty_folder_is_found(tmp_path: Path) -> None:
    assert [finding.what for finding in scan(tmp_path)] == ["no cassette in it"]


def test_the_command_fails_on_a_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, body='{"token": "CANARY"}')
    assert (main([str(tmp_path)]), "response body.token" in capsys.readouterr().out) == (1, True)


def test_the_command_passes_clean_cassettes(tmp_path: Path) -> None:
    write(tmp_path)
    command = [sys.executable, "-m", "returns_hub.testing.cassettes", str(tmp_path)]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0
