import pytest

from seaway.base import phases


def test_each_phase_is_heard_when_it_ends_also_by_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    monkeypatch.setattr(phases, "_recorders", [])
    with phases.phase("before anybody listens"):
        pass
    phases.record_to(lambda name, began, ended: heard.append(name) if began <= ended else None)
    with phases.phase("outer"), phases.phase("inner"):
        pass
    with pytest.raises(ValueError), phases.phase("failed"):
        raise ValueError
    assert heard == ["inner", "outer", "failed"]
