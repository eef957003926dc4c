"""Named places where a test has the engine die, as a power cut or the OOM killer would have it.

`SEAWAY_FAILPOINT=<name>` in the engine's environment arms one; without it a failpoint is one comparison.
The engine kills itself with SIGKILL there: nothing is flushed, no handler runs.
"""

import os
import signal

VARIABLE = "SEAWAY_FAILPOINT"
_armed = os.environ.get(VARIABLE)


def failpoint(name: str) -> None:
    if name == _armed:
        os.kill(os.getpid(), signal.SIGKILL)
