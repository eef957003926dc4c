import pytest

from seaway.kernel import dbuswire
from seaway.kernel.dbuswire import FIXED_SIZE, Message, parse_message, rest_size, to_wire

HELLO = Message(
    dbuswire.CALL,
    1,
    {
        dbuswire.PATH: "/org/freedesktop/DBus",
        dbuswire.INTERFACE: "org.freedesktop.DBus",
        dbuswire.MEMBER: "Hello",
        dbuswire.DESTINATION: "org.freedesktop.DBus",
    },
)


def test_the_bytes_of_a_call() -> None:
    """Little-endian; no body; fields from byte 16, each at a multiple of eight."""
    data = to_wire(HELLO)
    assert data[:16] == bytes.fromhex("6c010201 00000000 01000000 6d000000")
    assert data[16:48] == b"\1\1o\0\x15\0\0\0/org/freedesktop/DBus\0\0\0"
    assert data[48:80] == b"\2\1s\0\x14\0\0\0org.freedesktop.DBus\0\0\0\0"
    assert data[80:96] == b"\3\1s\0\5\0\0\0Hello\0\0\0"
    assert len(data) % 8 == 0
    assert rest_size(data[:FIXED_SIZE]) == len(data) - FIXED_SIZE


@pytest.mark.parametrize(
    ("signature", "body"),
    [
        ("s", ("zone",)),
        ("sa{sv}", ("docker", {"target": ("s", "ACCEPT"), "ingress": ("as", ["ANY", "x"]), "n": ("u", 7)})),
        ("as", ([],)),
        ("ya(yv)t", (3, [(1, ("g", "a{sv}")), (2, ("b", True))], 1 << 40)),
        ("(s(iq))d", (("a", (-5, 6)), 0.5)),
        ("aas", ([["a"], [], ["b", "c"]],)),
    ],
)
def test_values_come_back(signature: str, body: tuple[object, ...]) -> None:
    message = Message(dbuswire.SIGNAL, 9, {dbuswire.MEMBER: "M", dbuswire.SIGNATURE: signature}, body)
    data = to_wire(message)
    assert rest_size(data[:FIXED_SIZE]) == len(data) - FIXED_SIZE
    assert parse_message(data) == message


def test_the_other_order_of_bytes() -> None:
    data = b"B\2\0\1\0\0\0\4\0\0\0\5\0\0\0\x0f" + b"\5\1u\0\0\0\0\1\x08\1g\0\1u\0" + b"\0" + b"\0\0\1\0"
    assert rest_size(data[:FIXED_SIZE]) == len(data) - FIXED_SIZE
    fields = {dbuswire.REPLY_SERIAL: 1, dbuswire.SIGNATURE: "u"}
    assert parse_message(data) == Message(dbuswire.RETURN, 5, fields, (256,))


@pytest.mark.parametrize("data", [b"x" * 16, b"l" + b"\xff" * 40])
def test_what_is_no_message(data: bytes) -> None:
    with pytest.raises(ValueError, match="no D-Bus message"):
        rest_size(data[:FIXED_SIZE])
        parse_message(data)
