"""The firewall by the iptables programs, legacy ones or those on top of nftables. A table is changed in one piece."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

from seaway.base.errors import SystemFailure
from seaway.kernel import nftwatch, process
from seaway.networks.firewall.elements import Element
from seaway.networks.firewall.iptables import (
    HOOKS,
    PROGRAMS,
    USER_CHAIN,
    chain_prefix,
    find_missing,
    plan_change,
    plan_removal,
    plan_restore,
)

IPV6 = Path("/proc/sys/net/ipv6")
WAIT = "--wait"
"""For whoever else changes rules at the moment."""


TABLES = frozenset(table for table, _, _ in HOOKS)
POLL_S, PAUSE_S = 5, 1
"""How often legacy iptables is looked at; and for how long nobody looks again, since changes come in crowds."""


class IptablesFailed(SystemFailure):
    pass


class IptablesBackend:
    def __init__(self, table: str, *, proxied: bool, accept_mark: str = "") -> None:
        self._mark = accept_mark
        self._table, self._prefix, self._proxied = table, chain_prefix(table), proxied

    @property
    def owned(self) -> str:
        return f"iptables {self._table}"

    async def replace(self, elements: Sequence[Element]) -> None:
        for family, program in _families():
            await _restore(
                program, plan_restore(self._prefix, family, elements, proxied=self._proxied, accept_mark=self._mark)
            )
            for table, builtin, chain in HOOKS:
                await _lead(program, table, builtin, f"{self._prefix}-{chain}")
            await _put_users_first(program, f"{self._prefix}-FWD")

    async def change(self, delete: Sequence[Element], add: Sequence[Element]) -> None:
        for family, program in _families():
            if text := plan_change(self._prefix, family, delete, add, proxied=self._proxied):
                await _restore(program, text)

    async def remove(self) -> None:
        for family, program in _families():
            for table, builtin, chain in HOOKS:
                await _succeeds(program, table, "-D", builtin, "-j", f"{self._prefix}-{chain}")
            await _restore(program, plan_removal(self._prefix, family))

    async def deletions(self) -> AsyncIterator[None]:
        """The kernel tells of what iptables-nft does, our own changes among it. Legacy iptables tells nobody: with it
        there is an item every POLL_S."""
        with nftwatch.watch(nftwatch.OthersChanges(TABLES)) as watch:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POLL_S if _is_legacy() else None):
                        await watch.wait_deleted()
                yield
                await asyncio.sleep(PAUSE_S)

    async def lacks(self, elements: Sequence[Element]) -> bool:
        for family, program in _families():
            listing = await _run([f"{program}-save"])
            if find_missing(self._prefix, family, elements, listing, proxied=self._proxied):
                return True
        return False


def _is_legacy() -> bool:
    return "legacy" in os.path.realpath(process.find_program(PROGRAMS["ip"]) or "")


def _families() -> Iterator[tuple[str, str]]:
    """A host may do without the one for IPv6."""
    for family, name in PROGRAMS.items():
        program = process.find_program(name)
        if family == "ip" and not program:
            raise IptablesFailed("iptables: the program is not installed")
        if program and (family == "ip" or IPV6.exists()):
            yield family, program


async def _lead(program: str, table: str, builtin: str, chain: str) -> None:
    """From the top of one of the kernel's chains into ours, once."""
    if not await _succeeds(program, table, "-C", builtin, "-j", chain):
        await _run([program, WAIT, "-t", table, "-I", builtin, "-j", chain])


async def _put_users_first(program: str, chain: str) -> None:
    """The administrator's rules before ours, in one change, unless they are already."""
    await _succeeds(program, "filter", "-N", USER_CHAIN)
    listed = await process.run([program, WAIT, "-S", "FORWARD"])
    jumps = [line.split()[-1] for line in listed.stdout.decode().splitlines() if line.startswith("-A FORWARD -j ")]
    if chain not in jumps:
        return  # somebody flushes at this very moment, and the watch hears of it
    if USER_CHAIN in jumps and jumps.index(USER_CHAIN) < jumps.index(chain):
        return
    gone = [f"-D FORWARD -j {USER_CHAIN}"] * jumps.count(USER_CHAIN)
    await _restore(program, "\n".join(["*filter", *gone, f"-I FORWARD -j {USER_CHAIN}", "COMMIT", ""]))


async def _succeeds(program: str, table: str, *arguments: str) -> bool:
    try:
        await process.run([program, WAIT, "-t", table, *arguments])
    except process.CommandFailed:
        return False
    return True


async def _restore(program: str, text: str) -> None:
    await _run([f"{program}-restore", WAIT, "--noflush"], text.encode())


async def _run(argv: list[str], stdin: bytes | None = None) -> str:
    try:
        return (await process.run(argv, stdin=stdin)).stdout.decode(errors="replace")
    except process.CommandFailed as failed:
        raise IptablesFailed(f"iptables: {failed.stderr.decode(errors='replace').strip()}") from failed
