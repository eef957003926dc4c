"""Writes a layer's tar-split, gzipped, while its tar goes by."""

from isal import igzip

from seaway.layers.tarsplit import encode_file, encode_segment

_BUFFER = 1 << 18


class SplitWriter:
    def __init__(self, fd: int) -> None:
        self._file = igzip.IGzipFile(fileobj=open(fd, "wb"), mode="wb", compresslevel=1, mtime=0)  # noqa: SIM115
        self._lines: list[bytes] = []
        self._position = self._buffered = 0

    def segment(self, data: bytes) -> None:
        if data:
            self._add(encode_segment(data, self._position))

    def file(self, name: bytes, size: int, crc: int | None) -> None:
        self._add(encode_file(name, size, crc, self._position))

    def _add(self, line: bytes) -> None:
        self._lines.append(line)
        self._position += 1
        self._buffered += len(line)
        if self._buffered > _BUFFER:
            self._flush()

    def _flush(self) -> None:
        self._file.write(b"".join(self._lines))
        self._lines, self._buffered = [], 0

    def close(self) -> None:
        self._flush()
        self._file.close()
