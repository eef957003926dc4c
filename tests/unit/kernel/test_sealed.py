import shutil
import subprocess
from pathlib import Path

import pytest

from seaway.kernel.sealed import sealed_program


def test_the_copy_runs_and_cannot_be_changed() -> None:
    copy = sealed_program(shutil.which("true") or "/bin/true")
    assert copy.startswith("/proc/")
    assert subprocess.run([copy], check=False).returncode == 0
    with pytest.raises(OSError), open(copy, "wb") as file:
        file.write(b"x")


def test_a_changed_program_gets_a_new_copy(tmp_path: Path) -> None:
    program = tmp_path / "program"
    shutil.copy(shutil.which("true") or "/bin/true", program)
    first = sealed_program(str(program))
    assert sealed_program(str(program)) == first
    program.unlink()
    shutil.copy(shutil.which("false") or "/bin/false", program)
    assert subprocess.run([sealed_program(str(program))], check=False).returncode == 1


def test_scripts_and_absent_programs_stay_as_they_are(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\n")
    assert sealed_program(str(script)) == str(script)
    assert sealed_program("/nowhere") == "/nowhere"
