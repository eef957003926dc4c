import pytest

from seaway.config import ConfigError, EngineConfig
from seaway.engine.defaults import container_defaults
from seaway.logs.options import inherited
from seaway.model.container import LogConfig

DEFAULT = LogConfig(type="json-file", config={"max-size": "1m", "cache-disabled": "true"})


@pytest.mark.parametrize(
    ("asked", "chosen"),
    [
        (LogConfig(), DEFAULT),
        (LogConfig(type="json-file"), DEFAULT),
        (
            LogConfig(config={"max-size": "2m"}),
            LogConfig(type="json-file", config={**DEFAULT.config, "max-size": "2m"}),
        ),
        (LogConfig(type="syslog"), LogConfig(type="syslog", config={"cache-disabled": "true"})),
    ],
)
def test_the_engines_options_are_its_drivers_alone(asked: LogConfig, chosen: LogConfig) -> None:
    assert inherited(asked, DEFAULT) == chosen


def test_the_engine_refuses_options_that_its_driver_does_not_have() -> None:
    with pytest.raises(
        ConfigError, match="^failed to set log opts: unknown log opt 'nosuch' for json-file log driver$"
    ):
        container_defaults(EngineConfig(log_opts={"nosuch": "1"}))


def test_what_a_driver_needs_may_come_from_the_container() -> None:
    assert container_defaults(EngineConfig(log_driver="gelf")).log == LogConfig(type="gelf")
