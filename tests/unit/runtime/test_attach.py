import socket

from seaway.runtime.attach import AttachChannel, Output


def _pair() -> tuple[AttachChannel, socket.socket]:
    ours, conmon = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    return AttachChannel(ours), conmon


async def test_what_is_there_of_one_stream_comes_at_once_and_the_order_of_streams_stays() -> None:
    channel, conmon = _pair()
    for packet in (b"\2one ", b"\2two", b"\3oops", b"\2three"):
        conmon.send(packet)
    conmon.close()
    received = []
    while (output := await channel.recv()) is not None:
        received.append(output)
    channel.close()
    assert received == [Output(1, b"one two"), Output(2, b"oops"), Output(1, b"three")]
    assert received[0].data == b"one two"


async def test_the_end_is_told_again() -> None:
    channel, conmon = _pair()
    conmon.close()
    assert await channel.recv() is None
    assert await channel.recv() is None
    channel.close()
