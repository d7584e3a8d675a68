"""``returns``, ``show``, ``events``: what is in the mirror."""

import csv
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]

SCRIPT = Path(sys.executable).parent / "returns-hub"

MODEL_KEYS = [
    "account",
    "provider",
    "id",
    "number",
    "kind",
    "status",
    "status_raw",
    "attention",
    "order",
    "customer",
    "address",
    "items",
    "shipments",
    "resolutions",
    "answers",
    "attachments",
    "notes",
    "timeline",
    "form",
    "reference",
    "request_id",
    "goods_expected",
    "custom_fields",
    "created_at",
    "updated_at",
    "unreadable",
]
EVENT_KEYS = [
    *("sequence", "id", "type", "account", "return_id", "occurred_at", "recorded_at", "origin", "changes"),
    "delivery_id",
]


@pytest.fixture
def read(run: Run, mirror: Path) -> Run:
    """Runs a command on the mirror of 60 returns."""
    return lambda *arguments: run("--config", str(mirror), *arguments)


def test_the_table_has_the_documented_return(read: Run) -> None:
    header, first, *_ = read("returns").lines
    assert header.split()[:4] == ["ACCOUNT", "ID", "NUMBER", "STATUS"]
    assert first.split()[:5] == ["acme-au", "rma_abc123", "RMA-2024-001234", "requested", "pending"]


def test_the_table_has_50_lines_and_says_so(read: Run) -> None:
    lines = read("returns").lines
    assert len(lines) == 1 + 50 + 1
    assert lines[-1] == "The newest 50 of 60 returns; --limit N shows more, --json all."


def test_a_limit_above_the_default_shows_more(read: Run) -> None:
    lines = read("returns", "--limit", "100").lines
    assert (len(lines), lines[-1]) == (1 + 60 + 1, "60 returns.")


def test_quiet_leaves_the_remarks_out(read: Run) -> None:
    assert len(read("--quiet", "returns").lines) == 1 + 50
    assert read("returns", "--quiet", "--attention", "payment_due").out == ""


def test_a_table_names_no_customer(read: Run) -> None:
    assert "customer@example.com" not in read("returns", "--limit", "100").out


def test_json_has_no_limit(read: Run) -> None:
    assert len(read("returns", "--json").lines) == 60


def test_json_keeps_to_a_limit(read: Run) -> None:
    assert len(read("returns", "--json", "--limit", "7").lines) == 7


def test_a_return_as_json_has_its_account_and_the_keys_of_the_model(read: Run) -> None:
    (ret,) = read("returns", "--json", "--limit", "1").objects
    assert list(ret) == MODEL_KEYS


def test_a_return_as_json_has_words_by_value_times_with_z_and_null_for_unknown(read: Run) -> None:
    (ret,) = read("returns", "--json", "--limit", "1").objects
    assert (ret["status"], ret["created_at"], ret["updated_at"]) == ("requested", "2024-12-30T10:30:00Z", None)


def test_raw_has_the_vendors_own_object(read: Run) -> None:
    (ret,) = read("returns", "--raw", "--limit", "1").objects
    assert (ret["raw"]["rma_number"], ret["raw"]["status"]) == ("RMA-2024-001234", "pending")


def test_a_status_filters(read: Run) -> None:
    assert {ret["status"] for ret in read("returns", "--status", "rejected", "--json").objects} == {"rejected"}


def test_since_filters_by_creation(read: Run) -> None:
    created = [ret["created_at"] for ret in read("returns", "--since", "2024-12-30", "--json").objects]
    assert created == ["2024-12-30T10:30:00Z"]


def test_nothing_found_says_how_to_fill_the_mirror(read: Run) -> None:
    ran = read("returns", "--attention", "payment_due")
    assert (ran.code, ran.out) == (0, "No such returns in the mirror; returns-hub sync fills it.\n")


def test_nothing_found_is_no_json_line(read: Run) -> None:
    assert read("returns", "--attention", "payment_due", "--json").out == ""


