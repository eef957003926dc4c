"""What the runtime says, in the words that Docker's clients know, and the exit code that goes with it.

The runtimes' own texts differ (crun: "executable file `x` not found in $PATH"); clients match runc's.
"""

import re

from seaway.base.errors import InvalidParameter, SystemFailure
from seaway.runtime.words import runc_words

NOT_EXECUTABLE, NOT_FOUND, OTHER = 126, 127, 128

_NOT_FOUND = re.compile(r"executable file (.* )?not found|no such file or directory|system cannot find the file", re.I)
_CHDIR = re.compile(r"chdir|cwd", re.I)
_CRUN_CHDIR = re.compile(r"chdir [`'](.*)[`']: (.*)")
_DENIED = re.compile(r"permission denied|is a directory|exec format error|operation not permitted", re.I)
_OPEN_EXECUTABLE = re.compile(r"open executable|exec(v|ve)?\b|executable", re.I)
_MOUNT_KIND = re.compile(r"not a directory|is a directory", re.I)
_WRONG_KIND = (
    "Are you trying to mount a directory onto a file (or vice-versa)? "
    "Check if the specified host path exists and is the expected type"
)


class StartRefused(InvalidParameter):
    """The user's command cannot be run: 126 or 127."""

    def __init__(self, text: str, exit_code: int) -> None:
        super().__init__(text)
        self.exit_code = exit_code


class StartFailed(SystemFailure):
    def __init__(self, text: str, exit_code: int = OTHER) -> None:
        super().__init__(text)
        self.exit_code = exit_code


class RuntimeCommandFailed(SystemFailure):
    """kill, pause, update, delete: the runtime said no."""


class RuntimeHangs(RuntimeCommandFailed):
    """The runtime was ended because it gave no answer; what it has done until then is unknown."""


class ProcessGone(RuntimeCommandFailed):
    """There is no process any more; its exit is on its way to us."""


_GONE = re.compile(
    r"no such process|process already finished|container not running|is not running|does not exist", re.I
)


_LOGGED = re.compile(r'level=error msg="(?P<message>.*)"$')


def command_failure(said: str) -> RuntimeCommandFailed:
    """runc says it as a line of its log."""
    if logged := _LOGGED.search(said):
        said = logged["message"].replace('\\"', '"')
    return ProcessGone(said) if _GONE.search(said) else RuntimeCommandFailed(said)


def create_failure(runtime: str, said: str, command: str) -> StartRefused | StartFailed:
    """The failure of a container's start; `said` is the runtime's message, `command` its args[0]."""
    reason, code = explain(said, command)
    where = "unable to start container process: error during container init: " if code != OTHER else ""
    own = f"{runtime} create failed: "
    detail = reason if reason.startswith(own) else f"{own}{where}{reason}"
    text = f"failed to create task for container: failed to create shim task: OCI runtime create failed: {detail}"
    return _failure(f"{text}: unknown", code)


def exec_failure(said: str, command: str) -> StartRefused | StartFailed:
    reason, code = explain(said, command)
    reason = reason.removeprefix("exec failed: ").removeprefix("unable to start container process: ")
    text = f"OCI runtime exec failed: exec failed: unable to start container process: {reason}: unknown"
    return _failure(text, code if code != OTHER else NOT_EXECUTABLE)


def explain(said: str, command: str) -> tuple[str, int]:
    """(reason in runc's words, exit code)."""
    said = said.strip() or "unknown failure"
    if "mount" in said and _MOUNT_KIND.search(said):
        return f"{said}: {_WRONG_KIND}", NOT_FOUND
    if _CHDIR.search(said):
        said = _CRUN_CHDIR.sub(lambda m: f'chdir to cwd ("{m[1]}") set in config.json failed: {m[2].lower()}', said)
        return said, NOT_FOUND if _NOT_FOUND.search(said) else OTHER
    if f'exec: "{command}"' in said:
        return _completed(said)
    if not _OPEN_EXECUTABLE.search(said):
        return runc_words(said), OTHER
    if _NOT_FOUND.search(said) or not command:
        return f'exec: "{command}": {_absent(command)}', NOT_FOUND
    if _DENIED.search(said):
        return f'exec: "{command}": {_refusal(said)}', NOT_EXECUTABLE
    return runc_words(said), OTHER


def _absent(command: str) -> str:
    return f"stat {command}: no such file or directory" if "/" in command else "executable file not found in $PATH"


def _refusal(said: str) -> str:
    lowered = said.lower()
    if "exec format error" in lowered:
        return "exec format error"
    # crun answers EPERM for what is no regular file.
    return (
        "is a directory: permission denied"
        if "operation not permitted" in lowered or "is a directory" in lowered
        else "permission denied"
    )


def _completed(said: str) -> tuple[str, int]:
    if said.endswith("is a directory"):
        return f"{said}: permission denied", NOT_EXECUTABLE
    if _NOT_FOUND.search(said):
        return said, NOT_FOUND
    return said, NOT_EXECUTABLE if _DENIED.search(said) else OTHER


def _failure(text: str, code: int) -> StartRefused | StartFailed:
    return StartFailed(text) if code == OTHER else StartRefused(text, code)
