"""Every flag of dockerd and every key of daemon.json, as one table.

The flag's name differs from the key where a flag may be repeated ("label", "labels"). A note says that the option has
no effect: the engine takes it, so that scripts which start dockerd work, and says so once.
"""

from dataclasses import dataclass

from seaway.config.kinds import (
    BOOL,
    FEATURES,
    INT,
    IP,
    IPS,
    LABELS,
    LIST,
    NETWORK_OPTS,
    OBJECT,
    PAIRS,
    POOLS,
    RUNTIMES,
    SIZE,
    TEXT,
    ULIMITS,
    Kind,
)

NO_CONTAINERD = "Seaway runs containers without containerd"
NO_SWARM = "Seaway has no swarm mode"
NO_BUILDS = "Seaway builds no images"
PUSHES_ALL = "every layer is pushed"
FEATURE_NOTES = {"buildkit": NO_BUILDS, "containerd-snapshotter": NO_CONTAINERD}
"""Of dockerd's features; `cdi` has an effect."""


@dataclass(frozen=True, slots=True)
class Option:
    flag: str
    kind: Kind
    help: str
    key: str = ""
    short: str = ""
    note: str = ""
    hidden: bool = False

    @property
    def name(self) -> str:
        """The key in daemon.json."""
        return self.key or self.flag

    @property
    def field(self) -> str:
        return self.name.replace("-", "_")

    @property
    def title(self) -> str:
        return f"-{self.short}, --{self.flag}" if self.short else f"--{self.flag}"


