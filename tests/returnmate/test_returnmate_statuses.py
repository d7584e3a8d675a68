"""What each word asserts. The expected values are readings of the pages named in ``statuses.py``, not of its code."""

from typing import Any

import pytest

from returns_hub import (
    Attention,
    ConfigurationError,
    Facts,
    Resolution,
    ResolutionKind,
    ResolutionStatus,
    Return,
    Status,
)
from returns_hub_returnmate import ReturnMate


@pytest.fixture
def read(answer: Any, finish: Any) -> Any:
    """The RMA with this status word, as this adapter reads it."""

    def read(adapter: ReturnMate, word: object) -> Return:
        ret: Return = finish(adapter.get_return("rma_1"), answer(200, {"data": {"id": "rma_1", "status": word}}))
        return ret

    return read


REFERENCE = [
    ("pending", Status.REQUESTED),
    ("approved", Status.APPROVED),
    ("rejected", Status.REJECTED),
    ("completed", Status.CLOSED),
]
STATUSES_PAGE = [
    ("Pending", Status.REQUESTED),
    ("Approved", Status.APPROVED),
    ("Label Sent", Status.READY_TO_SHIP),
    ("In Transit", Status.IN_TRANSIT),
    ("Received", Status.RECEIVED),
    ("Inspected", Status.INSPECTED),
    ("Resolved", Status.RESOLVED),
    ("Rejected", Status.REJECTED),
    ("Cancelled", Status.CANCELLED),
]
CODES_OF_2026 = [
    ("DRAFT", Status.DRAFT),
    ("SUBMITTED", Status.REQUESTED),
    ("APPROVED", Status.APPROVED),
    ("WAITING_CUSTOMER", Status.APPROVED),
    ("LABEL_ISSUED", Status.READY_TO_SHIP),
    ("IN_TRANSIT", Status.IN_TRANSIT),
    ("RECEIVED", Status.RECEIVED),
    ("INSPECTED", Status.INSPECTED),
    ("REFUNDED", Status.RESOLVED),
    ("REJECTED", Status.REJECTED),
    ("RESOLVED", Status.RESOLVED),
    ("CLOSED", Status.CLOSED),
    ("COUNTER_SWAPPED", Status.RECEIVED),
]
LABELS_OF_2026 = [
    ("Label Generated", Status.READY_TO_SHIP),
    ("Counter Swapped", Status.RECEIVED),
    ("Offline Diagnostics", Status.RECEIVED),
    ("Offline Repair", Status.INSPECTED),
    ("Received at Master", Status.RECEIVED),
    ("Refunded", Status.RESOLVED),
    ("Completed", Status.CLOSED),
    ("Closed", Status.CLOSED),
    ("Offline Closed", Status.CLOSED),
]
WARRANTY = [
    ("Submitted", Status.REQUESTED),
    ("Under Review", Status.REQUESTED),
    ("Denied", Status.REJECTED),
    ("Awaiting Return", Status.APPROVED),
    ("Inspecting", Status.RECEIVED),
    ("Resolution Pending", Status.INSPECTED),
]
NEVER_DEFINED = [
    "Quality Hold",
    "With Manufacturer",
    "Awaiting Parts",
    "Customer Response",
    "Technician Assigned",
    "Diagnostics",
    "Waiting Parts",
    "Waiting on Customer",
    "Repair/Replace/Refund",
]


@pytest.mark.parametrize(("word", "status"), REFERENCE + STATUSES_PAGE + CODES_OF_2026 + LABELS_OF_2026 + WARRANTY)
def test_documented_word(adapter: Any, read: Any, word: str, status: Status) -> None:
    ret = read(adapter, word)
    assert (ret.status, ret.status_raw) == (status, word)


@pytest.mark.parametrize("word", NEVER_DEFINED)
def test_word_that_is_shown_and_never_defined_is_unknown(adapter: Any, read: Any, word: str) -> None:
    ret = read(adapter, word)
    assert (ret.status, ret.status_raw) == (Status.UNKNOWN, word)


@pytest.mark.parametrize("word", [word for word, _ in REFERENCE + STATUSES_PAGE + CODES_OF_2026])
def test_documented_word_is_not_counted_as_unknown(adapter: Any, read: Any, word: str) -> None:
    read(adapter, word)
    assert adapter.statuses.unknown_words() == {}


@pytest.mark.parametrize("word", [word for word in NEVER_DEFINED if word != "Waiting on Customer"])
def test_word_that_means_nothing_here_is_counted_as_unknown(adapter: Any, read: Any, word: str) -> None:
    read(adapter, word)
    assert adapter.statuses.unknown_words() == {word: 1}


def test_words_nobody_documented_are_unknown_kept_and_counted(adapter: Any, read: Any) -> None:
    ret = read(adapter, "Bei der Werkstatt")
    assert (ret.status, ret.status_raw) == (Status.UNKNOWN, "Bei der Werkstatt")
    assert adapter.statuses.unknown_words() == {"Bei der Werkstatt": 1}


