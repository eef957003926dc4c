"""Images that the tests make themselves: no registry of others is asked."""

import shutil
import tarfile
from io import BytesIO

APPLETS = [
    "sh",
    "ls",
    "cat",
    "echo",
    "true",
    "false",
    "sleep",
    "seq",
    "dd",
    "yes",
    "head",
    "wc",
    "nc",
    "wget",
    "env",
    "id",
    "stat",
    "stty",
    "touch",
    "hostname",
]


def busybox_tar(*, marker: str = "") -> bytes:
    """A root filesystem with Debian's static busybox; a marker makes it a layer of its own."""
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in ("bin", "etc", "tmp", "proc", "sys", "dev"):
            directory = tarfile.TarInfo(name)
            directory.type, directory.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(directory)
        archive.add(shutil.which("busybox") or "/bin/busybox", "bin/busybox")
        for applet in APPLETS:
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
        texts = {
            "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34::/tmp:/bin/sh\n",
            "etc/group": "root:x:0:\n",
        }
        for name, text in (texts | ({"etc/marker": marker} if marker else {})).items():
            file = tarfile.TarInfo(name)
            file.size = len(text)
            archive.addfile(file, BytesIO(text.encode()))
    return buffer.getvalue()
