"""Images that the tests make themselves: no registry of others is asked."""

import shutil
import subprocess
import tarfile
from io import BytesIO


def busybox_tar(*, marker: str = "") -> bytes:
    """A root filesystem with Debian's static busybox; a marker makes it a layer of its own."""
    busybox = shutil.which("busybox") or "/bin/busybox"
    applets = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split()
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in ("bin", "etc", "tmp", "proc", "sys", "dev", "root", "var", "var/opt"):
            directory = tarfile.TarInfo(name)
            directory.type, directory.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(directory)
        archive.add(busybox, "bin/busybox")
        for applet in sorted(set(applets) - {"busybox"}):
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
        texts = {
            "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34::/tmp:/bin/sh\npostgres:x:70:70::/var:/bin/sh\n",
            "etc/group": "root:x:0:\n",
        }
        for name, text in (texts | ({"etc/marker": marker} if marker else {})).items():
            file = tarfile.TarInfo(name)
            file.size = len(text)
            archive.addfile(file, BytesIO(text.encode()))
    return buffer.getvalue()
