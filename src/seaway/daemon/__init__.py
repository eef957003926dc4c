"""The composition root. Only this package wires: `build` makes each service once, `lifetime` runs them."""

from seaway.daemon.lifetime import Service, run, running

__all__ = ["Service", "run", "running"]
