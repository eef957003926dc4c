"""A runtime that waits for its process, with `cat` in its place."""

import asyncio
import subprocess

import pytest

from seaway.runtime.heldprocess import HeldProcess

SMALL, LARGE = b'{"args":["true"]}', b'{"env":["A=' + b"x" * 300_000 + b'"]}'


async def cat(held: HeldProcess) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec("cat", held.path, stdout=subprocess.PIPE)


async def ended(reader: asyncio.subprocess.Process) -> bytes:
    said, _ = await asyncio.wait_for(reader.communicate(), 20)
    return said


@pytest.mark.parametrize("document", [SMALL, LARGE], ids=["small", "large"])
async def test_a_reader_that_waits_is_given_all_of_it(document: bytes) -> None:
    held = HeldProcess()
    reader = await cat(held)
    held.give(document)
    assert await ended(reader) == document
    held.close()


@pytest.mark.parametrize("document", [SMALL, LARGE], ids=["small", "large"])
async def test_a_reader_that_comes_late_is_given_all_of_it(document: bytes) -> None:
    held = HeldProcess()
    held.give(document)
    assert await ended(await cat(held)) == document
    held.close()


async def test_a_reader_whose_process_never_comes_ends_with_it() -> None:
    held = HeldProcess()
    reader = await cat(held)
    assert reader.stdout
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.stdout.read(1), 0.2)
    held.close()
    assert await ended(reader) == b""


async def test_what_nobody_reads_holds_nobody_up() -> None:
    held = HeldProcess()
    held.give(LARGE)
    held.close()
    held.close()
