"""What `docker cp` asks of a path first, in Go's words: X-Docker-Container-Path-Stat. Pure."""

import base64
import os
import stat
from dataclasses import dataclass

from seaway.base import gojson
from seaway.base.clock import format_time

_TYPES = {
    stat.S_IFDIR: 1 << 31,
    stat.S_IFLNK: 1 << 27,
    stat.S_IFBLK: 1 << 26,
    stat.S_IFIFO: 1 << 25,
    stat.S_IFSOCK: 1 << 24,
    stat.S_IFCHR: 1 << 26 | 1 << 21,
    stat.S_IFREG: 0,
}
_BITS = {stat.S_ISUID: 1 << 23, stat.S_ISGID: 1 << 22, stat.S_ISVTX: 1 << 20}


@dataclass(frozen=True, slots=True)
class PathStat:
    name: str
    size: int
    mode: int
    mtime_ns: int
    link_target: str = ""

    @property
    def is_directory(self) -> bool:
        return stat.S_ISDIR(self.mode)

    def header(self) -> str:
        value = {
            "name": self.name,
            "size": self.size,
            "mode": go_mode(self.mode),
            "mtime": format_time(self.mtime_ns),
            "linkTarget": self.link_target,
        }
        return base64.b64encode(gojson.encode(value)).decode()


def go_mode(mode: int) -> int:
    """Go's os.FileMode: its own bits for type, set-id and sticky."""
    special = sum(bit for unix, bit in _BITS.items() if mode & unix)
    return _TYPES.get(stat.S_IFMT(mode), 1 << 19) | special | mode & 0o777


def path_stat(name: str, info: os.stat_result, link_target: str = "") -> PathStat:
    return PathStat(name, info.st_size, info.st_mode, info.st_mtime_ns, link_target)
