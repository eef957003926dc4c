"""`Warnings` of GET /info: what the host cannot do, what an open port lets others do. Pure; the texts are dockerd's."""

from seaway.config.engine import EngineConfig
from seaway.system.host import CgroupSupport, Host


def warnings(host: Host, config: EngineConfig, cluster_failure: str = "") -> list[str]:
    """A client shows each on a line. `cluster_failure` is why the cluster's store is away; "" where it is not."""
    cgroups: CgroupSupport = host.cgroups
    support = {
        "memory limit": cgroups.memory,
        "swap limit": cgroups.swap,
        "oom kill disable": cgroups.oom_kill_disable or cgroups.version == 2,
        "cpu cfs quota": cgroups.cpu_quota,
        "cpu cfs period": cgroups.cpu_quota,
        "cpu shares": cgroups.cpu_shares,
        "cpuset": cgroups.cpuset,
    }
    found = [f"WARNING: No {name} support" for name, supported in support.items() if not supported]
    if not host.ipv4_forwarding:
        found.append("WARNING: IPv4 forwarding is disabled")
    if cluster_failure:
        found.append(f"WARNING: {cluster_failure}")
    return [*_open_ports(config), *found]


def _open_ports(config: EngineConfig) -> list[str]:
    what = "without TLS client verification" if config.tls else "without encryption"
    if config.tlsverify:
        return []
    return [
        f"[DEPRECATION NOTICE]: API is accessible on {'https' if config.tls else 'http'}://"
        f"{listen.address}:{listen.port} {what}.\n"
        "         Access to the remote API is equivalent to root access on the host. Refer\n"
        "         to the 'Docker daemon attack surface' section in the documentation for\n"
        "         more information: https://docs.docker.com/go/attack-surface/"
        for listen in config.listens
        if listen.protocol == "tcp"
    ]
