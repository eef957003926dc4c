"""`docker inspect`: the keys that clients read, for containers of every kind and state."""

from typing import Any

import pytest
from docker import DockerClient

from conformance.conftest import RunningEngine

TOP = """Id Created Path Args State Image ResolvConfPath HostnamePath HostsPath LogPath Name RestartCount Driver Platform
MountLabel ProcessLabel AppArmorProfile ExecIDs HostConfig GraphDriver Mounts Config NetworkSettings"""
STATE = "Status Running Paused Restarting OOMKilled Dead Pid ExitCode Error StartedAt FinishedAt"
NETWORK = """Bridge SandboxID HairpinMode LinkLocalIPv6Address LinkLocalIPv6PrefixLen Ports SandboxKey
SecondaryIPAddresses SecondaryIPv6Addresses EndpointID Gateway GlobalIPv6Address GlobalIPv6PrefixLen IPAddress
IPPrefixLen IPv6Gateway MacAddress Networks"""
ENDPOINT = """IPAMConfig Links Aliases NetworkID EndpointID Gateway IPAddress IPPrefixLen IPv6Gateway GlobalIPv6Address
GlobalIPv6PrefixLen MacAddress DriverOpts"""
HOST = """Binds ContainerIDFile LogConfig NetworkMode PortBindings RestartPolicy AutoRemove VolumeDriver VolumesFrom CapAdd
CapDrop CgroupnsMode Dns DnsOptions DnsSearch ExtraHosts GroupAdd IpcMode Cgroup Links OomScoreAdj PidMode Privileged
PublishAllPorts ReadonlyRootfs SecurityOpt UTSMode UsernsMode ShmSize ConsoleSize Isolation CpuShares Memory NanoCpus
CgroupParent BlkioWeight BlkioWeightDevice BlkioDeviceReadBps BlkioDeviceWriteBps BlkioDeviceReadIOps
BlkioDeviceWriteIOps CpuPeriod CpuQuota CpuRealtimePeriod CpuRealtimeRuntime CpusetCpus CpusetMems Devices
DeviceCgroupRules DeviceRequests MemoryReservation MemorySwap MemorySwappiness OomKillDisable PidsLimit Ulimits CpuCount
CpuPercent IOMaximumIOps IOMaximumBandwidth MaskedPaths ReadonlyPaths"""


def created(client: DockerClient, **body: Any) -> dict[str, Any]:
    answer = client.api._post_json(
        client.api._url("/containers/create"), data={"Image": "busybox", "Cmd": ["sleep", "1000"], **body}
    )
    assert answer.status_code == 201, answer.text
    return inspected(client, answer.json()["Id"])


def inspected(client: DockerClient, container_id: str) -> dict[str, Any]:
    return dict(client.api.inspect_container(container_id))


def keys(text: str) -> set[str]:
    return set(text.split())


def test_every_key_is_there(client: DockerClient) -> None:
    found = created(client)
    assert set(found) >= keys(TOP)
    assert set(found["State"]) == keys(STATE)
    assert set(found["NetworkSettings"]) == keys(NETWORK)
    assert set(found["HostConfig"]) >= keys(HOST)
    assert set(found["NetworkSettings"]["Networks"]["bridge"]) >= keys(ENDPOINT)
    assert set(found["GraphDriver"]["Data"]) == {"LowerDir", "MergedDir", "UpperDir", "WorkDir"}


def test_what_nobody_set_is_null_and_what_is_empty_stays_empty(client: DockerClient) -> None:
    host = created(client)["HostConfig"]
    unset = ("Binds", "Dns", "Devices", "BlkioDeviceReadBps", "CapAdd", "ExtraHosts", "Ulimits", "PidsLimit", "Links")
    assert {key: host[key] for key in unset} == dict.fromkeys(unset)
    empty = created(client, HostConfig={"Dns": [], "Devices": [], "BlkioDeviceReadBps": []})["HostConfig"]
    assert (empty["Dns"], empty["Devices"], empty["BlkioDeviceReadBps"]) == ([], [], [])


