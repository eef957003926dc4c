from pathlib import Path

import pytest

from seaway.images.graphdir import GraphDirectory, refuse_graph_directory


def test_images_that_nobody_migrated_are_refused(tmp_path: Path) -> None:
    (tmp_path / "graph" / ("1" * 64)).mkdir(parents=True)
    with pytest.raises(GraphDirectory, match=r"have to be migrated first: start a Docker between 1\.10 and 17\.12"):
        refuse_graph_directory(tmp_path)


def test_migrated_ones_are_not(tmp_path: Path) -> None:
    (tmp_path / "graph" / ("1" * 64)).mkdir(parents=True)
    (tmp_path / ".migration-v1-images.json").write_text("{}")
    refuse_graph_directory(tmp_path)


def test_nor_is_an_empty_one(tmp_path: Path) -> None:
    refuse_graph_directory(tmp_path)
    (tmp_path / "graph" / "_tmp").mkdir(parents=True)
    refuse_graph_directory(tmp_path)
