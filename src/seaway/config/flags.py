"""The command line, read as Go's pflag does: --flag=false, -l=debug, -Dl debug, and "--" ends the flags."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from seaway.config.engine import EngineConfig
from seaway.config.errors import ConfigError, FlagError
from seaway.config.hosts import parse_host
from seaway.config.kinds import BOOL
from seaway.config.options import BY_FLAG, BY_SHORT, Option

ACTIONS = {"help": "h", "validate": "", "version": "v"}
DEFAULTS = EngineConfig()


@dataclass(frozen=True, slots=True)
class Flags:
    """What the command line sets, by the key of daemon.json, and what it asks for instead of serving."""

    values: dict[str, Any]
    actions: frozenset[str]

    @property
    def config_file(self) -> str:
        return str(self.values.get("config-file", DEFAULTS.config_file))


def default_of(option: Option) -> Any:
    return getattr(DEFAULTS, option.field)


def parse_flags(argv: Sequence[str]) -> Flags:
    """Raises FlagError with pflag's sentence."""
    found: dict[str, Any] = {}
    actions: set[str] = set()
    for name, text in _split(argv):
        if name in ACTIONS:
            if text is None or _parse(name, lambda t: BOOL.parse(t, None), text):
                actions.add(name)
            continue
        option = BY_FLAG[name]
        old = found.get(option.name, default_of(option))
        found[option.name] = _set(option, text if text is not None else "true", old)
    return Flags(found, frozenset(actions))


def _set(option: Option, text: str, old: Any) -> Any:
    if option.flag == "host":
        _parse(option.title, parse_host, text)
    return _parse(option.title, lambda t: option.kind.parse(t, old), text)


def _parse(title: str, parse: Any, text: str) -> Any:
    try:
        return parse(text)
    except ConfigError as exc:
        raise FlagError(f'invalid argument "{text}" for "{title}" flag: {exc}') from exc


def _takes_value(name: str) -> bool:
    return name not in ACTIONS and BY_FLAG[name].kind is not BOOL


def _split(argv: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """The flags in their order, each with its text; None for a boolean one without."""
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        if word.startswith("--") and len(word) > len("--"):
            name, equals, text = word[2:].partition("=")
            if name not in ACTIONS and name not in BY_FLAG:
                raise FlagError(f"unknown flag: --{name}")
            if equals or not _takes_value(name):
                yield name, text if equals else None
            elif rest:
                yield name, rest.pop(0)
            else:
                raise FlagError(f"flag needs an argument: --{name}")
        elif word.startswith("-") and len(word) > 1 and word != "--":
            yield from _split_short(word, rest)
        elif word != "--" or rest:
            raise FlagError('"dockerd" accepts no argument(s).')


def _split_short(word: str, rest: list[str]) -> Iterator[tuple[str, str | None]]:
    """A bundle of one-letter flags; the first that takes a value takes what remains of the word, or the next word."""
    letters = word[1:]
    while letters:
        letter, letters = letters[0], letters[1:]
        name = _long_name(letter, word)
        if letters.startswith("="):
            yield name, letters[1:]
            return
        if not _takes_value(name):
            yield name, None
            continue
        if not letters and not rest:
            raise FlagError(f"flag needs an argument: '{letter}' in {word}")
        yield name, letters or rest.pop(0)
        return


def _long_name(letter: str, word: str) -> str:
    for action, short in ACTIONS.items():
        if short == letter:
            return action
    if letter not in BY_SHORT:
        raise FlagError(f"unknown shorthand flag: '{letter}' in {word}")
    return BY_SHORT[letter].flag
