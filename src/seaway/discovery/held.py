"""What this engine holds in the cluster store, and what must be done there so that it is so. Pure.

A held value is a JSON object whose "Engine" says who holds it; the key ends with that engine's lease.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from seaway.discovery.messages import Absent, Change, Compare, Delete, Holds, Put


@dataclass(frozen=True, slots=True)
class Step:
    """One transaction. `lost_to` is who holds the key if it is not to be had."""

    key: str
    compares: tuple[Compare, ...]
    changes: tuple[Change, ...]
    lost_to: str = ""


def holder(value: str) -> str:
    """The engine's ID; empty for what belongs to the whole cluster."""
    try:
        found = json.loads(value)
    except ValueError:
        return ""
    return str(found.get("Engine", "")) if isinstance(found, dict) else ""


def plan_hold(
    held: Mapping[str, str], stored: Mapping[str, str], engine_id: str, lease: int, prefix: str
) -> list[Step]:
    """Everything held is there under `lease`; what else is this engine's goes. Others' keys stay."""
    steps = []
    for key, value in held.items():
        there, put = stored.get(key), Put(prefix + key, value, lease)
        if there is None:
            steps.append(Step(key, (Absent(prefix + key),), (put,)))
        elif holder(there) == engine_id:
            steps.append(Step(key, (Holds(prefix + key, there),), (put,)))
        else:
            steps.append(Step(key, (), (), lost_to=holder(there) or "the cluster"))
    steps += [
        Step(key, (Holds(prefix + key, there),), (Delete(prefix + key),))
        for key, there in stored.items()
        if key not in held and holder(there) == engine_id
    ]
    return steps