def test_an_unknown_account_suggests_one(read: Run) -> None:
    ran = read("returns", "--account", "acme-uk")
    assert (ran.code, ran.err) == (2, "returns-hub: there is no account 'acme-uk'; did you mean 'acme-au'?\n")


def test_show_has_the_customer_and_the_vendors_word(read: Run) -> None:
    lines = read("show", "acme-au", "rma_abc123").lines
    assert "RMA-2024-001234  acme-au (returnmate)" in lines
    assert "  status    requested (pending)" in lines
    assert "  customer  John Smith <customer@example.com>" in lines


def test_show_has_the_vendors_history_beside_ours(read: Run) -> None:
    out = read("show", "acme-au", "rma_abc123").out
    assert "Timeline (UTC)" in out
    assert "returns-hub, backfill  return.created: requested (pending)" in out


def test_show_as_json_is_the_model(read: Run) -> None:
    (ret,) = read("show", "acme-au", "rma_abc123", "--json").objects
    assert list(ret) == MODEL_KEYS


def test_show_names_what_is_not_in_the_mirror(read: Run) -> None:
    ran = read("show", "acme-au", "rma_nowhere")
    assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert ran.err == (
        "returns-hub: the mirror has no return of acme-au with the id, order number, RMA, reference, e-mail address, tracking number, "
        "SKU or barcode 'rma_nowhere'; returns-hub sync acme-au fetches what is new\n"
    )


@pytest.mark.parametrize("named", [["acme-au", "RMA-2024-001234"], ["rma-2024-001234"], ["acme-au", "#1001"], ["1001"]])
def test_show_takes_what_a_customer_has(read: Run, named: list[str]) -> None:
    assert "RMA-2024-001234  acme-au (returnmate)" in read("show", *named).lines


def test_show_lists_where_there_are_several(read: Run) -> None:
    (sku, ids) = next(found for found in skus(read).items() if 1 < len(found[1]) < 50)
    ran = read("show", "acme-au", sku)
    assert (ran.code, ran.lines[-1]) == (
        0,
        f"{len(ids)} returns have '{sku}'; name one by its account and id: returns-hub show ACCOUNT ID.",
    )
    assert {line.split()[1] for line in ran.lines[1:-1]} == ids
    assert {ret["id"] for ret in read("show", sku, "--json").objects} == ids


def test_show_finds_what_is_left_of_an_account_that_is_not_configured(run: Run, mirror: Path, tmp_path: Path) -> None:
    config = tmp_path / "returns-hub.toml"
    config.write_text(
        mirror.read_text().replace("acme-au", "acme-uk").replace("returns.db", f"{mirror.parent}/returns.db")
    )
    assert "RMA-2024-001234  acme-au (returnmate)" in run("show", "RMA-2024-001234").lines


def test_show_of_an_account_alone_asks_which(read: Run) -> None:
    ran = read("show", "acme-au")
    assert (ran.code, ran.err) == (
        2,
        "returns-hub: which return of acme-au? Give its id, RMA or order number after the account\n",
    )


def skus(read: Run) -> dict[str, set[str]]:
    """The ids of the returns by the SKUs of their items."""
    found: dict[str, set[str]] = {}
    for ret in read("returns", "--json").objects:
        for item in ret["items"]:
            found.setdefault(item["sku"], set()).add(ret["id"])
    return found


def test_find_lists_what_has_a_text(read: Run) -> None:
    for sku, ids in list(skus(read).items())[:3]:
        assert {ret["id"] for ret in read("find", sku.lower(), "--json").objects} == ids
    header, line, _ = read("find", "1001").lines
    assert (header.split()[0], line.split()[:3]) == ("ACCOUNT", ["acme-au", "rma_abc123", "RMA-2024-001234"])


@pytest.mark.parametrize("options", [[], ["--json"], ["--account", "acme-au"]])
def test_find_without_a_hit_is_code_1(read: Run, options: list[str]) -> None:
    ran = read("find", "RMA-2024", *options)
    assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert "SKU or barcode 'RMA-2024'; returns-hub sync" in ran.err


