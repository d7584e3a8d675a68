"""Bodies without their content encoding, never more than the limit."""

import gzip
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from returns_hub import TransportFailed, UnexpectedReply
from returns_hub.transport.encoding import decompress


def test_decompressing_never_makes_more_than_the_limit() -> None:
    bomb = gzip.compress(b"\0" * 50_000_000)
    tracemalloc.start()
    try:
        assert decompress(bomb, "gzip", 1000) is None
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=8), st.integers(0, 20))
def test_every_member_is_read_and_padding_is_left_out(parts: list[bytes], zeros: int) -> None:
    body = b"".join(map(gzip.compress, parts)) + b"\0" * zeros
    assert decompress(body, "gzip", 10_000) == b"".join(parts)


def test_limit_holds_over_all_members_together() -> None:
    body = gzip.compress(b"a" * 600) + gzip.compress(b"b" * 600)
    assert decompress(body, "gzip", 1200) == b"a" * 600 + b"b" * 600
    assert decompress(body, "gzip", 1199) is None


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", " GZIP "])
def test_names_of_gzip(encoding: str) -> None:
    assert decompress(gzip.compress(b"{}"), encoding, 10) == b"{}"


@pytest.mark.parametrize("encoding", ["", "identity", "Identity"])
def test_plain_body_stays_as_it_is(encoding: str) -> None:
    assert decompress(b"{}", encoding, 10) == b"{}"


@pytest.mark.parametrize(
    "body",
    [
        b"not gzip",
        gzip.compress(b"whole")[:-1],
        gzip.compress(b"whole") + b"garbage",
        gzip.compress(b"whole") + gzip.compress(b"cut")[:-3],
    ],
    ids=["no gzip", "cut off", "garbage behind", "second member cut off"],
)
def test_broken_body_is_a_failure_of_the_transport(body: bytes) -> None:
    with pytest.raises(TransportFailed, match="cut off or broken"):
        decompress(body, "gzip", 1000)


def test_encoding_that_was_not_asked_for() -> None:
    with pytest.raises(UnexpectedReply, match="not asked for"):
        decompress(b"x", "br", 1000)
