"""crun's complaints in runc's words, which clients know. What is not listed stays as it is. Pure."""

import re

_INIT = "unable to start container process: error during container init: "
_WORDS = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"the sysctl `(.+)` is not namespaced", r'sysctl "\1" is not in a separate kernel namespace'),
        (
            r"the sysctl `(.+)` conflicts with OCI field `(.+)`",
            r'sysctl "\1" is not allowed as it conflicts with the OCI "\2" field',
        ),
        (r"the sysctl `(.+)` requires a new network namespace", r'sysctl "\1" not allowed in host network namespace'),
        (r"the sysctl `(.+)` requires a new IPC namespace", r'sysctl "\1" is not allowed in the hosts ipc namespace'),
        (r"invalid rlimit `(.+)`", r"wrong rlimit value: \1"),
        (r"setrlimit `(.+)`", rf"{_INIT}error setting rlimits for ready process: error setting rlimit type \1"),
        (r"^sethostname", f"{_INIT}sethostname"),
        (r"invalid seccomp action `(.+)`", r"string \1 is not a valid action for seccomp"),
    )
)
_ERRNO_TEXTS = (
    "Invalid argument",
    "No such file or directory",
    "Permission denied",
    "Operation not permitted",
    "No space left on device",
    "Numerical result out of range",
    "Device or resource busy",
    "Not a directory",
    "Too many open files",
)


def runc_words(said: str) -> str:
    for pattern, words in _WORDS:
        said = pattern.sub(words, said, count=1)
    text = next((text for text in _ERRNO_TEXTS if said.endswith(f": {text}")), "")
    return said.removesuffix(text) + text.lower()
