"""Receivers on this machine for what log drivers send."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Answer = Callable[[bytes], bytes]


class Receiver:
    """All that came, and for datagrams where one ended. `answer` gives what is sent back for each piece."""

    def __init__(self, listener: socket.socket, answer: Answer | None = None) -> None:
        self._listener, self._answer = listener, answer
        self.pieces: list[bytes] = []
        self._came = threading.Condition()
        self._connections: list[tuple[socket.socket, threading.Thread]] = []
        self._receiving = threading.Thread(target=self._receive, daemon=True)
        self._receiving.start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def wait(self, is_enough: Callable[[list[bytes]], bool]) -> list[bytes]:
        with self._came:
            assert self._came.wait_for(lambda: is_enough(self.pieces), 10), self.pieces
            return list(self.pieces)

    def close(self) -> None:
        """When it returns, none of its sockets is open, one that was accepted meanwhile included."""
        shut_down(self._listener)
        self._receiving.join()
        self._listener.close()
        for connection, reading in self._connections:
            shut_down(connection)
            reading.join()
            connection.close()

    def _receive(self) -> None:
        try:
            if self._listener.type == socket.SOCK_DGRAM:
                while data := self._listener.recv(65536):
                    self._take(data)
                return
            while True:
                connection, _ = self._listener.accept()
                reading = threading.Thread(target=self._read, args=(connection,), daemon=True)
                self._connections.append((connection, reading))
                reading.start()
        except OSError:
            return

    def _read(self, connection: socket.socket) -> None:
        try:
            while data := connection.recv(65536):
                self._take(data)
                if self._answer:
                    connection.sendall(self._answer(data))
        except OSError:
            return  # closed at the end of the test

    def _take(self, data: bytes) -> None:
        with self._came:
            self.pieces.append(data)
            self._came.notify_all()


def shut_down(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # a datagram socket has no other side, and the other side may have gone; who waits is woken anyway


@contextmanager
def receiving(
    kind: str, path: str = "", answer: Answer | None = None, *, listener: socket.socket | None = None, port: int = 0
) -> Iterator[Receiver]:
    """`kind` is tcp, udp or unixgram."""
    family = socket.AF_UNIX if path else socket.AF_INET
    listener = listener or socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(path or ("127.0.0.1", port))
    if kind == "tcp":
        listener.listen()
    receiver = Receiver(listener, answer)
    try:
        yield receiver
    finally:
        receiver.close()