@pytest.mark.parametrize(
    "options",
    [
        ["--order", "1001"],
        ["--email", "Customer@Example.com", "--status", "requested"],
        ["--number", "RMA-2024-001234", "--account", "acme-au"],
    ],
)
def test_words_filter_together_with_the_rest(read: Run, options: list[str]) -> None:
    assert [ret["id"] for ret in read("returns", "--json", *options).objects] == ["rma_abc123"]
    assert read("returns", "--json", *options, "--sku", "nothing").out == ""


def test_the_link_of_a_label_is_in_json_only(read: Run) -> None:
    labelled = next(ret for ret in read("returns", "--json").objects if ret["shipments"])
    (shipment, *_) = labelled["shipments"]
    shown = read("show", "acme-au", labelled["id"]).out
    assert shipment["label"]["url"].startswith("https://")
    assert (shipment["tracking_number"] in shown, shipment["label"]["url"] in shown) == (True, False)


def test_events_as_json_have_the_documented_keys(read: Run) -> None:
    event = read("events", "--json", "--limit", "1").objects[0]
    assert list(event) == EVENT_KEYS
    assert (event["type"], event["origin"], event["account"]) == ("return.created", "backfill", "acme-au")


def test_events_as_json_are_all_in_their_order(read: Run) -> None:
    sequences = [event["sequence"] for event in read("events", "--json").objects]
    assert len(sequences) >= 60
    assert sequences == sorted(set(sequences))


def test_events_go_on_after_a_sequence(read: Run) -> None:
    first, second, *_ = read("events", "--json").objects
    assert read("events", "--json", "--after", str(first["sequence"]), "--limit", "1").objects == [second]


def test_the_table_of_events_has_the_latest(read: Run) -> None:
    last = read("events", "--json").objects[-1]["sequence"]
    *_, line, remark = read("events", "--limit", "3").lines
    assert line.split()[0] == str(last)
    assert remark == "The latest 3 events; --limit N shows more, --json all."


@pytest.mark.parametrize("selection", [["--limit", "3"], ["--limit", "3", "--after", "10"], ["--after", "58"]])
def test_a_selection_of_events_is_the_same_in_the_table_and_as_json(read: Run, selection: list[str]) -> None:
    _, *lines, _ = read("events", *selection).lines
    assert [line.split()[0] for line in lines] == [
        str(event["sequence"]) for event in read("events", "--json", *selection).objects
    ]


def test_the_table_of_events_after_a_sequence_has_the_first(read: Run) -> None:
    header, *lines, remark = read("events", "--after", "10", "--limit", "2").lines
    assert header.split()[0] == "SEQ"
    assert [line.split()[0] for line in lines] == ["11", "12"]
    assert remark == "There are more: --after 12 shows the next, --json all."


def test_no_events_say_so(read: Run) -> None:
    last = read("events", "--json").objects[-1]["sequence"]
    assert read("events", "--after", str(last)).out == f"There are no events after {last}.\n"


@pytest.mark.parametrize(("cursor", "code", "complaint"), [("1000000", 1, "another history"), ("x", 2, "SEQUENCE:ID")])
def test_a_cursor_that_is_not_of_this_stream_is_an_error(read: Run, cursor: str, code: int, complaint: str) -> None:
    ran = read("events", "--json", "--after", cursor)
    assert (ran.code, ran.out, complaint in ran.err) == (code, "", True)


