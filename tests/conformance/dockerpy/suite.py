"""docker-py's own integration tests: fetched from its source distribution, run against an engine, and read."""

import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

HERE = Path(__file__).parent
FOLDER = "tests/integration"


@dataclass(frozen=True)
class Exceptions:
    """Test or file -> why. `not_run`: about what the engine does not have. Those that `fails` has run, and have to fail."""

    not_run: dict[str, str]
    may_fail: dict[str, str]
    fails: dict[str, str]


@dataclass
class Outcome:
    passed: set[str] = field(default_factory=set)
    skipped: set[str] = field(default_factory=set)
    failures: dict[str, str] = field(default_factory=dict)


def read_exceptions(engine: str) -> Exceptions:
    tables = tomllib.loads((HERE / "exceptions.toml").read_text())
    return Exceptions(tables["not_run"], tables["may_fail"], tables["fails_everywhere"] | tables[f"fails_on_{engine}"])


def fetch(cache: Path) -> Path:
    """The folder that holds `tests`. pip checks the hash; a second call finds what the first one left."""
    unpacked = cache / "docker-6.1.3"
    if unpacked.exists():
        return unpacked
    # Its source alone: ":all:" would make setuptools from source too, for minutes.
    download = ["download", "-q", "--no-deps", "--no-binary", "docker", "--require-hashes"]
    subprocess.run(
        [sys.executable, "-m", "pip", *download, "-d", str(cache), "-r", str(HERE / "sdist.txt")],
        check=True,
        timeout=300,
    )
    staged = cache / "staged"
    with tarfile.open(cache / "docker-6.1.3.tar.gz") as archive:
        wanted = [m for m in archive if m.name.startswith("docker-6.1.3/tests/") or m.name == "docker-6.1.3/pytest.ini"]
        # The hash has been checked; Debian 12's Python 3.11.2 has no filters yet.
        filtered = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        archive.extractall(staged, members=wanted, **filtered)
    (staged / "docker-6.1.3").rename(unpacked)
    return unpacked


def run(
    suite: Path, host: str, prefix: list[str], scratch: Path, not_run: Iterable[str], only: Iterable[str] = ("",)
) -> Outcome:
    """`prefix` enters the engine's network. The tests get a home and a temporary folder of their own."""
    report = scratch / "report.xml"
    scratch.mkdir(exist_ok=True)
    (scratch / "home/.docker").mkdir(parents=True)
    # Without one, docker-py keeps its contexts in the working directory.
    (scratch / "home/.docker/config.json").write_text("{}")
    (scratch / "tmp").mkdir()
    command = [
        *prefix,
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--timeout=60",
        "-p",
        "no:unraisableexception",
    ]
    command += [
        f"--junitxml={report}",
        *(f"{FOLDER}/{name}" for name in only),
        *(f"--deselect={FOLDER}/{name}" for name in not_run),
    ]
    with open(scratch / "output", "wb") as output:
        subprocess.run(
            command,
            cwd=suite,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={
                "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "DOCKER_HOST": host,
                "HOME": str(scratch / "home"),
                "TMPDIR": str(scratch / "tmp"),
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            check=False,
        )
    assert report.exists(), (scratch / "output").read_text()
    return read_report(report)


def read_report(report: Path) -> Outcome:
    outcome = Outcome()
    for case in ElementTree.parse(report).iter("testcase"):
        module, _, group = case.get("classname", "").removeprefix("tests.integration.").rpartition("_test.")
        name = f"{module}_test.py::{group}::{case.get('name')}"
        troubles = [child for child in case if child.tag in ("failure", "error")]
        if troubles:
            outcome.failures[name] = troubles[0].get("message", "")
        elif any(child.tag == "skipped" for child in case):
            outcome.skipped.add(name)
        elif name not in outcome.failures:
            outcome.passed.add(name)
    outcome.passed -= outcome.failures.keys()
    return outcome