def test_unknown_words_of_one_account_are_not_anothers(make: Any, read: Any) -> None:
    one, other = make(), make()
    read(one, "Bei der Werkstatt")
    assert other.statuses.unknown_words() == {}


@pytest.mark.parametrize("word", [None, ""])
def test_silence_is_unknown_without_a_word(adapter: Any, read: Any, word: object) -> None:
    ret = read(adapter, word)
    assert (ret.status, ret.status_raw, adapter.statuses.unknown_words()) == (Status.UNKNOWN, None, {})


@pytest.mark.parametrize("word", ["label_sent", "Label Sent", "LABEL_SENT", "label-sent", "  Label  Sent "])
def test_spelling_is_folded(adapter: Any, read: Any, word: str) -> None:
    assert read(adapter, word).status is Status.READY_TO_SHIP


@pytest.mark.parametrize("word", ["completed", "closed", "CLOSED", "resolved", "rejected", "counter_swapped"])
def test_no_resolution_is_invented(adapter: Any, read: Any, word: str) -> None:
    assert read(adapter, word).resolutions == ()


def test_refunded_is_a_refund_done(adapter: Any, read: Any) -> None:
    assert read(adapter, "REFUNDED").resolutions == (
        Resolution(kind=ResolutionKind.REFUND, status=ResolutionStatus.DONE),
    )


@pytest.mark.parametrize("word", ["waiting_customer", "Awaiting Return", "Waiting on Customer"])
def test_wait_for_the_customer_is_given_beside_the_progress(adapter: Any, read: Any, word: str) -> None:
    assert read(adapter, word).attention == {Attention.WAITING_CUSTOMER}


def test_every_row_names_its_source(adapter: Any) -> None:
    assert [word for word, facts in adapter.statuses.rows.items() if not facts.source] == []


def test_every_row_that_means_unknown_says_why(adapter: Any) -> None:
    rows = adapter.statuses.rows.items()
    assert [word for word, facts in rows if facts.status is Status.UNKNOWN and not facts.why] == []


def test_shops_own_word_is_a_status(make: Any, read: Any) -> None:
    adapter = make(status_map={"Quality Hold": "received"})
    assert read(adapter, "QUALITY_HOLD").status is Status.RECEIVED


def test_shops_own_word_is_a_table_of_facts(make: Any, read: Any) -> None:
    table = {
        "status": "received",
        "attention": ["review", "on_hold"],
        "goods_expected": True,
        "resolution": "repair",
        "resolution_status": "pending",
    }
    ret = read(make(status_map={"quality-hold": table}), "Quality Hold")
    assert (ret.status, ret.attention, ret.goods_expected, ret.resolutions) == (
        Status.RECEIVED,
        {Attention.REVIEW, Attention.ON_HOLD},
        True,
        (Resolution(kind=ResolutionKind.REPAIR, status=ResolutionStatus.PENDING),),
    )


def test_shops_own_word_may_be_given_as_objects(make: Any, read: Any) -> None:
    table = {"status": Status.RECEIVED, "attention": [Attention.REVIEW]}
    adapter = make(status_map={"A": Status.CLOSED, "B": Facts(status=Status.DRAFT), "C": table})
    assert [read(adapter, word).status for word in "ABC"] == [Status.CLOSED, Status.DRAFT, Status.RECEIVED]


def test_shops_meaning_wins_over_the_vendors(make: Any, read: Any) -> None:
    assert read(make(status_map={"Completed": "resolved"}), "completed").status is Status.RESOLVED


def test_vendors_words_stay_beside_the_shops(make: Any, read: Any) -> None:
    assert read(make(status_map={"Quality Hold": "received"}), "pending").status is Status.REQUESTED


@pytest.mark.parametrize(
    "meaning",
    [
        "recieved",
        "",
        None,
        3,
        ["received"],
        {},
        {"attention": ["review"]},
        {"status": "recieved"},
        {"status": None},
        {"status": ["received"]},
        {"status": "received", "attention": "review"},
        {"status": "received", "attention": ["looking"]},
        {"status": "received", "shipment": "delivered"},
        {"status": "received", "colour": "red"},
        {"status": "received", "goods_expected": "no"},
    ],
)
def test_meaning_that_is_not_understood_is_refused_by_the_words_name(make: Any, meaning: object) -> None:
    with pytest.raises(ConfigurationError, match="Quality Hold"):
        make(status_map={"Fine": "received", "Quality Hold": meaning})


def test_bad_fact_is_named(make: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"attention\[1\]"):
        make(status_map={"Quality Hold": {"status": "received", "attention": ["review", "looking"]}})


@pytest.mark.parametrize("word", ["", "  ", "-"])
def test_empty_word_is_refused(make: Any, word: str) -> None:
    with pytest.raises(ConfigurationError, match="empty"):
        make(status_map={word: "received"})


def test_two_spellings_with_two_meanings_are_refused(make: Any) -> None:
    with pytest.raises(ConfigurationError, match="folds onto"):
        make(status_map={"quality hold": "received", "Quality-Hold": "inspected"})
