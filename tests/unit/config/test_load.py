import json
from typing import Any

import pytest

from seaway.config import AddressPool, ConfigError, EngineConfig, RuntimeConfig, UlimitConfig
from seaway.config.flags import parse_flags
from seaway.config.load import load_config, warnings


def load(*argv: str, file: Any = None, environment: dict[str, str] | None = None) -> EngineConfig:
    data = file if isinstance(file, bytes) or file is None else json.dumps(file).encode()
    return load_config(parse_flags(["--config-file", "c.json", *argv]), data, environment)


WHERE = "unable to configure the Docker daemon with file c.json: "
BOTH = WHERE + "the following directives are specified both as a flag and in the configuration file: "
MERGED = WHERE + "merged configuration validation from file and command line flags failed: "

# Said by a running dockerd, but for the word "merged" where 20.10 looked at the file first.
REFUSED = [
    ({"foo": 1, "bar": 2}, [], WHERE + "the following directives don't match any configuration option: foo, bar"),
    ({"labels": ["a=b"]}, ["--label", "c=d"], BOTH + "labels: (from flag: [c=d], from file: [a=b])"),
    (
        {"debug": True, "hosts": ["unix:///x"]},
        ["-D", "-H", "unix:///y"],
        BOTH + "debug: (from flag: true, from file: true), hosts: (from flag: [unix:///y], from file: [unix:///x])",
    ),
    ({"log-opts": {"a": "b"}}, ["--log-opt", "c=d"], BOTH + "log-opts: (from flag: map[c:d], from file: map[a:b])"),
    ({"iptables": False}, ["--iptables=true"], BOTH + "iptables: (from flag: true, from file: false)"),
    ({"labels": ["ab"]}, [], MERGED + "bad attribute format: ab"),
    ({"labels": ["a=b", "a=c"]}, [], MERGED + "conflict labels for a=c and a=b"),
    ({"dns": ["x"]}, [], MERGED + "x is not an ip address"),
    ({"max-concurrent-downloads": -1}, [], MERGED + "invalid max concurrent downloads: -1"),
    ({"bip": "10.77.0.5"}, [], MERGED + "invalid CIDR address: 10.77.0.5"),
    ({"bip6": "fd00::1"}, [], MERGED + "invalid CIDR address: fd00::1"),
    ({"fixed-cidr": "10.77.0.0/33"}, [], MERGED + "invalid CIDR address: 10.77.0.0/33"),
    ({"fixed-cidr-v6": "fd00::/129"}, [], MERGED + "invalid CIDR address: fd00::/129"),
    ({"default-address-pools": [{"base": "10.0.0.0/24", "size": 16}]}, [], MERGED + "invalid pools size: 16"),
    ({"default-runtime": "zz"}, [], MERGED + "specified default runtime 'zz' does not exist"),
    ({"runtimes": {"runc": {"path": "/x"}}}, [], MERGED + "runtime name 'runc' is reserved"),
    (
        {"default-ipc-mode": "zz"},
        [],
        MERGED + 'default IPC mode setting (zz) is invalid; use "shareable" or "private"',
    ),
    ({"debug": "x"}, [], WHERE + "json: cannot unmarshal string into Go struct field Config.debug of type bool"),
    ({"hosts": "x"}, [], WHERE + "json: cannot unmarshal string into Go struct field Config.hosts of type []string"),
    ({"mtu": "x"}, [], WHERE + "json: cannot unmarshal string into Go struct field Config.mtu of type int"),
    (
        {"log-opts": {"max-size": 1}},
        [],
        WHERE + "json: cannot unmarshal number into Go struct field Config.log-opts of type string",
    ),
    ([1], [], WHERE + "json: cannot unmarshal array into Go value of type map[string]interface {}"),
    ({"default-shm-size": "zz"}, [], WHERE + "invalid size: 'zz'"),
    (b"{", [], WHERE + "unexpected end of JSON input"),
    (b'{"group": "\xff"}', [], WHERE + "failed to decode configuration JSON at offset 11: encoding: invalid UTF-8"),
    ({"log-level": "zz"}, [], MERGED + "invalid logging level: zz"),
]


