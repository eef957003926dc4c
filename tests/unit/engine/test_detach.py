import pytest

from seaway.engine.detach import DEFAULT_KEYS, DetachFilter, parse_detach_keys


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("", DEFAULT_KEYS),
        ("ctrl-p,ctrl-q", b"\x10\x11"),
        ("a", b"a"),
        ("ctrl-a,a,DEL", b"\x01a\x7f"),
        ("ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_", b"\x00\x1b\x1c\x1d\x1e\x1f"),
    ],
)
def test_keys_are_named(text: str, keys: bytes) -> None:
    assert parse_detach_keys(text) == keys


@pytest.mark.parametrize("name", ["ctrl-1", "Ctrl-p", "ctrl-P", "del", "ab", "é", "ctrl-", ""])
def test_a_name_that_is_none(name: str) -> None:
    with pytest.raises(ValueError, match="Unknown character"):
        parse_detach_keys(f"a,{name}")


def passes(*pieces: bytes) -> tuple[list[bytes], bool]:
    keys = DetachFilter(b"\x10\x11")
    return [keys.feed(piece) for piece in pieces], keys.detached


def test_the_keys_are_never_seen_by_the_terminal() -> None:
    assert passes(b"ls\n\x10\x11rest") == ([b"ls\n"], True)
    assert passes(b"ls\n\x10", b"\x11") == ([b"ls\n", b""], True)


def test_a_beginning_alone_comes_late_but_comes() -> None:
    assert passes(b"a\x10", b"b") == ([b"a", b"\x10b"], False)
    assert passes(b"\x11\x10b\x11") == ([b"\x11\x10b\x11"], False)


def test_a_key_twice_is_data_as_in_dockerd() -> None:
    assert passes(b"\x10\x10\x11") == ([b"\x10\x10\x11"], False)


def test_one_key_and_many_bytes() -> None:
    keys = DetachFilter(b"q")
    assert keys.feed(b"x" * 70_000 + b"q" + b"y") == b"x" * 70_000
    assert keys.detached
    assert keys.feed(b"more") == b""
