from seaway.config.engine import EngineConfig
from seaway.config.errors import ConfigError, FlagError
from seaway.config.hosts import Listen, parse_host
from seaway.config.values import AddressPool, RuntimeConfig, UlimitConfig

__all__ = [
    "AddressPool", "ConfigError", "EngineConfig", "FlagError", "Listen", "RuntimeConfig", "UlimitConfig", "parse_host",
]  # fmt: skip
