"""Into a directory that the tar cannot leave: real files, real links, and somebody who swaps them meanwhile."""

import io
import os
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from seaway.kernel.paths import evaluate, make_directories, open_beneath, open_in_root
from seaway.kernel.syscalls import libc
from seaway.kernel.tar import BadTar
from seaway.kernel.treetar import TreeTar
from seaway.kernel.untar import Refused, Rules, Untar

EXCHANGE = 2


@pytest.fixture
def root(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "root").mkdir()
    fd = os.open(tmp_path / "root", os.O_PATH | os.O_DIRECTORY)
    yield fd
    os.close(fd)


def archive(*members: tarfile.TarInfo, content: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as made:
        for info in members:
            if info.isreg():
                info.size = len(content)
            made.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def info(name: str, kind: bytes = tarfile.REGTYPE, **fields: object) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type = kind
    for field, value in fields.items():
        setattr(made, field, value)
    return made


def unpack(root: int, data: bytes, destination: str = "/", rules: Rules | None = None) -> None:
    Untar(root, destination, rules or Rules()).run(io.BytesIO(data).read)


def test_everything_that_a_tar_can_hold(root: int, tmp_path: Path) -> None:
    unpack(
        root,
        archive(
            info("d", tarfile.DIRTYPE, mode=0o2711, uid=3, gid=4, mtime=1000),
            info("d/file", mode=0o4755, uid=5, gid=6, mtime=2000.5),
            info("d/hard", tarfile.LNKTYPE, linkname="d/file"),
            info("d/soft", tarfile.SYMTYPE, linkname="../gone", uid=7),
            info("pipe", tarfile.FIFOTYPE, mode=0o622),
            info("null", tarfile.CHRTYPE, devmajor=1, devminor=3, mode=0o666),
            info("\udcff\udcfe", mode=0o600),
            info("n" * 200),
            info("x", pax_headers={"SCHILY.xattr.user.note": "hi"}),
            content=b"abc",
        ),
    )
    made = tmp_path / "root"
    file = (made / "d/file").stat()
    assert (file.st_mode & 0o7777, file.st_uid, file.st_gid, file.st_nlink) == (0o4755, 5, 6, 2)
    assert (file.st_size, file.st_mtime) == (3, 2000.5)
    directory = (made / "d").stat()
    assert (directory.st_mode & 0o7777, directory.st_uid, directory.st_gid, directory.st_mtime) == (0o2711, 3, 4, 1000)
    assert os.readlink(made / "d/soft") == "../gone"
    assert (made / "d/soft").lstat().st_uid == 7
    assert (made / "pipe").is_fifo()
    assert (made / "null").stat().st_rdev == os.makedev(1, 3)
    assert (made / "null").stat().st_mode & 0o777 == 0o666
    assert {"\udcff\udcfe", "n" * 200} <= set(os.listdir(made))
    assert os.getxattr(made / "x", "user.note") == b"hi"


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (info("../../x"), r'"../../x" is outside of "/"'),
        (info("a/../../y"), r'"../y" is outside of "/"'),
        (info("odd", b"9"), r"unhandled tar header type 57"),
    ],
)
def test_refusals(root: int, member: tarfile.TarInfo, message: str) -> None:
    with pytest.raises((Refused, BadTar), match=message):
        unpack(root, archive(member))


def test_links_that_lead_out_of_the_destination(root: int, tmp_path: Path) -> None:
    (tmp_path / "root/t").mkdir()
    with pytest.raises(Refused, match=r'invalid symlink "/t/l" -> "../../../etc"'):
        unpack(root, archive(info("l", tarfile.SYMTYPE, linkname="../../../etc")), "/t")
    with pytest.raises(Refused, match=r'invalid hardlink "/etc/passwd" -> "../etc/passwd"'):
        unpack(root, archive(info("h", tarfile.LNKTYPE, linkname="../etc/passwd")), "/t")


