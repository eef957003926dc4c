"""Why a configuration is refused, in dockerd's sentences."""

from seaway.base.errors import InvalidParameter


class ConfigError(InvalidParameter):
    """A value, a file or a combination of both that the engine cannot start with."""


class FlagError(ConfigError):
    """The command line itself is wrong; it is reported with a pointer to --help."""
