"""`docker rmi`, `image prune` and the filters of `docker images`: what stays, what goes, and what each says."""

import json
from collections.abc import Iterator

import pytest

from conformance.conftest import RunningEngine

OWN = "label=removal"


@pytest.fixture
def tree(engine: RunningEngine) -> Iterator[dict[str, str]]:
    """IDs of `parent`, `kid` that was made from it, and `bare` that has no name."""
    ids: dict[str, str] = {}
    for name, base in (("parent", "busybox"), ("kid", "removal:parent"), ("bare", "busybox")):
        engine.docker("run", "--name", "maker", base, "sh", "-c", f"echo {name} > /{name}")
        named = () if name == "bare" else (f"removal:{name}",)
        change = f"LABEL removal={name}"
        ids[name] = engine.docker("commit", "-c", change, "maker", *named).stdout.strip().removeprefix("sha256:")
        engine.docker("rm", "maker")
    yield ids
    engine.docker("rmi", "-f", "removal:kid", "removal:kid2", "other:kid", "removal:parent", ids["bare"])


def listed(engine: RunningEngine, *filters: str) -> set[str]:
    flags = [word for each in (OWN, *filters) for word in ("-f", each)]
    return set(engine.docker("images", "--no-trunc", "-q", *flags).stdout.replace("sha256:", "").split())


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ((), "parent kid bare"),
        (("label=removal=kid",), "kid"),
        (("label=nosuch",), ""),
        (("dangling=true",), "bare"),
        (("dangling=false",), "parent kid"),
        (("before=removal:kid",), "parent"),
        (("since=removal:parent",), "kid bare"),
        (("since=removal:parent", "dangling=false"), "kid"),
        (("reference=removal",), "parent kid"),
        (("reference=removal:k*",), "kid"),
        (("reference=nosuch*",), ""),
    ],
)
def test_filters(engine: RunningEngine, tree: dict[str, str], filters: tuple[str, ...], found: str) -> None:
    assert listed(engine, *filters) == {tree[name] for name in found.split()}


@pytest.mark.min_api("1.44")
def test_until(engine: RunningEngine, tree: dict[str, str]) -> None:
    created = json.loads(engine.docker("image", "inspect", "removal:kid").stdout)[0]["Created"]
    assert listed(engine, f"until={created}") == {tree["parent"]}


def said(engine: RunningEngine, *arguments: str) -> str:
    done = engine.docker("rmi", *arguments)
    assert done.returncode == 1, done.stdout
    return done.stderr.strip().removeprefix("Error response from daemon: ")


def test_conflicts_that_force_cannot_overcome(engine: RunningEngine, tree: dict[str, str]) -> None:
    parent, short = tree["parent"], tree["parent"][:12]
    child = f"conflict: unable to delete {short} (cannot be forced) - image has dependent child images"
    assert said(engine, parent) == said(engine, "-f", parent) == child
    user = engine.docker("run", "-d", "removal:kid", "sleep", "1000").stdout.strip()
    kid = tree["kid"]
    running = f"conflict: unable to delete {kid[:12]} (cannot be forced) - image is being used by running container {user[:12]}"
    assert said(engine, "-f", kid) == running
    engine.docker("rm", "-f", user)


def test_conflicts_that_force_overcomes(engine: RunningEngine, tree: dict[str, str]) -> None:
    kid, short = tree["kid"], tree["kid"][:12]
    user = engine.docker("create", "removal:kid", "true").stdout.strip()
    by_name = f'conflict: unable to remove repository reference "removal:kid" (must force) - container {user[:12]} is using its referenced image {short}'
    assert said(engine, "removal:kid") == by_name
    stopped = (
        f"conflict: unable to delete {short} (must be forced) - image is being used by stopped container {user[:12]}"
    )
    assert said(engine, kid) == stopped
    engine.docker("tag", "removal:kid", "other:kid")
    several = f"conflict: unable to delete {short} (must be forced) - image is referenced in multiple repositories"
    assert said(engine, kid) == several
    done = engine.docker("rmi", "-f", kid)
    assert done.returncode == 0
    assert {"Untagged: removal:kid", "Untagged: other:kid", f"Deleted: sha256:{kid}"} <= set(done.stdout.splitlines())
    assert engine.docker("start", "-a", user).returncode == 0
    engine.docker("rm", user)


