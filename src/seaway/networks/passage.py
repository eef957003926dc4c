"""Lets the engine's bridges through chains of others that drop by default, where these are iptables' own."""

import logging
from collections.abc import Sequence
from pathlib import Path

from seaway.base.errors import SystemFailure
from seaway.kernel import nft, process
from seaway.networks.firewall.foreign import FIREWALLD, LEGACY, PASS, Closed, closed_chains, plan_passage
from seaway.networks.firewall.iptables import chain_prefix

log = logging.getLogger(__name__)
LEGACY_TABLES = {"iptables-legacy": "/proc/net/ip_tables_names", "ip6tables-legacy": "/proc/net/ip6_tables_names"}
WAIT = "--wait"


class Passage:
    def __init__(self, table: str) -> None:
        self._table, self._prefix = table, chain_prefix(table)
        self._told: set[Closed] = set()

    async def open(self, bridges: Sequence[str]) -> None:
        """For these and no others. firewalld has its own way to be told."""
        for closed in await find_closed(self._table):
            if closed.owner == FIREWALLD:
                continue
            if not closed.program or not process.find_program(closed.program):
                self._complain(closed)
                continue
            try:
                await self._put(closed.program, bridges)
            except process.CommandFailed as failed:
                log.error("%s drops what is forwarded: %s", closed, failed)

    async def is_missing(self) -> bool:
        """Whether somebody has taken it away where it is needed, or closed a chain since."""
        closed = [c.program for c in await find_closed(self._table) if c.program and process.find_program(c.program)]
        return not all([await self._leads_to_ours(program) for program in closed])

    async def _leads_to_ours(self, program: str) -> bool:
        try:
            await process.run([program, WAIT, "-C", "FORWARD", "-j", f"{self._prefix}-{PASS}"])
        except process.CommandFailed:
            return False
        return True

    def _complain(self, closed: Closed) -> None:
        if closed not in self._told:
            log.warning("%s drops what is forwarded by default: see `seaway check`", closed)
            self._told.add(closed)

    async def _put(self, program: str, bridges: Sequence[str]) -> None:
        chain = f"{self._prefix}-{PASS}"
        await process.run([f"{program}-restore", WAIT, "--noflush"], stdin=plan_passage(self._prefix, bridges).encode())
        if not await self._leads_to_ours(program):
            await process.run([program, WAIT, "-I", "FORWARD", "-j", chain])
            log.info("%s drops what is forwarded by default: its chain %s lets our bridges through", program, chain)


async def find_closed(own_table: str = "", *, hook: str = "forward") -> list[Closed]:
    """Without a program's start where the answer is in the kernel's own lists."""
    try:
        listing = await nft.query("list chains")
    except SystemFailure:
        listing = ""
    legacy = {p: await _rules(p, hook.upper()) for p in LEGACY if _is_used(p)}
    return closed_chains(listing, legacy, own_table, hook=hook)


def _is_used(program: str) -> bool:
    names = Path(LEGACY_TABLES[program])
    return names.exists() and "filter" in names.read_text().split() and bool(process.find_program(program))


async def _rules(program: str, chain: str) -> str:
    return (await process.run([program, WAIT, "-S", chain])).stdout.decode(errors="replace")
