"""The `filters` query parameter: several values of one key mean any of them, several keys mean all of them.

Clients write `{"label": ["a=b"]}` or `{"label": {"a=b": true}}`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import msgspec

from seaway.base.errors import InvalidParameter

_TRUE, _FALSE = {"1", "true"}, {"0", "false"}


class InvalidFilter(InvalidParameter):
    def __init__(self, key: str = "", values: Collection[str] | None = None) -> None:
        shown = f"{key}=[{' '.join(values)}]" if values is not None else key
        super().__init__(f"invalid filter '{shown}'" if key else "invalid filter")


@dataclass(frozen=True, slots=True)
class Filters:
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __contains__(self, key: str) -> bool:
        return key in self.values

    def __bool__(self) -> bool:
        return bool(self.values)

    def get(self, key: str) -> tuple[str, ...]:
        return self.values.get(key, ())

    def with_value(self, key: str, value: str) -> "Filters":
        return Filters({**self.values, key: (*self.get(key), value)})

    def validate(self, accepted: Collection[str]) -> None:
        for key in self.values:
            if key not in accepted:
                raise InvalidFilter(key)

    def flag(self, key: str, *, default: bool = False) -> bool:
        """A filter that is true or false, once."""
        if key not in self.values:
            return default
        values = self.values[key]
        is_true, is_false = bool(_TRUE & set(values)), bool(_FALSE & set(values))
        if is_true == is_false:
            raise InvalidFilter(key, values or None)
        return is_true

    def matches_exactly(self, key: str, source: str) -> bool:
        wanted = self.values.get(key)
        return not wanted or source in wanted

    def matches_prefix(self, key: str, source: str) -> bool:
        wanted = self.values.get(key)
        return not wanted or any(source.startswith(prefix) for prefix in wanted)

    def matches_labels(self, key: str, labels: Mapping[str, str]) -> bool:
        """Every `name` or `name=value` of the filter is among the labels."""
        return all(has_label(labels, wanted) for wanted in self.get(key))

    def lacks_labels(self, key: str, labels: Mapping[str, str]) -> bool:
        """For `label!`: not every one of them is among the labels."""
        return key not in self.values or not self.matches_labels(key, labels)


def has_label(labels: Mapping[str, str], wanted: str) -> bool:
    name, equals, value = wanted.partition("=")
    return name in labels and (not equals or labels[name] == value)


def parse_filters(text: str) -> Filters:
    """Raises InvalidFilter."""
    if not text:
        return Filters()
    try:
        parsed = msgspec.json.decode(text, type=dict[str, dict[str, bool] | list[str] | None] | None)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise InvalidFilter() from error
    return Filters({key: _values(found) for key, found in (parsed or {}).items()})


def _values(found: dict[str, bool] | list[str] | None) -> tuple[str, ...]:
    if isinstance(found, dict):
        return tuple(value for value, wanted in found.items() if wanted)
    return tuple(dict.fromkeys(found or ()))
