"""`examples/embed.py` as the README shows it."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.engines import end_leftovers
from conformance.images import busybox_tar
from seaway.kernel import cgroup

EXAMPLE = Path(__file__).parents[2] / "examples" / "embed.py"


@pytest.mark.seaway_only("an engine inside a program of one's own")
def test_a_program_has_an_engine_of_its_own_and_hears_its_events(tmp_path: Path) -> None:
    undo_cgroup = cgroup.ensure_crun_can_start()
    command = ["unshare", "--net", sys.executable, str(EXAMPLE), str(tmp_path)]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert program.stdout
    try:
        docker = program.stdout.readline().split()
        assert docker[:1] == ["docker"]
        subprocess.run([*docker, "import", "-", "busybox"], input=busybox_tar(), check=True, capture_output=True)
        run = [*docker, "run", "--rm", "--network", "none", "busybox", "echo", "inside"]
        assert subprocess.run(run, check=True, capture_output=True).stdout == b"inside\n"
        told = iter(program.stdout.readline, "")
        assert any(line.startswith("container start ") for line in told)
        program.send_signal(signal.SIGINT)
        assert program.wait(30) == 0
        assert not (tmp_path / "docker.sock").exists()
    finally:
        program.kill()
        program.wait()
        program.stdout.close()
        end_leftovers("", tmp_path)
        undo_cgroup()
