"""One event, and the filters that choose events. Pure."""

from collections.abc import Mapping

import msgspec

from seaway.base.filters import Filters

# Their action carries an argument behind a colon, so a filter that names them matches by prefix.
_WITH_ARGUMENT = {"exec_create", "exec_start", "health_status"}
_NAMED = ("daemon", "container", "plugin", "volume", "network", "node", "service", "secret", "config")


class Actor(msgspec.Struct, frozen=True):
    id: str = msgspec.field(name="ID", default="")
    attributes: dict[str, str] = msgspec.field(name="Attributes", default_factory=dict)


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """`status`, `id` and `from` are what clients before 1.22 read: only containers and images have them."""

    type: str = msgspec.field(name="Type")
    action: str = msgspec.field(name="Action")
    actor: Actor = msgspec.field(name="Actor")
    scope: str = msgspec.field(name="scope")
    time_ns: int = msgspec.field(name="timeNano")

    def to_wire(self) -> dict[str, object]:
        wire: dict[str, object] = {}
        if self.type in ("container", "image"):
            wire |= {"status": self.action, "id": self.actor.id}
        if self.type == "container" and (image := self.actor.attributes.get("image")):
            wire["from"] = image
        return wire | {
            "Type": self.type,
            "Action": self.action,
            "Actor": {"ID": self.actor.id, "Attributes": dict(sorted(self.actor.attributes.items()))},
            "scope": self.scope,
            "time": self.time_ns // 1_000_000_000,
            "timeNano": self.time_ns,
        }


def make_event(kind: str, action: str, actor_id: str, attributes: Mapping[str, str], time_ns: int) -> Event:
    return Event(kind, action, Actor(actor_id, dict(attributes)), "local", time_ns)


def matches(filters: Filters, event: Event) -> bool:
    return (
        _matches_action(filters, event.action)
        and filters.matches_exactly("type", event.type)
        and filters.matches_exactly("scope", event.scope)
        and all(_matches_name(filters, kind, event) for kind in _NAMED)
        and _matches_image(filters, event)
        and filters.matches_labels("label", event.actor.attributes)
    )


def _matches_action(filters: Filters, action: str) -> bool:
    if _WITH_ARGUMENT & set(filters.get("event")):
        return filters.matches_prefix("event", action)
    return filters.matches_exactly("event", action)


def _matches_name(filters: Filters, kind: str, event: Event) -> bool:
    if kind not in filters:
        return True
    return any(filters.matches_prefix(kind, known) for known in _names(event))


def _names(event: Event) -> tuple[str, str]:
    return event.actor.id, event.actor.attributes.get("name", "")


def _matches_image(filters: Filters, event: Event) -> bool:
    if "image" not in filters:
        return True
    name = event.actor.attributes.get("name" if event.type == "image" else "image", "")
    known = (event.actor.id, name, _without_tag(event.actor.id), _without_tag(name))
    return any(filters.matches_exactly("image", one) for one in known)


def _without_tag(reference: str) -> str:
    name, colon, tag = reference.partition("@")[0].rpartition(":")
    return name if colon and "/" not in tag else reference
