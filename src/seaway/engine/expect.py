"""A process will be started soon: what of that can wait for the kernel waits now, beside the rest."""

from seaway.engine.context import Engine
from seaway.kernel import cgroup_warmth, worker


def expect_process(engine: Engine) -> None:
    engine.supervisor.spawn(worker.run_blocking(cgroup_warmth.warm), "cgroup warmth")
