"""What the flags and daemon.json say now: a reload replaces the values, and nobody keeps a copy of them."""

from seaway.base.idmap import NO_SHIFT, IdMap
from seaway.config import EngineConfig
from seaway.engine.defaults import container_defaults
from seaway.kernel.process import find_program
from seaway.model.container import HostConfig


class Settings:
    """`ids` are of --userns-remap, which a reload leaves as it is."""

    def __init__(self, config: EngineConfig, ids: IdMap = NO_SHIFT) -> None:
        self.ids = ids
        self.use(config)

    def use(self, config: EngineConfig) -> None:
        """Raises ConfigError, and is as before then."""
        defaults = container_defaults(config)
        self.config, self.defaults = config, defaults

    def ids_of(self, host: HostConfig) -> IdMap:
        return NO_SHIFT if host.userns_mode == "host" else self.ids

    @property
    def default_runtime(self) -> str:
        """dockerd's default is called runc; ours is crun, unless somebody chose, or only runc is there."""
        if "default-runtime" in self.config.configured:
            return self.config.default_runtime
        return "crun" if find_program("crun") else "runc"
