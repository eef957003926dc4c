"""Puts the engine's bridges into firewalld's zone `docker`, by D-Bus, as dockerd does, and again when firewalld has
loaded its rules anew. firewalld rejects what is forwarded from a zone to another; what is forwarded from this zone or
to it is for our own rules to judge."""

import asyncio
import logging
import os
from collections.abc import Iterable
from typing import Any

from seaway.kernel.dbus import BUS, BUS_PATH, Bus, DBusFailed, connected

log = logging.getLogger(__name__)
NAME, PATH = "org.fedoraproject.FirewallD1", "/org/fedoraproject/FirewallD1"
ZONE, POLICY = "docker", "docker-forwarding"
ZONE_SETTINGS = {"description": ("s", "zone for docker bridge network interfaces"), "target": ("s", "ACCEPT")}
POLICY_SETTINGS = {
    "description": ("s", "allow forwarding to the docker zone"),
    "ingress_zones": ("as", ["ANY"]),
    "egress_zones": ("as", [ZONE]),
    "target": ("s", "ACCEPT"),
}
SIGNALS = (
    f"type='signal',sender='{BUS}',member='NameOwnerChanged',arg0='{NAME}'",
    f"type='signal',interface='{NAME}',member='Reloaded'",
)
PAUSE_S = 60
"""How often a host without a bus is asked for one."""


class Firewalld:
    """Without firewalld, or where it keeps another network namespace than ours, nothing happens."""

    def __init__(self) -> None:
        self._bridges: frozenset[str] = frozenset()
        self._turn = asyncio.Lock()
        self._prepared = False

    async def put(self, bridges: frozenset[str]) -> None:
        """These and no others. What fails is logged: the engine runs all the same."""
        async with self._turn:
            gone, new, self._bridges = self._bridges - bridges, bridges - self._bridges, bridges
            if gone or new:
                await self._tell(gone, new)

    async def follow(self) -> None:
        """Runs as long as the engine does."""
        while True:
            try:
                async with connected() as bus:
                    await bus.subscribe(*SIGNALS)
                    await self._put_again()
                    async for _ in bus.signals():
                        await self._put_again()
            except DBusFailed as failed:
                log.debug("not told of firewalld: %s", failed)
            await asyncio.sleep(PAUSE_S)

    async def _put_again(self) -> None:
        async with self._turn:
            self._prepared = False
            await self._tell((), self._bridges)

    async def _tell(self, gone: Iterable[str], new: Iterable[str]) -> None:
        try:
            async with connected() as bus:
                if await serves_here(bus):
                    await self._move(bus, gone, new)
        except DBusFailed as failed:
            log.log(logging.ERROR if failed.name else logging.DEBUG, "firewalld: %s", failed)

    async def _move(self, bus: Bus, gone: Iterable[str], new: Iterable[str]) -> None:
        if not self._prepared:
            await _define_zone(bus)
            self._prepared = True
        for bridge in sorted(new):
            await _call(bus, "zone.changeZoneOfInterface", "ss", ZONE, bridge)
        for bridge in sorted(gone):
            await _ignoring("UNKNOWN_INTERFACE", _call(bus, "zone.removeInterface", "ss", ZONE, bridge))


async def is_reachable() -> bool:
    """Whether there is a firewalld that this process could talk to, for the network that it is in."""
    try:
        async with connected() as bus:
            return await serves_here(bus)
    except DBusFailed:
        return False


async def serves_here(bus: Bus) -> bool:
    """Others' network namespaces are none of its business, and ours may be one."""
    try:
        (pid,) = await bus.call(BUS, BUS_PATH, f"{BUS}.GetConnectionUnixProcessID", "s", NAME)
        return os.path.samestat(os.stat(f"/proc/{pid}/ns/net"), os.stat("/proc/self/ns/net"))
    except FileNotFoundError:
        return False
    except DBusFailed as failed:
        if failed.name == f"{BUS}.Error.NameHasNoOwner":
            return False
        raise


async def _define_zone(bus: Bus) -> None:
    """A zone begins with firewalld's next load, so the first engine on a host makes it reload. What an administrator
    has made of the zone since stays."""
    zones, policies = await _call(bus, "zone.getZones"), await _call(bus, "policy.getPolicies")
    if ZONE in zones[0] and POLICY in policies[0]:
        return
    for method, name, settings in (("addZone2", ZONE, ZONE_SETTINGS), ("addPolicy", POLICY, POLICY_SETTINGS)):
        await _ignoring("NAME_CONFLICT", _configure(bus, method, name, settings))
    await _call(bus, "reload")
    log.info("firewalld: made the zone %s and the policy %s", ZONE, POLICY)


async def _ignoring(code: str, call: Any) -> None:
    try:
        await call
    except DBusFailed as failed:
        if code not in str(failed):
            raise


async def _call(bus: Bus, method: str, signature: str = "", *body: Any) -> tuple[Any, ...]:
    return await bus.call(NAME, PATH, f"{NAME}.{method}", signature, *body)


async def _configure(bus: Bus, method: str, name: str, settings: Any) -> tuple[Any, ...]:
    return await bus.call(NAME, f"{PATH}/config", f"{NAME}.config.{method}", "sa{sv}", name, settings)
