import errno
import os
from pathlib import Path

import pytest

from seaway.kernel import selinux
from seaway.kernel.selinux import RelabelingRefused, is_enabled, policy_contexts, relabel

LABEL = "system_u:object_r:container_file_t:s0:c1,c2"


def _write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize(
    ("mounts", "own", "enabled"),
    [
        ("selinuxfs /sys/fs/selinux selinuxfs rw 0 0\n", "system_u:system_r:container_runtime_t:s0\0", True),
        ("selinuxfs /sys/fs/selinux selinuxfs rw 0 0\n", "kernel\0", False),
        ("sysfs /sys/fs/selinux sysfs rw 0 0\n", "unconfined\n", False),
    ],
)
def test_it_is_enabled_where_a_policy_is_loaded(tmp_path: Path, mounts: str, own: str, *, enabled: bool) -> None:
    root = _write(tmp_path, {"proc/self/mounts": mounts, "proc/self/attr/current": own})
    assert is_enabled(root) is enabled


def test_a_host_without_it(tmp_path: Path) -> None:
    assert not is_enabled(tmp_path)
    assert policy_contexts(tmp_path) == ""


def test_contexts_are_the_policys_or_the_packages(tmp_path: Path) -> None:
    files = {
        "etc/selinux/config": "# SELINUXTYPE=mls\nSELINUX=enforcing\nSELINUXTYPE = targeted\n",
        "etc/selinux/targeted/contexts/lxc_contexts": "policy",
    }
    root = _write(tmp_path, files)
    assert policy_contexts(root) == "policy"
    _write(root, {"usr/share/containers/selinux/contexts": "package"})
    assert policy_contexts(root) == "package"


def test_a_tree_is_relabelled_itself_the_last(tmp_path: Path) -> None:
    outside = _write(tmp_path, {"outside/file": ""}) / "outside"
    tree = _write(tmp_path, {"tree/a/b": "", "tree/c": ""}) / "tree"
    (tree / "link").symlink_to(outside)
    labelled: list[str] = []
    relabel(f"{tree}/", LABEL, lambda path, label: labelled.append(path) if label == LABEL else None)
    assert sorted(labelled) == [str(tree), *(f"{tree}/{name}" for name in ("a", "a/b", "c", "link"))]
    assert labelled[-1] == str(tree)
    assert labelled.index(f"{tree}/a/b") < labelled.index(f"{tree}/a")


def test_what_has_the_label_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selinux, "ATTRIBUTE", "user.label")
    path = _write(tmp_path, {"file": ""}) / "file"
    try:
        os.setxattr(path, "user.label", b"old\0")
    except OSError:
        pytest.skip("the filesystem has no user attributes")
    relabel(str(tmp_path), LABEL)
    assert os.getxattr(path, "user.label") == os.getxattr(tmp_path, "user.label") == LABEL.encode()
    os.setxattr(path, "user.label", f"{LABEL}\0".encode())  # as the kernel gives it
    before = path.stat().st_ctime_ns
    relabel(str(tmp_path), LABEL)
    assert path.stat().st_ctime_ns == before


def test_what_goes_meanwhile_is_left_out(tmp_path: Path) -> None:
    labelled: list[str] = []

    def set_label(path: str, label: str) -> None:
        if path.endswith("gone"):
            raise FileNotFoundError(path)
        labelled.append(path)

    relabel(str(_write(tmp_path, {"gone": "", "here": ""})), LABEL, set_label)
    assert labelled == [str(tmp_path / "here"), str(tmp_path)]


def test_only_a_filesystem_without_labels_is_forgiven(tmp_path: Path) -> None:
    def fail_with(number: int) -> None:
        def set_label(path: str, label: str) -> None:
            raise OSError(number, "no", path)

        relabel(str(tmp_path), LABEL, set_label)

    fail_with(errno.ENOTSUP)
    with pytest.raises(PermissionError):
        fail_with(errno.EPERM)


@pytest.mark.parametrize("path", ["/", "/usr", "/etc/", "/home", "/var/lib", "/root/me"])
def test_the_hosts_own_keeps_its_labels(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/root/me")
    shown = path.rstrip("/") or "/"
    with pytest.raises(RelabelingRefused, match=f"^SELinux relabeling of {shown} is not allowed$"):
        relabel(path, LABEL, lambda path, label: pytest.fail(f"{path} was relabelled"))
