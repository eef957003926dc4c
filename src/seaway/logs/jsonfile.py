"""The json-file driver: `containers/<id>/<id>-json.log`, one JSON object a line."""

import os
from collections.abc import Sequence

from seaway.logs.driver import ContainerInfo, LogReading, ReadRequest
from seaway.logs.filefollow import FileReading
from seaway.logs.jsonline import JSON_LINES, encode_attrs, encode_lines
from seaway.logs.options import extra_attributes, parse_json_file_options, tag_of
from seaway.logs.rotating import RotatingFile
from seaway.logs.spool import LogLine

SEARCH_BYTES = 4096


class JsonFileDriver:
    def __init__(self, info: ContainerInfo) -> None:
        self.path = info.directory / f"{info.id}-json.log"
        tag = {"tag": tag_of(info)} if info.options.get("tag") else {}
        self._attrs = encode_attrs(extra_attributes(info) | tag)
        self._file = RotatingFile(self.path, parse_json_file_options(info.options), cut_unfinished_line)

    def open(self) -> None:
        """The file is made with the first line."""

    def write(self, lines: Sequence[LogLine]) -> None:
        self._file.append(encode_lines(lines, self._attrs))

    def read(self, request: ReadRequest) -> LogReading:
        return FileReading(self.path, request, JSON_LINES)

    def close(self) -> None:
        self._file.close()

    def remove(self) -> None:
        self._file.remove()


def cut_unfinished_line(fd: int) -> int:
    """A crash may have left the head of a line, which is shipped again as a whole. Answers the file's size."""
    size = os.fstat(fd).st_size
    end = size
    while end:
        start = max(0, end - SEARCH_BYTES)
        if found := os.pread(fd, end - start, start).rfind(b"\n") + 1:
            end = start + found
            break
        end = start
    if end < size:
        os.ftruncate(fd, end)
    return end
