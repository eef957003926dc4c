"""The images of Docker before 1.10: a directory `graph`, whose layers have no digests. 1.10 migrated it."""

from pathlib import Path

from seaway.base.errors import SystemFailure
from seaway.base.ids import is_full_id


class GraphDirectory(SystemFailure):
    def __init__(self, root: Path) -> None:
        super().__init__(
            f"{root}/graph has images from before Docker 1.10, which have to be migrated first: start a Docker between"
            f" 1.10 and 17.12 on this data root once (it leaves {root}/.migration-v1-images.json), or `docker save` the"
            f" images with the old one and `docker load` them here; to begin without them, move {root}/graph away"
        )


def refuse_graph_directory(root: Path) -> None:
    """Raises GraphDirectory where there are such images and nobody has migrated them."""
    graph = root / "graph"
    if (root / ".migration-v1-images.json").exists() or not graph.is_dir():
        return
    if any(is_full_id(entry.name) for entry in graph.iterdir()):
        raise GraphDirectory(root)
