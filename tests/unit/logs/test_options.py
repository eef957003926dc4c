from pathlib import Path

import pytest

from seaway.base.errors import InvalidParameter
from seaway.logs.driver import ContainerInfo
from seaway.logs.drivers import validate_log_options
from seaway.logs.options import extra_attributes, parse_json_file_options, tag_of
from seaway.logs.rotating import Limits


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bad": "1"}, "unknown log opt 'bad' for json-file log driver"),
        ({"mode": "foo"}, "logger: logging mode not supported: foo"),
        ({"max-buffer-size": "1m"}, "logger: max-buffer-size option is only supported with 'mode=non-blocking'"),
        ({"mode": "non-blocking", "max-buffer-size": "q"}, "error parsing option max-buffer-size: invalid size: 'q'"),
    ],
)
def test_creation_refuses_wrong_options(options: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidParameter) as err:
        validate_log_options("json-file", options)
    assert str(err.value) == message


def test_none_takes_any_option_and_an_unknown_driver_is_named() -> None:
    validate_log_options("none", {"a": "b"})
    with pytest.raises(InvalidParameter, match='error looking up logging plugin nope: plugin "nope" not found'):
        validate_log_options("nope", {})


def test_sizes_and_counts_are_parsed() -> None:
    parsed = parse_json_file_options({"max-size": "10m", "max-file": "3", "compress": "true"})
    assert parsed == Limits(10 << 20, 3, True)
    for wrong in ({"max-size": "x"}, {"max-file": "0"}, {"compress": "true"}, {"max-size": "0"}):
        with pytest.raises(InvalidParameter):
            parse_json_file_options(wrong)


def test_attributes_are_those_asked_for() -> None:
    options = {"labels": "tier,none", "env-regex": "^APP_", "tag": "{{.Name}}/{{.ID}}"}
    info = ContainerInfo(
        "ab" * 32, Path("/"), "/web", labels={"tier": "front", "x": "y"}, env=["APP_A=1", "HOME=/"], options=options
    )
    assert extra_attributes(info) == {"tier": "front", "APP_A": "1"}
    assert tag_of(info) == "web/abababababab"


@pytest.mark.parametrize(
    ("driver", "options", "message"),
    [
        ("local", {"foo": "1"}, "unknown log opt 'foo' for log driver local"),
        ("syslog", {"foo": "1"}, "unknown log opt 'foo' for syslog log driver"),
        ("syslog", {"cache-disabled": "x"}, "invalid value for option cache-disabled: x"),
        ("syslog", {"syslog-address": "foo"}, "syslog-address should be in form proto://address, got foo"),
        ("syslog", {"syslog-address": "http://x"}, "syslog-address should be in form proto://address, got http://x"),
        ("syslog", {"syslog-address": "unix:///nosuch"}, "stat /nosuch: no such file or directory"),
        ("syslog", {"syslog-facility": "99"}, "invalid syslog facility"),
        ("syslog", {"syslog-format": "foo"}, "Invalid syslog format"),
        ("gelf", {"foo": "1"}, "gelf-address is a required parameter"),
        ("gelf", {"gelf-address": "foo"}, "gelf-address should be in form proto://address, got foo"),
        ("gelf", {"gelf-address": "udp://a"}, "gelf: please provide gelf-address as proto://host:port"),
        (
            "gelf",
            {"gelf-address": "udp://a:1", "gelf-compression-type": "foo"},
            'unknown value "foo" for log opt "gelf-compression-type" for gelf log driver',
        ),
        (
            "gelf",
            {"gelf-address": "tcp://a:1", "gelf-compression-level": "9"},
            "compression is only supported on UDP",
        ),
        (
            "gelf",
            {"gelf-address": "udp://a:1", "gelf-tcp-max-reconnect": "1"},
            '"gelf-tcp-max-reconnect" is only valid for TCP',
        ),
        (
            "fluentd",
            {"fluentd-address": "host:1/x"},
            'invalid fluentd-address host:1/x: strconv.Atoi: parsing "1/x": invalid syntax',
        ),
        ("fluentd", {"fluentd-buffer-limit": "x"}, "invalid size: 'x'"),
        ("fluentd", {"fluentd-retry-wait": "x"}, 'time: invalid duration "x"'),
        ("fluentd", {"fluentd-max-retries": "x"}, 'strconv.ParseUint: parsing "x": invalid syntax'),
        ("fluentd", {"fluentd-async": "x"}, 'strconv.ParseBool: parsing "x": invalid syntax'),
        ("journald", {"foo": "1"}, "unknown log opt 'foo' for journald log driver"),
    ],
)
def test_each_driver_refuses_in_dockerds_words(driver: str, options: dict[str, str], message: str) -> None:
    with pytest.raises(InvalidParameter) as err:
        validate_log_options(driver, options)
    assert str(err.value) == message
