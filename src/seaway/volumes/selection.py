"""Which volumes a list shows and a prune takes. Pure."""

import re

from seaway.base.filters import Filters
from seaway.volumes.driver import Volume

LIST_FILTERS = ("dangling", "driver", "label", "name")
PRUNE_FILTERS = ("all", "label", "label!")


def matches(volume: Volume, filters: Filters, *, used: bool) -> bool:
    return (
        ("dangling" not in filters or used != filters.flag("dangling"))
        and filters.matches_exactly("driver", volume.driver)
        and filters.matches_labels("label", volume.labels or {})
        and (not filters.get("name") or any(_name_matches(volume.name, wanted) for wanted in filters.get("name")))
    )


def is_prunable(volume: Volume, filters: Filters) -> bool:
    labels = volume.labels or {}
    return (
        volume.is_plain
        and (filters.flag("all") or volume.is_anonymous)
        and filters.matches_labels("label", labels)
        and filters.lacks_labels("label!", labels)
    )


def _name_matches(name: str, wanted: str) -> bool:
    try:
        return wanted in name or bool(re.search(wanted, name))
    except re.error:
        return False
