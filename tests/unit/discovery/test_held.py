from seaway.discovery.held import Step, holder, plan_hold
from seaway.discovery.messages import Absent, Delete, Holds, Put

MINE, OLD, OTHERS, EVERYBODYS = '{"Engine": "me"}', '{"Engine": "me", "a": 1}', '{"Engine": "x"}', "no JSON"


def test_what_must_be_done_so_that_all_that_is_held_is_there_and_nothing_else() -> None:
    held = {"new": MINE, "old": MINE, "lost": MINE}
    stored = {"old": OLD, "lost": OTHERS, "left": OLD, "theirs": OTHERS, "net": EVERYBODYS}
    assert plan_hold(held, stored, "me", 7, "p/") == [
        Step("new", (Absent("p/new"),), (Put("p/new", MINE, 7),)),
        Step("old", (Holds("p/old", OLD),), (Put("p/old", MINE, 7),)),
        Step("lost", (), (), lost_to="x"),
        Step("left", (Holds("p/left", OLD),), (Delete("p/left"),)),
    ]


def test_who_holds_a_value() -> None:
    assert [holder(v) for v in (MINE, OTHERS, EVERYBODYS, "[]", "{}")] == ["me", "x", "", "", ""]
