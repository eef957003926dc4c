"""`POST /containers/{id}/wait`, its three conditions."""

import asyncio

from seaway.base.errors import InvalidParameter
from seaway.containers.task import Status
from seaway.engine.context import Engine
from seaway.runtime.exits import Exit

CONDITIONS = ("", "not-running", "next-exit", "removed")


def wait_container(engine: Engine, name: str, condition: str) -> "asyncio.Future[Exit]":
    """Registered before it returns, so that no exit after this call is missed."""
    if condition not in CONDITIONS:
        raise InvalidParameter(f'invalid condition: "{condition}"')
    container = engine.containers.find(name)
    if condition == "removed":
        return engine.runs.removal(container.id)
    if condition == "next-exit" or container.task.is_running:
        return engine.runs.next_exit(container.id)
    done: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
    code = 0 if container.task.status is Status.CREATED else container.task.exit_code
    done.set_result(Exit(code, 0, error=container.task.error))
    return done
