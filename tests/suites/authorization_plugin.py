"""An authorization plugin for tests."""

from pathlib import Path
from typing import Any

from suites.plugin_server import PluginServer


class AuthorizationPlugin(PluginServer):
    """Denies what a rule of a test says; `seen` are the questions by method."""

    implements = ("authz",)

    def __init__(self, socket_path: Path) -> None:
        super().__init__(socket_path)
        self.seen: dict[str, list[dict[str, Any]]] = {"AuthZPlugin.AuthZReq": [], "AuthZPlugin.AuthZRes": []}
        self.denied = self.failing = ""

    def answer(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        self.seen[method].append(body)
        asked = f"{method.removeprefix('AuthZPlugin.')} {body['RequestMethod']} {body['RequestUri']}"
        if self.failing and self.failing in asked:
            return {"Err": "out of order"}
        if self.denied and self.denied in asked:
            return {"Allow": False, "Msg": "not today"}
        return {"Allow": True}

    def asked(self, method: str, uri: str) -> dict[str, Any]:
        return next(s for s in reversed(self.seen[f"AuthZPlugin.{method}"]) if uri in s["RequestUri"])
