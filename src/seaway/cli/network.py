"""`seaway network audit|limit`: what `docker network` has no command for, against a running engine."""

import argparse
import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

from seaway.cli.audit import Listener, Row, audit, parse_listeners
from seaway.cli.client import add_host, ask_json, run
from seaway.networks import firewalld
from seaway.networks.firewall.foreign import FIREWALLD
from seaway.networks.passage import find_closed

RX, TX = "com.seaway.rate.rx", "com.seaway.rate.tx"
COLUMNS = ("CONTAINER", "PORT", "AT", "OPEN TO", "BY")
PROC = Path("/proc")


def main(argv: Sequence[str]) -> int:
    return run(_parser().parse_args(argv))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="seaway network", description="Audit networks, and limit bandwidth")
    add_host(parser)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    audited = commands.add_parser("audit", help="say which ports are open, to whom, and by which rule")
    audited.set_defaults(run=_audit)
    audited.add_argument("--json", action="store_true", help="for programs")
    limit = commands.add_parser("limit", help="limit a container's bandwidth on a network, also while it runs")
    limit.set_defaults(run=_limit)
    limit.add_argument("container")
    limit.add_argument("network")
    limit.add_argument("--rx", metavar="RATE", help="what it receives: 512kbit, 10mbit, 1gbit; 0 is no limit")
    limit.add_argument("--tx", metavar="RATE", help="what it sends")
    return parser


def _audit(arguments: argparse.Namespace) -> None:
    listed = ask_json(arguments.host, "GET", "/containers/json")
    containers = [ask_json(arguments.host, "GET", f"/containers/{each['Id']}/json") for each in listed]
    listeners = {each["Id"]: _listeners(each) for each in containers}
    judge = asyncio.run(_judge_of_input())
    rows = audit(containers, ask_json(arguments.host, "GET", "/networks"), listeners, judge)
    if arguments.json:
        print(json.dumps([asdict(row) for row in rows]))
        return
    print("\n".join(table(rows)))
    if unseen := [each["Name"].lstrip("/") for each in containers if listeners[each["Id"]] is None]:
        print(f"What listens in {', '.join(unseen)} is out of sight: run this as root on the engine's host.")
    if judge:
        print(f"What comes to this host itself is for {judge} to judge: so are containers' calls to its addresses.")
    print("Your own rules (the chain `user`, or DOCKER-USER) come before all of these.")


async def _judge_of_input() -> str:
    """Whose rules drop by default what comes to the host, "" where nobody's do or this process may not know."""
    for closed in await find_closed(hook="input"):
        return closed.owner or closed.where
    return FIREWALLD if await firewalld.is_reachable() else ""


def table(rows: Sequence[Row]) -> list[str]:
    lines = [COLUMNS, *((row.container, row.port, row.at, row.open_to, row.by) for row in rows)]
    widths = [max(len(line[n]) for line in lines) for n in range(len(COLUMNS))]
    return ["   ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in lines]


def _listeners(container: dict[str, Any]) -> list[Listener] | None:
    found: list[Listener] = []
    try:
        for protocol in ("tcp", "udp"):
            for family in ("", "6"):
                file = PROC / str(container["State"]["Pid"]) / "net" / f"{protocol}{family}"
                if file.exists():  # a kernel may have no IPv6
                    found += parse_listeners(protocol, file.read_text())
    except (FileNotFoundError, PermissionError):
        return None
    return found if (PROC / str(container["State"]["Pid"])).exists() else None


def _limit(arguments: argparse.Namespace) -> None:
    rates = {name: rate for name, rate in ((RX, arguments.rx), (TX, arguments.tx)) if rate is not None}
    if not rates:
        raise ValueError("nothing to change: give --rx or --tx")
    options = {name: "" if rate == "0" else rate for name, rate in rates.items()}
    body = {"NetworkingConfig": {"EndpointsConfig": {arguments.network: {"DriverOpts": options}}}}
    ask_json(arguments.host, "POST", f"/containers/{quote(arguments.container, safe='')}/update", body)
