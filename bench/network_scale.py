"""What a network more, and a container more on one, costs where there are many: CPU time of the engine and of the call.

    python bench/network_scale.py unix:///var/run/docker.sock [NETWORKS] [ENDPOINTS]

Needs the image `busybox`; removes what it made.
"""

import json
import socket
import struct
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HOST = sys.argv[1]
NETWORKS, ENDPOINTS = (int(word) for word in [*sys.argv[2:], "200", "1000"][:2])
PER_CONTAINER = 20


def docker(*words: str) -> str:
    return subprocess.run(["docker", "-H", HOST, *words], capture_output=True, text=True, check=True).stdout.strip()


def curl(method: str, path: str, body: object = None) -> None:
    path_to = HOST.removeprefix("unix://")
    data = ["-H", "Content-Type: application/json", "-d", json.dumps(body)] if body is not None else []
    command = ["curl", "-sf", "--unix-socket", path_to, "-X", method, *data, f"http://d{path}"]
    subprocess.run(command, check=True, capture_output=True)


def engine_cpu_s() -> float:
    """Of the process that listens on the socket."""
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(HOST.removeprefix("unix://"))
        pid, *_ = struct.unpack("3i", caller.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def measured(what: str, calls: list[tuple[str, str, object]]) -> None:
    """The first tenth beside the last."""
    tenth = max(len(calls) // 10, 1)
    for name, part in (("first", calls[:tenth]), ("", calls[tenth:-tenth]), ("last", calls[-tenth:])):
        cpu, wall = engine_cpu_s(), time.monotonic()
        for call in part:
            curl(*call)
        if name:
            cpu_ms, wall_ms = (
                1000 * (now - then) / len(part) for now, then in ((engine_cpu_s(), cpu), (time.monotonic(), wall))
            )
            print(f"{what}, {name} {len(part)}: {cpu_ms:.1f} ms of the engine's CPU, {wall_ms:.1f} ms each")


names = [f"scale{n}" for n in range(NETWORKS)]
boxes = [f"scalebox{n}" for n in range(-(-ENDPOINTS // PER_CONTAINER))]
try:
    ipam = [{"Config": [{"Subnet": f"10.{n // 250}.{n % 250}.0/24"}]} for n in range(NETWORKS)]
    measured(
        "network create",
        [
            ("POST", "/v1.44/networks/create", {"Name": name, "IPAM": own})
            for name, own in zip(names, ipam, strict=True)
        ],
    )
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda b: docker("run", "-d", "--name", b, "busybox", "sleep", "3600"), boxes))
    measured(
        "network connect",
        [
            ("POST", f"/v1.44/networks/{names[(n * PER_CONTAINER + k) % NETWORKS]}/connect", {"Container": box})
            for n, box in enumerate(boxes)
            for k in range(min(PER_CONTAINER, NETWORKS))
        ],
    )
finally:
    subprocess.run(["docker", "-H", HOST, "rm", "-f", *boxes], capture_output=True, check=False)
    subprocess.run(["docker", "-H", HOST, "network", "rm", *names], capture_output=True, check=False)
