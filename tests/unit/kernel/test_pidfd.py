import os

import pytest

from seaway.kernel.pidfd import PidFd, start_time


async def test_the_end_of_a_process_is_seen() -> None:
    pid = os.posix_spawn("/bin/sleep", ["sleep", "30"], {})
    assert start_time(pid) >= start_time(os.getpid())
    process = PidFd(pid)
    process.send_signal(9)
    await process.wait_exit()
    process.close()
    os.waitpid(pid, 0)
    with pytest.raises(ProcessLookupError):
        start_time(pid)
