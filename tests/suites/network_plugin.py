"""A version 1 plugin that is a network driver and an IPAM driver: pairs of devices, which it makes with `ip`."""

import subprocess
from pathlib import Path
from typing import Any

from suites.plugin_server import PluginServer

POOL, GATEWAY = "10.201.0.0/24", "10.201.0.1"


class NetworkPlugin(PluginServer):
    """Devices are made in network namespace `namespace`. `log` has the calls that were made; `endpoints` and `leased` what
    is there now; `fails` has the errors that methods answer with. It deletes its devices when they are left, unless it
    `keeps_devices`."""

    implements = ("NetworkDriver", "IpamDriver")

    def __init__(self, socket_path: Path, namespace: str) -> None:
        self._namespace = namespace
        self.log: list[tuple[str, dict[str, Any]]] = []
        self.networks: set[str] = set()
        self.endpoints: set[str] = set()
        self.leased: set[str] = set()
        self.fails: dict[str, str] = {}
        self.scope = "local"
        self.keeps_devices = False
        self.told: dict[str, Any] = {"seen": "yes"}
        """What EndpointOperInfo says."""
        super().__init__(socket_path)

    def asked(self, method: str) -> dict[str, Any]:
        """The last call of that name."""
        return next(body for name, body in reversed(self.log) if name == method)

    def answer(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        self.log.append((method, body))
        if method in self.fails:
            return {"Err": self.fails[method]}
        subsystem, _, name = method.partition(".")
        return self._ipam(name, body) if subsystem == "IpamDriver" else self._network(name, body)

    def _network(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        match name:
            case "GetCapabilities":
                return {"Scope": self.scope, "ConnectivityScope": "local"}
            case "CreateNetwork":
                self.networks.add(body["NetworkID"])
            case "DeleteNetwork":
                self.networks.discard(body["NetworkID"])
            case "CreateEndpoint":
                self.endpoints.add(body["EndpointID"])
                chosen = {} if body["Interface"]["Address"] else {"Address": "10.201.0.77/24"}
                mac = {} if body["Interface"]["MacAddress"] else {"MacAddress": "02:00:00:00:00:0a"}
                return {"Interface": chosen | mac}
            case "Join":
                return self._join(body["EndpointID"][:7])
            case "Leave" if not self.keeps_devices:
                self._ip("link", "del", f"p{body['EndpointID'][:7]}", check=False)
            case "DeleteEndpoint":
                self.endpoints.discard(body["EndpointID"])
            case "EndpointOperInfo":
                return {"Value": self.told}
        return {}

    def _join(self, digits: str) -> dict[str, Any]:
        self._ip("link", "add", f"p{digits}", "type", "veth", "peer", "name", f"q{digits}")
        self._ip("link", "set", f"p{digits}", "up")
        self._ip("addr", "replace", f"{GATEWAY}/24", "dev", f"p{digits}")
        routes = [{"Destination": "10.202.0.0/16", "RouteType": 0, "NextHop": GATEWAY}]
        return {
            "InterfaceName": {"SrcName": f"q{digits}", "DstPrefix": "net"},
            "Gateway": GATEWAY,
            "StaticRoutes": routes,
        }

    def _ip(self, *words: str, check: bool = True) -> None:
        subprocess.run(["ip", "-n", self._namespace, *words], check=check, capture_output=True)

    def _ipam(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        match name:
            case "GetCapabilities":
                return {"RequiresMACAddress": False}
            case "GetDefaultAddressSpaces":
                return {"LocalDefaultAddressSpace": "here", "GlobalDefaultAddressSpace": "there"}
            case "RequestPool":
                return {"PoolID": "pool-1", "Pool": body["Pool"] or POOL, "Data": {}}
            case "RequestAddress":
                return self._lease(body)
            case "ReleaseAddress":
                self.leased.discard(body["Address"])
        return {}

    def _lease(self, body: dict[str, Any]) -> dict[str, Any]:
        if body["Options"].get("RequestAddressType"):
            address = GATEWAY
        else:
            address = body["Address"] or next(a for n in range(50, 99) if (a := f"10.201.0.{n}") not in self.leased)
        if address in self.leased:
            return {"Err": f"{address} is leased"}
        self.leased.add(address)
        return {"Address": f"{address}/24"}
