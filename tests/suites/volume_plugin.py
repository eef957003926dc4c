"""A version 1 volume plugin for tests: directories below one of its own, on a socket, in threads of the test."""

import shutil
from pathlib import Path
from typing import Any

from suites.plugin_server import PluginServer


class VolumePlugin(PluginServer):
    """`mounts` are the (name, ID) pairs that are mounted now; `fails` has the errors that methods answer with."""

    implements = ("VolumeDriver",)

    def __init__(self, socket_path: Path, home: Path, scope: str = "global") -> None:
        self.home, self.scope = home, scope
        self.mounts: set[tuple[str, str]] = set()
        self.fails: dict[str, str] = {}
        home.mkdir(parents=True, exist_ok=True)
        super().__init__(socket_path)

    def answer(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        if method in self.fails:
            return {"Err": self.fails[method]}
        name = body.get("Name", "")
        where = self.home / name
        match method.removeprefix("VolumeDriver."):
            case "Capabilities":
                return {"Capabilities": {"Scope": self.scope}}
            case "Create":
                where.mkdir(exist_ok=True)
            case "List":
                return {"Volumes": [{"Name": d.name} for d in self.home.iterdir()]}
            case _ if not where.is_dir():
                return {"Err": f"no such volume {name}"}
            case "Remove":
                shutil.rmtree(where)
            case "Mount":
                self.mounts.add((name, body["ID"]))
                return {"Mountpoint": str(where)}
            case "Unmount":
                self.mounts.discard((name, body["ID"]))
            case "Path":
                return {"Mountpoint": str(where)}
            case "Get":
                return {"Volume": {"Name": name, "Mountpoint": str(where), "Status": {"from": "test"}}}
        return {"Err": ""}