OPTIONS: tuple[Option, ...] = (
    Option("add-runtime", RUNTIMES, "Register an additional OCI compatible runtime", "runtimes"),
    Option("allow-direct-routing", BOOL, "Allow direct access to containers from other hosts"),
    Option(
        "allow-nondistributable-artifacts",
        LIST,
        "Registries that get layers which came from elsewhere",
        note=PUSHES_ALL,
        hidden=True,
    ),
    Option("authorization-plugin", LIST, "Authorization plugins to load", "authorization-plugins"),
    Option("bip", TEXT, "IPv4 address for the default bridge"),
    Option("bip6", TEXT, "IPv6 address for the default bridge"),
    Option("bridge", TEXT, "Attach containers to a network bridge", short="b"),
    Option("bridge-accept-fwmark", TEXT, "Packets with this firewall mark are accepted"),
    Option("cdi-spec-dir", LIST, "CDI specification directories to use", "cdi-spec-dirs"),
    Option("cgroup-parent", TEXT, "Set parent cgroup for all containers"),
    Option("cluster-advertise", TEXT, "Address or interface name to advertise to the other engines of the cluster"),
    Option("cluster-store", TEXT, "URL of the distributed storage backend (etcd://host:port[,host:port]/prefix)"),
    Option("cluster-store-opt", PAIRS, "Set cluster store options", "cluster-store-opts"),
    Option("config-file", TEXT, "Daemon configuration file"),
    Option("containerd", TEXT, "containerd grpc address", note=NO_CONTAINERD),
    Option("containerd-namespace", TEXT, "Containerd namespace to use", note=NO_CONTAINERD),
    Option(
        "containerd-plugins-namespace",
        TEXT,
        "Containerd namespace to use for plugins",
        "containerd-plugin-namespace",
        note=NO_CONTAINERD,
    ),
    Option("cpu-rt-period", INT, "Limit the CPU real-time period in microseconds"),
    Option("cpu-rt-runtime", INT, "Limit the CPU real-time runtime in microseconds"),
    Option("cri-containerd", BOOL, "start containerd with cri", note=NO_CONTAINERD, hidden=True),
    Option("data-root", TEXT, "Root directory of persistent Docker state"),
    Option("debug", BOOL, "Enable debug mode", short="D"),
    Option("default-address-pool", POOLS, "Default address pools for local networks", "default-address-pools"),
    Option("default-cgroupns-mode", TEXT, 'Default mode for containers cgroup namespace ("host" | "private")'),
    Option("default-gateway", IP, "Default gateway IPv4 address for the default bridge network"),
    Option("default-gateway-v6", IP, "Default gateway IPv6 address for the default bridge network"),
    Option("default-ipc-mode", TEXT, 'Default mode for containers ipc ("shareable" | "private")'),
    Option("default-network-opt", NETWORK_OPTS, "Default network options", "default-network-opts"),
    Option("default-runtime", TEXT, "Default OCI runtime for containers"),
    Option("default-shm-size", SIZE, "Default shm size for containers"),
    Option("default-ulimit", ULIMITS, "Default ulimits for containers", "default-ulimits"),
    Option("dns", IPS, "DNS server to use"),
    Option("dns-opt", LIST, "DNS options to use", "dns-opts"),
    Option("dns-search", LIST, "DNS search domains to use"),
    Option("exec-opt", LIST, "Runtime execution options", "exec-opts"),
    Option("exec-root", TEXT, "Root directory for execution state files"),
    Option("experimental", BOOL, "Enable experimental features"),
    Option("feature", FEATURES, "Enable feature in the daemon", "features"),
    Option("firewall-backend", TEXT, "Firewall backend to use: iptables, or nftables, which is the first choice"),
    Option("fixed-cidr", TEXT, "IPv4 subnet for the default bridge network"),
    Option("fixed-cidr-v6", TEXT, "IPv6 subnet for the default bridge network"),
    Option("group", TEXT, "Group for the unix socket", short="G"),
    Option("host", LIST, "Daemon socket(s) to connect to", "hosts", short="H"),
    Option("host-gateway-ip", IPS, "What the special 'host-gateway' string resolves to", "host-gateway-ips"),
    Option("http-proxy", TEXT, "HTTP proxy URL to use for outgoing traffic"),
    Option("https-proxy", TEXT, "HTTPS proxy URL to use for outgoing traffic"),
    Option("icc", BOOL, "Enable inter-container communication for the default bridge network"),
    Option("init", BOOL, "Run an init in the container to forward signals and reap processes"),
    Option("init-path", TEXT, "Path to the docker-init binary"),
    Option("insecure-registry", LIST, "Enable insecure registry communication", "insecure-registries"),
    Option("ip", IP, "Host IP for port publishing from the default bridge network"),
    Option("ip-forward", BOOL, "Enable IP forwarding in system configuration"),
    Option(
        "ip-forward-no-drop",
        BOOL,
        "Do not set the filter-FORWARD policy to DROP when enabling IP forwarding",
        note="Seaway changes no policy of other tables",
    ),
    Option("ip-masq", BOOL, "Enable IP masquerading for the default bridge network"),
    Option("ip6tables", BOOL, "Enable addition of firewall rules for IPv6"),
    Option("iptables", BOOL, "Enable addition of firewall rules"),
    Option("ipv6", BOOL, "Enable IPv6 networking for the default bridge network"),
    Option("label", LABELS, "Set key=value labels to the daemon", "labels"),
    Option("live-restore", BOOL, "Leave containers running when the daemon ends"),
    Option("log-driver", TEXT, "Default driver for container logs"),
    Option("log-format", TEXT, 'Set the logging format ("text"|"json")'),
    Option("log-level", TEXT, 'Set the logging level ("debug"|"info"|"warn"|"error"|"fatal")', short="l"),
    Option("log-opt", PAIRS, "Default log driver options for containers", "log-opts"),
    Option("max-concurrent-downloads", INT, "Set the max concurrent downloads"),
    Option("max-concurrent-uploads", INT, "Set the max concurrent uploads"),
    Option("max-download-attempts", INT, "Set the max download attempts for each pull"),
    Option("metrics-addr", TEXT, "Set default address and port to serve the metrics api on"),
    Option("mtu", INT, "Set the MTU for the default bridge network"),
    Option("network-control-plane-mtu", INT, "Network Control plane MTU", note=NO_SWARM),
    Option("network-diagnostic-port", INT, "Port of the network diagnostic server", note=NO_SWARM, hidden=True),
    Option("no-new-privileges", BOOL, "Set no-new-privileges by default for new containers"),
    Option("no-proxy", TEXT, "Comma-separated list of hosts or IP addresses for which the proxy is skipped"),
    Option("node-generic-resource", LIST, "Advertise user-defined resource", "node-generic-resources", note=NO_SWARM),
    Option("nri-opts", TEXT, "Node Resource Interface configuration", note="Seaway loads no NRI plugins"),
    Option("pidfile", TEXT, "Path to use for daemon PID file", short="p"),
    Option("raw-logs", BOOL, "Full timestamps without ANSI coloring"),
    Option("registry-mirror", LIST, "Preferred registry mirror", "registry-mirrors"),
    Option("rootless", BOOL, "Enable rootless mode; typically used with RootlessKit (refused)"),
    Option(
        "seccomp-profile",
        TEXT,
        'Path to seccomp profile. "unconfined" disables the default seccomp profile',
    ),
    Option("selinux-enabled", BOOL, "Enable selinux support"),
    Option("shutdown-timeout", INT, "Set the default shutdown timeout"),
    Option("storage-driver", TEXT, "Storage driver to use", short="s"),
    Option("storage-opt", LIST, "Storage driver options", "storage-opts"),
    Option("swarm-default-advertise-addr", TEXT, "Default address or interface for swarm", note=NO_SWARM),
    Option("tls", BOOL, "Use TLS; implied by --tlsverify"),
    Option("tlscacert", TEXT, "Trust certs signed only by this CA"),
    Option("tlscert", TEXT, "Path to TLS certificate file"),
    Option("tlskey", TEXT, "Path to TLS key file"),
    Option("tlsverify", BOOL, "Use TLS and verify the remote"),
    Option("userland-proxy", BOOL, "Use userland proxy for loopback traffic"),
    Option("userland-proxy-path", TEXT, "Path to the userland proxy binary", note="Seaway has its own port proxy"),
    Option("userns-remap", TEXT, "User/Group setting for user namespaces"),
)

FILE_ONLY: tuple[Option, ...] = (
    Option("builder", OBJECT, "BuildKit's settings", note=NO_BUILDS),
    Option("resolv-conf", TEXT, "The resolv.conf that containers' copies come from"),
    Option("swarm-raft-heartbeat-tick", INT, "", note=NO_SWARM),
    Option("swarm-raft-election-tick", INT, "", note=NO_SWARM),
)

# Keys whose value may be an object; other objects are grouping only ("proxies": {"http-proxy": …}).
OBJECT_KEYS = frozenset(
    {"builder", "cluster-store-opts", "default-network-opts", "default-ulimits", "features", "log-opts", "runtimes"}
)
# Keys of old that a flag and the file may both have, or that nothing reads any more.
REMOVED_KEYS = frozenset({"deprecated-key-path"})
MERGED_KEYS = frozenset({"runtimes"})
RENAMED_KEYS = {"host-gateway-ip": "host-gateway-ips"}

BY_FLAG = {option.flag: option for option in OPTIONS}
BY_SHORT = {option.short: option for option in OPTIONS if option.short}
BY_KEY = {option.name: option for option in (*OPTIONS, *FILE_ONLY)}
