"""Where a container is below its systemd scope on cgroup v2: in the scope itself, as under runc and dockerd.

crun would make a group `container` in it and set the limits there, so that whoever looks at the scope (stats, tools
that know dockerd's paths) finds none.
"""

from typing import Any

ANNOTATION = "run.oci.systemd.subgroup"


def in_the_scope_itself(spec: dict[str, Any]) -> dict[str, Any]:
    """A user's annotation goes first."""
    return {**spec, "annotations": {ANNOTATION: "", **(spec.get("annotations") or {})}}
