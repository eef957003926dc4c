from seaway.discovery.messages import (
    Absent,
    Delete,
    Entry,
    Gone,
    Holds,
    Present,
    Put,
    UnchangedSince,
    parse_events,
    range_end,
    to_range,
    to_txn,
)


def test_a_range_ends_before_the_next_prefix() -> None:
    assert range_end("a/") == "a0"
    assert to_range("a/", prefix=True) == {"key": "YS8=", "range_end": "YTA="}
    assert to_range("a/", prefix=False) == {"key": "YS8="}


def test_a_transaction() -> None:
    compares = [Absent("a"), Present("a"), Holds("a", "b"), UnchangedSince("a", 7)]
    assert to_txn(compares, [Put("a", "b", 5), Put("a", "b"), Delete("a"), Delete("a", prefix=True)]) == {
        "compare": [
            {"key": "YQ==", "target": "CREATE", "result": "EQUAL", "create_revision": "0"},
            {"key": "YQ==", "target": "CREATE", "result": "GREATER", "create_revision": "0"},
            {"key": "YQ==", "target": "VALUE", "result": "EQUAL", "value": "Yg=="},
            {"key": "YQ==", "range_end": "Yg==", "target": "MOD", "result": "LESS", "mod_revision": "8"},
        ],
        "success": [
            {"request_put": {"key": "YQ==", "value": "Yg==", "lease": "5"}},
            {"request_put": {"key": "YQ==", "value": "Yg=="}},
            {"request_delete_range": {"key": "YQ=="}},
            {"request_delete_range": {"key": "YQ==", "range_end": "Yg=="}},
        ],
    }


def test_events_of_a_watch() -> None:
    put = {"kv": {"key": "YQ==", "value": "w7w=", "mod_revision": "9", "lease": "5"}}
    gone = {"type": "DELETE", "kv": {"key": "YQ==", "mod_revision": "10"}}
    assert parse_events({"events": [put, gone]}) == [Entry("a", "ü", 9, 5), Gone("a")]
    assert parse_events({"created": True}) == []
