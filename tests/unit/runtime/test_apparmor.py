import shutil
import subprocess
from pathlib import Path

import pytest

from seaway.runtime.apparmor import profile_text


def test_the_profile_uses_what_the_host_has(tmp_path: Path) -> None:
    bare = profile_text("p", tmp_path)
    assert "@{PROC}=/proc/\nprofile p flags=(attach_disconnected,mediate_deleted) {" in bare
    assert "#include" not in bare
    (tmp_path / "tunables").mkdir()
    (tmp_path / "tunables/global").touch()
    assert profile_text("p", tmp_path).startswith("#include <tunables/global>\nprofile p")


def test_containers_mount_nothing_and_signal_only_each_other() -> None:
    text = profile_text("p", Path("/nosuch"))
    assert "  deny mount,\n" in text
    assert "  signal (send,receive) peer=p,\n" in text
    assert text.endswith("}\n")


@pytest.mark.skipif(not shutil.which("apparmor_parser"), reason="needs apparmor_parser")
def test_the_parser_takes_it(tmp_path: Path) -> None:
    file = tmp_path / "profile"
    file.write_text(profile_text("p"))
    subprocess.run(["apparmor_parser", "--skip-kernel-load", "--skip-cache", str(file)], check=True)
