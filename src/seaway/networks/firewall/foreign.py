"""Others' rules for what the host forwards: a packet must be accepted by every table, so a chain that drops by default
(ufw, `iptables -P FORWARD DROP`, firewalld) holds back what ours lets through. Does no input or output itself."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

PROGRAMS = {"ip": "iptables-nft", "ip6": "ip6tables-nft"}
LEGACY = ("iptables-legacy", "ip6tables-legacy")
PASS = "PASS"
FIREWALLD, UFW = "firewalld", "ufw"


@dataclass(frozen=True, slots=True)
class Closed:
    """A chain that drops by default. `program` is how rules of ours get into it; "": only its owner can."""

    where: str
    program: str = ""
    owner: str = ""

    def __str__(self) -> str:
        return f"{self.where}{f' ({self.owner})' if self.owner else ''}"


def closed_chains(
    listing: str, legacy: Mapping[str, str], own_table: str = "", *, hook: str = "forward"
) -> list[Closed]:
    """`listing` is what `nft -j list chains` says, `legacy` what each program of LEGACY says to `-S`. `hook`: `input`
    is for who judges what comes to the host itself."""
    chains = [entry["chain"] for entry in json.loads(listing or "{}").get("nftables", ()) if "chain" in entry]
    names = {chain["name"] for chain in chains}
    closed = [_closed(chain, names) for chain in chains if _is_closed(chain, hook) and chain["table"] != own_table]
    return [
        *closed,
        *(
            Closed(f"{program} {hook.upper()}", program, _ufw(text))
            for program, text in legacy.items()
            if f"-P {hook.upper()} DROP" in text
        ),
    ]


def _is_closed(chain: Mapping[str, Any], hook: str) -> bool:
    """firewalld's policy is to accept, but its last rule rejects."""
    return chain.get("hook") == hook and (chain.get("policy") == "drop" or chain["table"] == FIREWALLD)


def _closed(chain: Mapping[str, Any], names: Iterable[str]) -> Closed:
    family, table, name = chain["family"], chain["table"], chain["name"]
    where = f"table {family} {table}, chain {name}"
    if table == "filter" and name in ("FORWARD", "INPUT") and family in PROGRAMS:
        return Closed(where, PROGRAMS[family], _ufw(" ".join(names)))
    return Closed(where, owner=FIREWALLD if table == FIREWALLD else "")


def _ufw(text: str) -> str:
    return UFW if UFW in text else ""


def plan_passage(prefix: str, bridges: Iterable[str]) -> str:
    """Text for iptables-restore: what comes from our bridges or goes to them is for our own rules to judge."""
    lines = [f"-A {prefix}-{PASS} {way} {bridge} -j ACCEPT" for bridge in bridges for way in ("-i", "-o")]
    return "\n".join(["*filter", f":{prefix}-{PASS} - [0:0]", *lines, "COMMIT", ""])


def remedy(closed: Closed, *, firewalld_answers: bool) -> str:
    """`firewalld_answers`: by D-Bus, and for this network namespace."""
    if closed.owner == UFW:
        return (
            "nothing to do: the engine puts rules for its bridges there; only where containers shall call published\n"
            "         ports by this host's addresses, or others call them by IPv6 while the container has none:\n"
            "         ufw allow in on docker0, for each bridge; ufw allow PORT"
        )
    if closed.program:
        return "nothing to do: the engine puts rules for its bridges there"
    if closed.owner == FIREWALLD and firewalld_answers:
        return "nothing to do: the engine puts its bridges into firewalld's zone docker"
    if closed.owner == FIREWALLD:
        return (
            "firewall-cmd --permanent --zone=trusted --add-interface=docker0 && firewall-cmd --reload, for each bridge"
        )
    return "let what comes from the engine's bridges or goes to them through, there"
