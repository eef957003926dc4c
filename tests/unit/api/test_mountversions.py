from typing import Any

import pytest

from seaway.api.mountversions import mount_warnings, mounts_of_version
from seaway.api.versions import Version
from seaway.base.errors import InvalidParameter
from seaway.model.container import HostConfig
from seaway.model.mount import BindOptions, ImageOptions, Mount, TmpfsOptions, VolumeOptions


def adapted(version: tuple[int, int], **fields: Any) -> Mount:
    host = mounts_of_version(HostConfig(mounts=[Mount(target="/t", **fields)]), Version(*version))
    assert isinstance(host.mounts, list)
    return host.mounts[0]


@pytest.mark.parametrize(
    ("version", "fields", "words"),
    [
        ((1, 42), {"type": "bind", "volume_options": VolumeOptions()}, 'VolumeOptions must not be specified on mount type "bind"'),
        ((1, 51), {"type": "volume", "bind_options": BindOptions()}, 'BindOptions must not be specified on mount type "volume"'),
        ((1, 51), {"type": "bind", "tmpfs_options": TmpfsOptions()}, 'TmpfsOptions must not be specified on mount type "bind"'),
        ((1, 44), {"type": "volume", "volume_options": VolumeOptions(subpath="a")}, "VolumeOptions.Subpath needs API v1.45 or newer"),
        ((1, 47), {"type": "image", "image_options": ImageOptions()}, 'Mount type "Image" needs API v1.48 or newer'),
        (
            (1, 43),
            {"type": "bind", "bind_options": BindOptions(read_only_force_recursive=True)},
            "BindOptions.ReadOnlyForceRecursive needs API v1.44 or newer",
        ),
    ],
)  # fmt: skip
def test_what_a_version_refuses(version: tuple[int, int], fields: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidParameter) as refused:
        adapted(version, **fields)
    assert str(refused.value) == words


def test_what_older_versions_ignore() -> None:
    options = BindOptions(create_mountpoint=True, non_recursive=True)
    assert adapted((1, 41), type="bind", bind_options=options).bind_options == BindOptions(non_recursive=True)
    assert adapted((1, 39), type="bind", bind_options=options).bind_options == BindOptions()
    assert adapted((1, 42), type="bind", bind_options=options).bind_options == options
    assert adapted((1, 41), type="bind", volume_options=VolumeOptions()).volume_options is None


def test_read_only_is_recursive_since_1_44() -> None:
    flat = BindOptions(read_only_non_recursive=True)
    assert adapted((1, 43), type="bind", read_only=True).bind_options == flat
    assert adapted((1, 44), type="bind", read_only=True).bind_options is None


def test_a_volume_driver_beside_mounts() -> None:
    host = HostConfig(volume_driver="x", mounts=[Mount(type="volume", target="/t")])
    assert len(mount_warnings(host, Version(1, 48))) == 1
    assert mount_warnings(host, Version(1, 47)) == ()
    assert mount_warnings(HostConfig(volume_driver="x"), Version(1, 48)) == ()
