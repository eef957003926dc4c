"""An engine inside a program of one's own, which hears of everything that happens there. Needs root.

.venv/bin/python examples/embed.py DIRECTORY            serves DIRECTORY/docker.sock until Ctrl-C
"""

import asyncio
import sys
from pathlib import Path

from seaway.config import EngineConfig
from seaway.config.flags import parse_flags
from seaway.config.load import load_config
from seaway.daemon import running


def private_config(root: Path) -> EngineConfig:
    """As from the command line of `seaway serve`, without a daemon.json."""
    flags = ["-H", f"unix://{root}/docker.sock", "--data-root", f"{root}/data", "--exec-root", f"{root}/exec"]
    return load_config(parse_flags([*flags, "--pidfile", f"{root}/pid", "--bridge", "none"]), None, {})


async def main(root: Path) -> None:
    async with running(private_config(root)) as service:
        with service.engine.events.subscribe() as events:
            print(f"docker -H unix://{root}/docker.sock", flush=True)
            while True:
                event = await events.next()
                print(event.type, event.action, event.actor.id[:12], flush=True)


if __name__ == "__main__":
    try:
        asyncio.run(main(Path(sys.argv[1])))
    except KeyboardInterrupt:
        pass
