"""The engine of the conformance tests, for those that run in the machine."""

from conformance.conftest import _leave_nothing, _where_it_applies, client, engine, restarted

__all__ = ["_leave_nothing", "_where_it_applies", "client", "engine", "restarted"]
