"""Where every task and every thread of this process stands, for somebody who wonders why it waits."""

import asyncio
import io
import sys
import threading
import time
import traceback
from pathlib import Path


def write_stacks(directory: Path) -> Path:
    """Into a new file; call it in the event loop's thread."""
    stamp = time.strftime("%Y-%m-%dT%H%M%SZ", time.gmtime())
    path = directory / f"goroutine-stacks-{stamp}.log"  # the name that tools know from dockerd
    path.write_text(stacks())
    return path


def stacks() -> str:
    out = io.StringIO()
    for task in asyncio.all_tasks():
        task.print_stack(file=out)
        print(file=out)
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, frame in sys._current_frames().items():
        print(f"Thread {names.get(ident, ident)}:", file=out)
        traceback.print_stack(frame, file=out)
        print(file=out)
    return out.getvalue()