def test_a_name_goes_before_the_image(engine: RunningEngine, tree: dict[str, str]) -> None:
    engine.docker("tag", "removal:kid", "removal:kid2")
    assert engine.docker("rmi", "removal:kid2").stdout == "Untagged: removal:kid2\n"
    assert listed(engine, "label=removal=kid") == {tree["kid"]}


@pytest.mark.parametrize("flags", [(), ("--no-prune",)])
def test_with_the_last_child_goes_a_nameless_parent(
    engine: RunningEngine, tree: dict[str, str], flags: tuple[str, ...]
) -> None:
    engine.docker("rmi", "removal:parent")
    assert set(engine.docker("images", "-aq", "--no-trunc", "-f", OWN).stdout.split()) >= {f"sha256:{tree['parent']}"}
    done = engine.docker("rmi", *flags, "removal:kid")
    gone = {line.removeprefix("Deleted: sha256:") for line in done.stdout.splitlines() if line.startswith("Deleted")}
    assert {tree["kid"]} <= gone
    assert (tree["parent"] in gone) == (not flags)
    if flags:
        engine.docker("rmi", tree["parent"])


def test_prune(engine: RunningEngine, tree: dict[str, str]) -> None:
    def pruned(*flags: str) -> set[str]:
        done = engine.docker("image", "prune", "-f", "--filter", OWN, *flags)
        assert done.stdout.splitlines()[-1].startswith("Total reclaimed space: "), done.stderr
        return {line.split("sha256:")[1] for line in done.stdout.splitlines() if line.startswith("deleted: ")}

    assert pruned("--filter", "until=24h") == set()
    assert pruned("--filter", "label!=removal=bare") == set()
    assert tree["bare"] in pruned()
    user = engine.docker("create", "removal:kid", "true").stdout.strip()
    assert tree["kid"] not in pruned("-a")
    engine.docker("rm", user)
    assert {tree["kid"]} <= pruned("-a")
    assert listed(engine) - {tree["parent"]} == set()


@pytest.mark.min_api("1.48")
@pytest.mark.min_cli("1.48")
def test_an_image_that_is_mounted_keeps_its_last_name(engine: RunningEngine, tree: dict[str, str]) -> None:
    """Until force takes it; what is mounted stays, also for the next start, under another engine."""
    kid = tree["kid"]
    mount = "--mount=type=image,source=removal:kid,target=/i"
    user = engine.docker("run", "-d", mount, "busybox", "sleep", "1000").stdout.strip()
    [mounted] = json.loads(engine.docker("inspect", user).stdout)[0]["Mounts"]
    assert (mounted["Type"], mounted["Name"], mounted["Destination"]) == ("image", "removal:kid", "/i")
    assert mounted["Source"].endswith("/merged")
    assert said(engine, "removal:kid") == (
        f'conflict: unable to remove repository reference "removal:kid" (must force) - container {user[:12]}'
        f" is using its referenced image {kid[:12]}"
    )
    pruned = engine.docker("image", "prune", "-a", "-f", "--filter", "label=removal=kid").stdout
    assert pruned == "Total reclaimed space: 0B\n"
    used = {line["ID"]: line["Containers"] for line in json.loads(df_images(engine))}
    assert used[f"sha256:{kid}"] == "1"
    assert f"Deleted: sha256:{kid}" in engine.docker("rmi", "-f", "removal:kid").stdout
    assert engine.docker("exec", user, "cat", "/i/kid").stdout == "kid\n"
    engine.docker("stop", "-t", "0", user)
    engine.stop()
    engine.start()
    assert engine.docker("start", user).returncode == 0
    assert engine.docker("exec", user, "cat", "/i/kid").stdout == "kid\n"
    engine.docker("rm", "-f", user)


def df_images(engine: RunningEngine) -> str:
    return engine.docker("system", "df", "-v", "--format", "{{json .Images}}").stdout
