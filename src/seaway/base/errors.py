"""The engine's failures. A class decides the HTTP status, the message is what the client reads.

    EngineError
    ├── InvalidParameter   400     ├── NotFound        404     ├── Conflict      409
    ├── NotModified        304     ├── Unauthorized    401     ├── Forbidden     403
    ├── Unavailable        503     ├── NotImplementedByEngine 501
    └── SystemFailure      500     the host, the runtime or a driver failed

Domain errors subclass these and own their text, for the text is API: clients match it. What is not
an EngineError is a bug of ours, and answers 500 with its traceback in the log.
"""


class EngineError(Exception):
    @property
    def message(self) -> str:
        return str(self)


class InvalidParameter(EngineError):
    pass


class NotFound(EngineError):
    pass


class Conflict(EngineError):
    pass


class NotModified(EngineError):
    pass


class Unauthorized(EngineError):
    pass


class Forbidden(EngineError):
    pass


class Unavailable(EngineError):
    pass


class NotImplementedByEngine(EngineError):
    pass


class SystemFailure(EngineError):
    pass


_CATEGORIES = (
    InvalidParameter,
    NotFound,
    Conflict,
    NotModified,
    Unauthorized,
    Forbidden,
    Unavailable,
    NotImplementedByEngine,
)


def with_prefix(prefix: str, failure: EngineError) -> EngineError:
    """The same kind of failure, so the same status, with words before its own."""
    category = next((c for c in _CATEGORIES if isinstance(failure, c)), SystemFailure)
    return category(f"{prefix}{failure}")