@pytest.fixture
def follow(environment: dict[str, str], mirror: Path) -> Iterator[Callable[[], "subprocess.Popen[str]"]]:
    """Starts to follow the events from the last on, and gives the command when that has been shown."""
    started: list[subprocess.Popen[str]] = []

    def begin() -> "subprocess.Popen[str]":
        command = subprocess.Popen(
            [SCRIPT, "--config", mirror, "events", "--follow", "--json", "--after", "59"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(command)
        assert command.stdout is not None
        assert '"return.created"' in command.stdout.readline()
        return command

    yield begin
    for command in started:
        command.kill()
        command.communicate()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_following_gives_what_comes_until_it_is_interrupted(
    number: signal.Signals, code: int, follow: Callable[[], "subprocess.Popen[str]"]
) -> None:
    command = follow()
    command.send_signal(number)
    assert (command.wait(120), command.communicate()) == (code, ("", ""))


def test_following_ends_when_nobody_reads_any_more(follow: Callable[[], "subprocess.Popen[str]"]) -> None:
    command = follow()
    assert command.stdout is not None
    # Nothing is written any more, and it is noticed all the same.
    command.stdout.close()
    assert command.wait(120) == 141


def test_a_terminal_gets_colours(show: Callable[..., str], mirror: Path) -> None:
    assert "\x1b[33mrequested" in show(80, "--config", str(mirror), "returns", "--limit", "1")


def test_no_color_is_respected(show: Callable[..., str], mirror: Path) -> None:
    assert "\x1b[3" not in show(80, "--config", str(mirror), "returns", NO_COLOR="1")


def test_a_pipe_gets_no_escapes_even_if_colours_are_forced(run: Run, mirror: Path) -> None:
    assert "\x1b" not in run("--config", str(mirror), "returns", FORCE_COLOR="1", TTY_COMPATIBLE="1").out


def shown_rows(written: str) -> list[str]:
    from rich.text import Text

    return Text.from_ansi(written).plain.splitlines()


def test_a_table_fits_80_columns(show: Callable[..., str], mirror: Path) -> None:
    assert max(map(len, shown_rows(show(80, "--config", str(mirror), "returns")))) <= 80


@pytest.mark.parametrize(
    ("columns", "heading"),
    [
        (52, "number status attention order"),
        (80, "id number status attention order items created"),
        (120, "account id number status vendor's word attention order items created"),
    ],
)
def test_a_narrow_terminal_leaves_columns_out_in_the_order_that_help_says(
    show: Callable[..., str], mirror: Path, columns: int, heading: str
) -> None:
    assert " ".join(shown_rows(show(columns, "--config", str(mirror), "returns"))[0].split()) == heading


def test_csv_has_every_return_and_a_header(read: Run) -> None:
    header, first, *others = list(csv.reader(read("returns", "--csv").lines))
    assert header[:7] == ["account", "provider", "id", "number", "status", "status_raw", "attention"]
    assert first[:6] == ["acme-au", "returnmate", "rma_abc123", "RMA-2024-001234", "requested", "pending"]
    assert (len(others), first[-2]) == (59, "2024-12-30T10:30:00Z")
    assert "customer@example.com" not in read("returns", "--csv").out


@pytest.mark.parametrize(
    ("zone", "time"),
    [
        ("UTC", "created   2024-12-30 10:30:00 UTC"),
        ("Australia/Sydney", "created   2024-12-30 21:30:00 Sydney"),
        ("America/New_York", "created   2024-12-30 05:30:00 New York"),
    ],
)
def test_times_for_people_are_in_the_zone_that_they_ask_for(read: Run, zone: str, time: str) -> None:
    out = read("--tz", zone, "show", "acme-au", "rma_abc123").out
    assert time in out
    assert f"Timeline ({time.partition(':00 ')[2]})" in out


def test_json_stays_in_utc(read: Run) -> None:
    (ret,) = read("--tz", "Australia/Sydney", "show", "acme-au", "rma_abc123", "--json").objects
    assert ret["created_at"] == "2024-12-30T10:30:00Z"


def test_a_zone_that_does_not_exist_is_named_and_one_is_suggested(read: Run) -> None:
    ran = read("--tz", "Europe/Amsterdm", "returns")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.endswith("not 'Europe/Amsterdm'; did you mean 'Europe/Amsterdam'?\n")


def test_the_total_is_of_what_the_filters_leave(read: Run) -> None:
    rejected = len(read("returns", "--status", "rejected", "--json").objects)
    assert read("returns", "--status", "rejected", "--limit", "1").lines[-1] == (
        f"The newest 1 of {rejected} returns; --limit N shows more, --json all."
    )


def test_what_is_found_can_be_comma_separated(read: Run) -> None:
    header, row = csv.reader(read("find", "RMA-2024-001234", "--csv").lines)
    assert (header[2], row[2]) == ("id", "rma_abc123")
