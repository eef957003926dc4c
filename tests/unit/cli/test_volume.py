"""`seaway volume export` against an engine that answers as it is told."""

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seaway.cli import volume

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
COMMAND = "import sys; from seaway.cli.volume import main; sys.exit(main(sys.argv[1:]))"


@contextmanager
def engine(answer: bytes, *, hold: threading.Event | None = None) -> Iterator[str]:
    """`hold`: the connection stays open until it is set."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        client, _ = listener.accept()
        with client:
            client.recv(65536)
            client.sendall(answer)
            if hold:
                hold.wait(20)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        thread.join()
        listener.close()


def contents(directory: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in directory.iterdir()}


def test_an_export_is_there_when_it_is_whole(tmp_path: Path) -> None:
    with engine(HEAD + b"b\r\na whole tar\r\n0\r\n\r\n") as host:
        assert volume.main(["-H", host, "export", "data", "-o", str(tmp_path / "data.tar")]) == 0
    assert contents(tmp_path) == {"data.tar": b"a whole tar"}


def test_an_export_that_breaks_off_leaves_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "data.tar"
    target.write_bytes(b"before")
    with engine(HEAD + b"b\r\nhalf") as host:
        assert volume.main(["-H", host, "export", "data", "-o", str(target)]) == 1
    assert contents(tmp_path) == {"data.tar": b"before"}


def test_an_interrupted_export_says_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    answered = threading.Event()
    with engine(HEAD + b"4\r\nhalf\r\n", hold=answered) as host:
        arguments = ["-H", host, "export", "data", "-o", str(tmp_path / "data.tar")]
        export = subprocess.Popen([sys.executable, "-c", COMMAND, *arguments], stderr=subprocess.PIPE)
        while not contents(tmp_path) and export.poll() is None:
            pass
        export.send_signal(signal.SIGINT)
        _, said = export.communicate(timeout=20)
        answered.set()
    assert (export.returncode, said, contents(tmp_path)) == (130, b"", {})
