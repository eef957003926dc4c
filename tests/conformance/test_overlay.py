"""Networks that span engines: three of them on a wire, with a real etcd, each in a network namespace of its own."""

import json
import os
import shutil
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from conformance.clusters import STORE, SWITCH_ADDRESS, Member, TestCluster, cluster_of, until
from conformance.hosts import server, wait_serving

SHORT = {"discovery.heartbeat": "1", "discovery.ttl": "3"}
VNI = "com.docker.network.driver.overlay.vxlanid_list"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestCluster]:
    if os.geteuid():
        pytest.skip("needs root")
    if not shutil.which("docker"):
        pytest.skip("needs the docker CLI (Debian: docker.io or docker-cli)")
    with cluster_of(3, tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
def net(cluster: TestCluster) -> Iterator[str]:
    """A network of the cluster's, made on the first engine; afterwards no engine has a container or a network."""
    one = cluster.members[0]
    made = one.docker("network", "create", "-d", "overlay", "net")
    for member in cluster:
        until(lambda m=member: m.network_id("net") == made, "the network is not everywhere")  # type: ignore[misc]
    yield "net"
    for member in cluster:
        if ids := member.docker("ps", "-aq").split():
            member.docker("rm", "-f", *ids)
    until(lambda: not cluster.etcd.keys("cluster/seaway/network/v1/endpoints/"), "an endpoint is left")
    one.docker("network", "rm", "net")


def devices(member: Member) -> list[str]:
    links = member.host.run("ip", "-o", "link").splitlines()
    return [name for line in links if (name := line.split(": ")[1].partition("@")[0]).startswith(("ov-", "vx-"))]


def info_of(member: Member) -> dict[str, Any]:
    with member.engine.client() as client:
        return dict(client.info())


def test_containers_of_three_engines_talk_by_name_and_alias(cluster: TestCluster, net: str) -> None:
    one, two, _ = cluster
    addresses = {m.run(net, f"c{n}", "--network-alias", f"a{n}") for n, m in enumerate(cluster)}
    assert addresses == {"10.0.0.2", "10.0.0.3", "10.0.0.4"}
    for here in range(3):
        for there in range(3):
            for name in (f"c{there}", f"a{there}"):
                caller = cluster.members[here]
                until(lambda c=caller, h=here, n=name: c.pings(f"c{h}", n), f"c{here} cannot reach {name}")  # type: ignore[misc]
    assert all(len(devices(m)) == 2 for m in cluster)
    two.docker("rm", "-f", "c1")
    until(lambda: not one.pings("c0", "c1"), "a removed container still has a name")
    until(lambda: not devices(two), "the last container has left devices behind")


def test_what_each_engine_shows(cluster: TestCluster, net: str) -> None:
    one, two, three = cluster
    one.run(net, "c0")
    two.run(net, "c1")
    networks = [m.inspect(net) for m in cluster]
    assert len({n["Id"] for n in networks}) == 1
    assert {(n["Driver"], n["Scope"]) for n in networks} == {("overlay", "global")}
    assert networks[2]["IPAM"]["Config"] == [{"Subnet": "10.0.0.0/24", "Gateway": "10.0.0.1"}]
    assert networks[2]["Options"] == {"com.docker.network.driver.overlay.vxlanid_list": "256"}
    until(lambda: len(one.inspect(net)["Containers"]) == 2, "the other engine's container is not shown")
    shown = {c["Name"]: c["IPv4Address"] for c in one.inspect(net)["Containers"].values()}
    assert shown == {"c0": "10.0.0.2/24", "c1": "10.0.0.3/24"}
    info = info_of(three)
    assert (info["ClusterStore"], info["ClusterAdvertise"]) == (STORE, "198.51.100.13:2376")
    assert "overlay" in info["Plugins"]["Network"]
    links = one.docker("exec", "c0", "ip", "link", "show", "eth0")
    assert "mtu 1450" in links


def test_the_way_out_is_docker_gwbridge_and_ports_are_published_there(cluster: TestCluster, net: str) -> None:
    one, two, _ = cluster
    one.docker("run", "-d", "--name", "c0", "--network", net, "-p", "8080:80", "busybox", *server())
    wait_serving(two.host, one.address, 8080)
    assert two.host.tcp(one.address, 8080) == "hello"
    gateway = one.inspect("docker_gwbridge")
    (endpoint,) = gateway["Containers"].values()
    assert endpoint["Name"].startswith("gateway_")
    assert one.pings("c0", SWITCH_ADDRESS), "no way out"
    assert list(one.inspect("c0")["NetworkSettings"]["Networks"]) == [net]
    assert "active endpoints" in one.fails("network", "rm", "docker_gwbridge")


def test_a_container_with_a_bridge_of_its_own_needs_no_gateway(cluster: TestCluster, net: str) -> None:
    one, _, _ = cluster
    one.docker("network", "create", "own")
    try:
        one.run(net, "c0")
        own = one.inspect("own")["IPAM"]["Config"][0]["Gateway"]
        outside = one.docker("exec", "c0", "ip", "route")
        one.docker("network", "connect", "own", "c0")
        assert f"default via {own}" in one.docker("exec", "c0", "ip", "route")
        assert one.inspect("docker_gwbridge")["Containers"] == {}
        one.docker("network", "disconnect", "own", "c0")
        assert outside == one.docker("exec", "c0", "ip", "route")
        assert one.pings("c0", SWITCH_ADDRESS), "no way out"
    finally:
        one.docker("rm", "-f", "c0")
        one.docker("network", "rm", "own")


def test_an_internal_network_has_no_way_out(cluster: TestCluster) -> None:
    one, two, _ = cluster
    one.docker("network", "create", "-d", "overlay", "--internal", "inside")
    try:
        until(lambda: "inside" in two.networks(), "the network is not everywhere")
        one.run("inside", "c0")
        two.run("inside", "c1")
        until(lambda: one.pings("c0", "c1"), "no name")
        assert "default" not in one.docker("exec", "c0", "ip", "route")
    finally:
        one.docker("rm", "-f", "c0")
        two.docker("rm", "-f", "c1")
        until(lambda: not cluster.etcd.keys("cluster/seaway/network/v1/endpoints/"), "an endpoint is left")
        two.docker("network", "rm", "inside")
    until(lambda: "inside" not in one.networks(), "a removed network is still there")


def test_connect_and_disconnect_of_a_running_container(cluster: TestCluster, net: str) -> None:
    one, two, _ = cluster
    one.run(net, "c0")
    two.docker("run", "-d", "--name", "c1", "busybox", "sleep", "900")
    two.docker("network", "connect", "--alias", "late", net, "c1")
    until(lambda: one.pings("c0", "late"), "no way to the one that came late")
    two.docker("network", "disconnect", net, "c1")
    until(lambda: not one.pings("c0", "late"), "still there")
    assert "overlay" not in two.docker("network", "inspect", *two.inspect("c1")["NetworkSettings"]["Networks"])


def test_a_renamed_container_is_found_by_its_new_name(cluster: TestCluster, net: str) -> None:
    one, two, _ = cluster
    one.run(net, "c0")
    two.run(net, "c1")
    two.docker("rename", "c1", "renamed")
    until(lambda: one.pings("c0", "renamed"), "not found by its new name")
    until(lambda: not one.pings("c0", "c1"), "found by its old name")


def test_addresses_are_given_once_when_all_engines_ask_at_the_same_time(cluster: TestCluster, net: str) -> None:
    with ThreadPoolExecutor(9) as pool:
        runs = [pool.submit(m.run, net, f"p{n}-{i}") for n, m in enumerate(cluster) for i in range(6)]
        addresses = [run.result() for run in runs]
    assert sorted(addresses, key=ip_address) == [f"10.0.0.{n}" for n in range(2, 20)]


def test_a_wished_address_is_one_containers_only(cluster: TestCluster) -> None:
    one, two, _ = cluster
    one.docker("network", "create", "-d", "overlay", "--subnet", "10.9.0.0/24", "wished")
    try:
        until(lambda: "wished" in two.networks(), "the network is not everywhere")
        assert one.run("wished", "c0", "--ip", "10.9.0.50") == "10.9.0.50"
        assert "Address already in use" in two.fails(
            "run", "--network", "wished", "--ip", "10.9.0.50", "busybox", "true"
        )
        one.docker("restart", "-t", "0", "c0")
        assert one.inspect("c0")["NetworkSettings"]["Networks"]["wished"]["IPAddress"] == "10.9.0.50"
        assert 'active endpoints (name:"c0"' in two.fails("network", "rm", "wished")
    finally:
        for member in (one, two):
            if ids := member.docker("ps", "-aq").split():
                member.docker("rm", "-f", *ids)
        until(lambda: not cluster.etcd.keys("cluster/seaway/network/v1/endpoints/"), "an endpoint is left")
        one.docker("network", "rm", "wished")


def test_one_name_is_one_network_and_subnets_do_not_overlap(cluster: TestCluster) -> None:
    with ThreadPoolExecutor(3) as pool:
        create = ("network", "create", "-d", "overlay")
        same = [pool.submit(m.engine.docker, *create, "same") for m in cluster]
        assert sorted(s.result().returncode for s in same) == [0, 1, 1]
        others = [pool.submit(m.docker, *create, f"n{n}") for n, m in enumerate(cluster)]
        for other in others:
            other.result()
    one, two, _ = cluster
    names = ["same", "n0", "n1", "n2"]
    until(lambda: set(names) <= set(two.networks()), "a network is missing")
    assert {two.inspect(n)["IPAM"]["Config"][0]["Subnet"] for n in names} == {f"10.0.{n}.0/24" for n in range(4)}
    assert {one.inspect(n)["Options"][VNI] for n in names} == {"256", "257", "258", "259"}
    assert "network with name same already exists" in two.fails("network", "create", "-d", "overlay", "same")
    two.docker("network", "rm", *names)
    until(lambda: "same" not in one.networks(), "a removed network is still there")


def test_an_engine_that_is_cut_off_loses_its_place_and_comes_back(cluster: TestCluster, net: str) -> None:
    one, two, _ = cluster
    one.run(net, "c0")
    two.run(net, "c1")
    until(lambda: one.pings("c0", "c1"), "no name")
    cluster.cut(two)
    try:
        until(lambda: len(one.inspect(net)["Containers"]) == 1, "the lease does not end")
        assert not one.pings("c0", "c1")
        assert "cannot be reached" in two.fails("run", "--network", net, "busybox", "true")
    finally:
        cluster.mend(two)
    until(lambda: one.pings("c0", "c1") and two.pings("c1", "c0"), "it does not come back", 60)


def test_an_engine_that_dies_leaves_nothing_and_its_successor_finds_its_containers(
    cluster: TestCluster, net: str
) -> None:
    one, two, _ = cluster
    one.run(net, "c0")
    two.run(net, "c1", "-p", "8081:80")
    two.engine.kill()
    until(lambda: len(cluster.etcd.keys("cluster/seaway/network/v1/endpoints/")) == 1, "the lease does not end")
    until(lambda: "engine 198.51.100.12:2376 has left the cluster" in one.log, "nobody noticed")
    two.engine.start(*two.flags)
    until(lambda: one.pings("c0", "c1") and two.pings("c1", "c0"), "no way to the adopted container")
    assert two.pings("c1", SWITCH_ADDRESS), "no way out"
    two.docker("rm", "-f", "c1")
    assert two.inspect("docker_gwbridge")["Containers"] == {}
    until(lambda: not devices(two), "devices are left")


def test_without_etcd_what_runs_goes_on_and_what_needs_it_says_so(cluster: TestCluster, net: str) -> None:
    one, two, _ = cluster
    one.run(net, "c0")
    two.run(net, "c1")
    two.run(net, "c2")
    until(lambda: one.pings("c0", "c1"), "no name")
    cluster.etcd.kill()
    try:
        until(lambda: "connection refused" in str(info_of(one)["Warnings"]), "it is not noticed")
        assert one.pings("c0", "c1")
        away = f"the cluster store etcd://{SWITCH_ADDRESS}:2379 cannot be reached: connection refused"
        assert away in one.fails("network", "create", "-d", "overlay", "other")
        assert away in one.fails("run", "--network", net, "busybox", "true")
        one.docker("run", "--rm", "busybox", "true")
        one.docker("network", "create", "local")
        one.docker("network", "rm", "local")
        two.docker("rm", "-f", "c2")
        two.engine.kill()
        two.engine.start(*two.flags)
        assert one.pings("c0", "c1"), "a new engine has cut its container off"
        assert two.pings("c1", "10.0.0.2")
    finally:
        cluster.etcd.start()
    until(lambda: info_of(one)["Warnings"] is None or "cluster" not in str(info_of(one)["Warnings"]), "no connection")
    until(lambda: len(cluster.etcd.keys("cluster/seaway/network/v1/endpoints/")) == 2, "not as before")
    assert one.run(net, "c3") == "10.0.0.4"
    until(lambda: two.pings("c1", "c3"), "no new name")


def test_a_container_that_starts_with_its_engine_waits_for_the_store(cluster: TestCluster, net: str) -> None:
    one, two, _ = cluster
    one.run(net, "c0")
    two.run(net, "c1", "--restart", "always")
    two.engine.stop()
    cluster.etcd.kill()
    two.engine.start(*two.flags)
    try:
        assert two.inspect("c1")["State"]["Running"] is False
    finally:
        cluster.etcd.start()
    until(lambda: two.inspect("c1")["State"]["Running"], "it does not start")
    until(lambda: one.pings("c0", "c1"), "no way to it")


@pytest.mark.parametrize("point", ["overlay: address claimed", "start: namespace made", "start: joined"])
def test_an_engine_killed_while_a_container_starts_leaves_nothing_in_the_store(
    cluster: TestCluster, net: str, point: str
) -> None:
    one, two, _ = cluster
    one.run(net, "c0")
    two.engine.stop()
    two.engine.start(*two.flags, failpoint=point)
    two.fails("run", "-d", "--name", "c1", "--network", net, "busybox", "sleep", "900")
    assert two.engine.process
    two.engine.process.wait(30)
    (two.engine.root / "pid").unlink(missing_ok=True)
    two.engine.start(*two.flags)
    until(lambda: len(cluster.etcd.keys("cluster/seaway/network/v1/endpoints/")) == 1, "an endpoint is left")
    until(lambda: not devices(two), "devices are left")
    two.docker("rm", "-f", "c1")
    assert two.run(net, "c1") == "10.0.0.3"
    until(lambda: one.pings("c0", "c1"), "no way to it")


def test_hosts_that_filter_bridged_frames_and_drop_by_default(cluster: TestCluster) -> None:
    one, two, _ = cluster
    if not shutil.which("iptables"):
        pytest.skip("needs iptables")
    filtering = "echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables && iptables -P FORWARD "
    try:
        for member in (one, two):
            member.host.run("sh", "-c", filtering + "DROP")
        one.docker("network", "create", "-d", "overlay", "filtered")
        until(lambda: "filtered" in two.networks(), "the network is not everywhere")
        one.run("filtered", "c0")
        two.run("filtered", "c1")
        until(lambda: one.pings("c0", "c1"), "no way through the firewall")
        assert one.pings("c0", SWITCH_ADDRESS), "no way out"
    finally:
        for member in (one, two):
            member.host.run("sh", "-c", filtering + "ACCEPT")
            member.docker("rm", "-f", *member.docker("ps", "-aq").split())
        until(lambda: not cluster.etcd.keys("cluster/seaway/network/v1/endpoints/"), "an endpoint is left")
        one.docker("network", "rm", "filtered")


def test_devices_that_somebody_removed_are_made_again(cluster: TestCluster, net: str) -> None:
    one, two, _ = cluster
    one.run(net, "c0")
    two.run(net, "c1")
    until(lambda: one.pings("c0", "c1"), "no name")
    for prefix in ("vx-", "ov-"):
        two.host.run("ip", "link", "del", next(name for name in devices(two) if name.startswith(prefix)))
        until(lambda: one.pings("c0", "c1"), f"{prefix} stays away")


def test_sighup_moves_an_engine_to_another_cluster_and_back(cluster: TestCluster, net: str) -> None:
    one, _, three = cluster
    one.run(net, "c0")
    three.run(net, "c2")
    file = three.engine.root / "daemon.json"
    here = {"cluster-store": STORE, "cluster-advertise": "wire:2376", "cluster-store-opts": SHORT}
    file.write_text(json.dumps(here))
    three.engine.kill()
    three.engine.start("--config-file", str(file))
    until(lambda: one.pings("c0", "c2"), "no way to the adopted container")
    assert info_of(three)["ClusterAdvertise"] == "198.51.100.13:2376"
    other = f"etcd://{SWITCH_ADDRESS}:2379/other"
    _reload(three, file, {**here, "cluster-store": other})
    until(lambda: len(cluster.etcd.keys("other/seaway/network/v1/endpoints/")) == 1, "it has not moved")
    assert info_of(three)["ClusterStore"] == other
    until(lambda: len(one.inspect(net)["Containers"]) == 1, "it has not left")
    assert len(cluster.etcd.keys("cluster/docker/nodes/")) == 2
    _reload(three, file, {**here, "cluster-advertise": "nix:2376"})
    until(lambda: "invalid cluster advertise IP address or interface name (nix:2376)" in three.log, "no complaint")
    _reload(three, file, here)
    until(lambda: one.pings("c0", "c2") and three.pings("c2", "c0"), "it has not come back")
    assert not cluster.etcd.keys("other/docker/nodes/")


def _reload(member: Member, file: Path, config: dict[str, Any]) -> None:
    before = member.log.count("Reloaded configuration")
    file.write_text(json.dumps(config))
    assert member.engine.process
    member.engine.process.send_signal(signal.SIGHUP)
    until(lambda: member.log.count("Reloaded configuration") > before, "no reload")
