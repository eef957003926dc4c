from seaway.distribution.progress import Progress
from seaway.images.messages import human_size, progress_line, transfer_line


def test_progress() -> None:
    assert progress_line("Loading layer", "0123456789ab", 512, 10240) == {
        "status": "Loading layer",
        "progressDetail": {"current": 512, "total": 10240},
        "progress": "[==>                                                ]     512B/10.24kB",
        "id": "0123456789ab",
    }


def test_sizes_have_four_digits() -> None:
    assert [human_size(n) for n in (0, 999, 1000, 10_240, 123_456_789)] == ["0B", "999B", "1kB", "10.24kB", "123.5MB"]


def test_only_layers_have_progress_detail() -> None:
    assert transfer_line(Progress("0123456789ab", "Waiting")) == {
        "status": "Waiting",
        "progressDetail": {},
        "id": "0123456789ab",
    }
    assert transfer_line(Progress("latest", "Pulling from a/b")) == {"status": "Pulling from a/b", "id": "latest"}
    assert transfer_line(Progress("", "Digest: x")) == {"status": "Digest: x"}
    assert "id" not in transfer_line(Progress("", "Importing", 1, 2))