@pytest.mark.parametrize(("file", "argv", "sentence"), REFUSED)
def test_a_bad_configuration_is_refused_in_dockerds_words(file: Any, argv: list[str], sentence: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        load(*argv, file=file)
    assert str(refusal.value) == sentence


def test_without_a_file_the_flags_stand_alone() -> None:
    config = load("-H", "tcp://127.0.0.1:2375", "--data-root=/srv", "-l", "debug", "--userland-proxy=false")
    assert [str(listen) for listen in config.listens] == ["tcp://127.0.0.1:2375"]
    assert (config.data_root, config.log_level, config.userland_proxy) == ("/srv", "debug", False)


def test_defaults_are_dockerds() -> None:
    config = load()
    assert [str(listen) for listen in config.listens] == ["unix:///var/run/docker.sock"]
    assert (config.default_shm_size, config.mtu, config.shutdown_timeout) == (67108864, 1500, 15)


def test_the_file_fills_in_what_no_flag_says() -> None:
    config = load(
        "--mtu",
        "1400",
        file={
            "icc": False,
            "shutdown-timeout": 0,
            "runtimes": {"fast": {"path": "/bin/fast", "runtimeArgs": ["--x"]}},
            "default-runtime": "fast",
            "default-ulimits": {"nofile": {"Name": "nofile", "Soft": 1, "Hard": 2}},
            "default-address-pools": [{"base": "10.10.0.0/16", "size": 24}],
            "default-shm-size": "128M",
            "proxies": {"http-proxy": "http://proxy:3128"},
            "features": {"cdi": True},
            "host-gateway-ip": "10.0.0.1",
        },
    )
    assert (config.mtu, config.icc, config.shutdown_timeout) == (1400, False, 15)
    assert config.runtimes == {"fast": RuntimeConfig(path="/bin/fast", args=("--x",))}
    assert config.default_ulimits == {"nofile": UlimitConfig("nofile", 1, 2)}
    assert config.default_address_pools == (AddressPool("10.10.0.0/16", 24),)
    assert config.default_shm_size == 128 << 20
    assert (config.http_proxy, config.host_gateway_ips) == ("http://proxy:3128", ("10.0.0.1",))


def test_runtimes_of_both_are_merged() -> None:
    config = load("--add-runtime", "a=/bin/a", file={"runtimes": {"b": {"path": "/bin/b"}}})
    assert sorted(config.runtimes) == ["a", "b"]


@pytest.mark.parametrize("data", [b"", b"  \n", b"\xef\xbb\xbf{}", '\ufeff{"debug": true}'.encode("utf-16-le")])
def test_byte_order_marks_and_empty_files_are_tolerated(data: bytes) -> None:
    assert load(file=data).mtu == 1500


def test_a_conflict_does_not_print_a_proxys_password() -> None:
    with pytest.raises(ConfigError, match=r"from flag: http://xxxxx:xxxxx@a:1, from file: http://xxxxx:xxxxx@b:2"):
        load("--http-proxy", "http://me:secret@a:1", file={"http-proxy": "http://me:secret@b:2"})


def test_proxies_come_from_the_environment_where_nobody_says_otherwise() -> None:
    assert load(environment={"HTTP_PROXY": "http://p"}).http_proxy == "http://p"
    assert load("--http-proxy", "http://q", environment={"HTTP_PROXY": "http://p"}).http_proxy == "http://q"


def test_options_without_effect_are_named_once_each() -> None:
    config = load(
        *("--containerd", "/run/c.sock", "--cri-containerd", "--ipv6=false"),
        *("--allow-nondistributable-artifacts", "registry:5000"),
    )
    assert warnings(config) == [
        'The "allow-nondistributable-artifacts" option has no effect: every layer is pushed',
        'The "containerd" option has no effect: Seaway runs containers without containerd',
        'The "cri-containerd" option has no effect: Seaway runs containers without containerd',
    ]