def test_paths_and_addresses_come_with_the_first_start(client: DockerClient) -> None:
    before = created(client)
    assert [before[f"{kind}Path"] for kind in ("Hosts", "Hostname", "ResolvConf", "Log")] == [""] * 4
    client.api.start(before["Id"])
    running = inspected(client, before["Id"])
    assert running["HostsPath"].endswith(f"/containers/{before['Id']}/hosts")
    assert running["LogPath"].endswith("-json.log")
    assert running["State"]["Pid"] > 0
    settings = running["NetworkSettings"]
    assert settings["IPAddress"] == settings["Networks"]["bridge"]["IPAddress"] != ""
    client.api.kill(before["Id"])
    client.api.wait(before["Id"])
    ended = inspected(client, before["Id"])
    bridge = ended["NetworkSettings"]["Networks"]["bridge"]
    assert (bridge["IPAddress"], bridge["EndpointID"], bridge["NetworkID"] != "") == ("", "", True)
    assert (ended["State"]["Pid"], ended["State"]["ExitCode"], ended["NetworkSettings"]["Ports"]) == (0, 137, {})


def test_host_network_and_publishing(client: DockerClient) -> None:
    assert list(created(client, HostConfig={"NetworkMode": "host"})["NetworkSettings"]["Networks"]) == ["host"]
    box = created(
        client,
        ExposedPorts={"80/tcp": {}, "53/udp": {}},
        HostConfig={"PortBindings": {"80/tcp": [{"HostPort": "18998"}]}},
    )
    client.api.start(box["Id"])
    ports = inspected(client, box["Id"])["NetworkSettings"]["Ports"]
    assert ports["80/tcp"][0] == {"HostIp": "0.0.0.0", "HostPort": "18998"}
    assert ports["53/udp"] is None
    client.api.remove_container(box["Id"], force=True)


def test_limits_and_terminal(client: DockerClient) -> None:
    box = created(
        client,
        Tty=True,
        OpenStdin=True,
        Hostname="named",
        Labels={"a": "b"},
        HostConfig={"Memory": 64 << 20, "NanoCpus": 500_000_000, "PidsLimit": 50},
    )
    config, host = box["Config"], box["HostConfig"]
    assert (config["Tty"], config["OpenStdin"], config["Hostname"], config["Labels"]) == (
        True,
        True,
        "named",
        {"a": "b"},
    )
    assert (host["Memory"], host["MemorySwap"], host["NanoCpus"], host["PidsLimit"]) == (
        64 << 20,
        128 << 20,
        500_000_000,
        50,
    )


def test_mounts(client: DockerClient) -> None:
    box = created(client, HostConfig={"Binds": ["/usr:/host:ro", "inspected:/data"]})
    bind, volume = sorted(box["Mounts"], key=lambda m: m["Type"])
    wanted = {"Type": "bind", "Source": "/usr", "Destination": "/host", "Mode": "ro", "RW": False}
    assert bind == {**wanted, "Propagation": "rprivate"}
    assert (volume["Name"], volume["Driver"], volume["Mode"], volume["RW"]) == ("inspected", "local", "z", True)
    client.api.remove_container(box["Id"])
    client.api.remove_volume("inspected")


@pytest.mark.seaway_only("old versions of the API that Debian's dockerd does not tell apart")
def test_the_older_the_api_the_older_the_answer(engine: RunningEngine, client: DockerClient) -> None:
    engine.docker("network", "create", "aliased")
    box = client.containers.create("busybox", "true", network="aliased", hostname="here")
    aliases = {}
    for version in ("1.44", "1.45"):
        answer = client.api.get(f"{client.api.base_url}/v{version}/containers/{box.id}/json").json()
        aliases[version] = answer["NetworkSettings"]["Networks"]["aliased"]["Aliases"] or []
    assert aliases == {"1.44": [box.short_id, "here"], "1.45": []}
    box.remove()
    engine.docker("network", "rm", "aliased")