def test_absolute_links_stay_inside(root: int, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    os.symlink(outside, tmp_path / "root/link")
    with pytest.raises(FileNotFoundError):
        open_in_root(root, "link/x")
    os.makedirs(f"{tmp_path}/root/{outside}")
    unpack(root, archive(info("link/x")))
    assert not list(outside.iterdir())
    assert Path(f"{tmp_path}/root/{outside}/x").exists()


def test_a_directory_replaces_a_file_unless_told_otherwise(root: int, tmp_path: Path) -> None:
    (tmp_path / "root/a").write_text("")
    (tmp_path / "root/d/below").mkdir(parents=True)
    keep = Rules(keep_kind=True)
    with pytest.raises(Refused, match='cannot overwrite non-directory "/a" with directory "/"'):
        unpack(root, archive(info("a", tarfile.DIRTYPE)), rules=keep)
    with pytest.raises(Refused, match='cannot overwrite directory "/d" with non-directory "/"'):
        unpack(root, archive(info("d")), rules=keep)
    unpack(root, archive(info("a", tarfile.DIRTYPE), info("d")))
    assert (tmp_path / "root/a").is_dir()
    assert (tmp_path / "root/d").is_file()


def test_the_owner_of_the_rules(root: int, tmp_path: Path) -> None:
    unpack(root, archive(info("a", uid=5), info("d", tarfile.DIRTYPE)), rules=Rules(owner=(33, 34)))
    assert {(p.stat().st_uid, p.stat().st_gid) for p in (tmp_path / "root").iterdir()} == {(33, 34)}


def test_half_a_file_is_not_left(root: int, tmp_path: Path) -> None:
    data = archive(info("big"), content=bytes(3 << 20))
    with pytest.raises(BadTar, match="unexpected EOF"):
        unpack(root, data[: 2 << 20])
    assert os.listdir(tmp_path / "root") == []


def test_holes_come_back_as_holes(root: int, tmp_path: Path) -> None:
    unpack(root, archive(info("s"), content=bytes(8 << 20) + b"end"))
    made = (tmp_path / "root/s").stat()
    assert made.st_size == (8 << 20) + 3
    assert made.st_blocks * 512 < 1 << 20


def test_a_name_given_twice_is_the_last(root: int, tmp_path: Path) -> None:
    members = [info("f", mode=0o600 + n) for n in range(8)]
    unpack(root, archive(*members))
    assert (tmp_path / "root/f").stat().st_mode & 0o777 == 0o607


def test_paths_and_links_inside_a_root(root: int, tmp_path: Path) -> None:
    os.close(make_directories(root, "/a/b/c"))
    os.symlink("/a/b", tmp_path / "root/abs")
    os.symlink("../abs/c", tmp_path / "root/a/up")
    assert evaluate(root, "/a/up/../gone/./x") == "/a/b/gone/x"
    assert evaluate(root, "../../abs") == "/a/b"
    with pytest.raises(OSError, match=r"openat2"):
        open_beneath(root, "abs")
    os.close(open_beneath(root, "a/b/c"))


def test_swapped_links_never_lead_out(tmp_path: Path) -> None:
    """A directory and a link to the outside take turns at one name while thousands of files go through it."""
    inside, outside = tmp_path / "root", tmp_path / "outside"
    (inside / "real").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret").write_text("host")
    os.symlink(outside, inside / "evil")
    os.rename(inside / "real", inside / "spot")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            assert libc.renameat2(-100, bytes(inside / "spot"), -100, bytes(inside / "evil"), EXCHANGE) == 0

    swapper = threading.Thread(target=swap)
    root = os.open(inside, os.O_PATH | os.O_DIRECTORY)
    swapper.start()
    try:
        data = archive(*(info(f"spot/f{n % 7}") for n in range(10)), content=b"x")
        tried = 0
        for _ in range(3000):
            try:
                unpack(root, data)
                tried += 1
            except OSError:
                pass  # the name was not there, or was a link that leads nowhere
            assert read_all(root, "spot").find(b"host") < 0
    finally:
        stop.set()
        swapper.join()
        os.close(root)
    assert tried
    assert os.listdir(outside) == ["secret"]


def read_all(root: int, name: str) -> bytes:
    reader, writer = os.pipe()
    try:
        made = TreeTar(writer)
        fd = open_in_root(root, name, os.O_RDONLY | os.O_DIRECTORY)
        try:
            made.add_directory(fd, name.encode())
        finally:
            os.close(fd)
        made.finish()
        return os.read(reader, 65536)
    except OSError:
        return b""
    finally:
        os.close(reader)
        os.close(writer)
