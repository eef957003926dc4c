from pathlib import Path

import pytest

from seaway.api.versions import MIN_VERSION, Version
from seaway.base.errors import SystemFailure
from seaway.daemon.options import minimum_version, temporary_directory


@pytest.mark.parametrize(("text", "version"), [("", MIN_VERSION), ("1.22", Version(1, 22)), ("1.44", Version(1, 44))])
def test_the_oldest_api(text: str, version: Version) -> None:
    assert minimum_version({"DOCKER_MIN_API_VERSION": text}) == version


@pytest.mark.parametrize("text", ["1.21", "1.99", "old"])
def test_what_is_refused(text: str) -> None:
    with pytest.raises(SystemFailure, match=r"must be between 1\.22 and 1\.51"):
        minimum_version({"DOCKER_MIN_API_VERSION": text})


def test_where_archives_lie_while_they_are_read() -> None:
    root = Path("/var/lib/docker")
    assert temporary_directory({"DOCKER_TMPDIR": "/big"}, root) == Path("/big")
    assert temporary_directory({"DOCKER_TMPDIR": ""}, root) == root / "tmp"
