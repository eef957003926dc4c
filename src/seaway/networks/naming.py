"""Tells the DNS server of the sandboxes that come, change and go. Containers on the predefined networks are not its."""

from seaway.base.supervisor import Supervisor
from seaway.kernel import netns
from seaway.model.network import EndpointSettings
from seaway.networks.catalog import NetworkCatalog
from seaway.networks.dns.client import DnsClient, RecordToTell, Sockets, ViewToTell
from seaway.networks.dns.sockets import open_sockets
from seaway.networks.names import is_resolved, record_of, view_of
from seaway.networks.network import Network, NoSuchNetwork
from seaway.networks.sandbox import Sandbox


class Names:
    def __init__(self, catalog: NetworkCatalog, client: DnsClient) -> None:
        self._catalog, self._client = catalog, client

    def start(self, supervisor: Supervisor) -> None:
        self._client.start(supervisor)

    def close(self) -> None:
        self._client.close()

    def begin(self, sandbox: Sandbox, sockets: Sockets | None) -> None:
        for endpoint_id, record in self._records(sandbox).items():
            self._client.join(endpoint_id, record)
        if sockets and (view := self._view(sandbox)):
            self._client.serve(sandbox.id, view, sockets)

    def restore(self, sandbox: Sandbox) -> None:
        if view := self._view(sandbox):
            self._client.restore(self._records(sandbox), sandbox.id, view)

    def tell(self, key: str, network: Network, address: str, names: list[str]) -> None:
        """Of a container on another engine; `key` is its endpoint's."""
        self._client.join(key, RecordToTell(network.id, network.name, [address], names))

    def forget(self, key: str) -> None:
        self._client.leave(key)

    async def change(self, before: Sandbox, after: Sandbox) -> None:
        """A container that gets its first network with names gets its server with it."""
        old, new = self._records(before), self._records(after)
        for endpoint_id in old.keys() - new.keys():
            self._client.leave(endpoint_id)
        for endpoint_id in new.keys() - old.keys():
            self._client.join(endpoint_id, new[endpoint_id])
        view = self._view(after)
        if view is None or after.netns_path is None:
            return
        fresh = not self._client.serves(after.id)
        sockets = await netns.run_inside(after.netns_path, lambda: open_sockets(again=True)) if fresh else None
        self._client.serve(after.id, view, sockets)

    def look_again(self, sandbox: Sandbox) -> None:
        """With other servers."""
        if self._client.serves(sandbox.id) and (view := self._view(sandbox)):
            self._client.serve(sandbox.id, view)

    def rename(self, sandbox: Sandbox) -> None:
        for endpoint_id, record in self._records(sandbox).items():
            self._client.join(endpoint_id, record)

    def end(self, sandbox: Sandbox) -> None:
        for endpoint_id in self._records(sandbox):
            self._client.leave(endpoint_id)
        self._client.close_sandbox(sandbox.id)

    def _records(self, sandbox: Sandbox) -> dict[str, RecordToTell]:
        return {e.endpoint_id: record_of(n, e) for n, e in self._networks(sandbox) if is_resolved(n)}

    def _view(self, sandbox: Sandbox) -> ViewToTell | None:
        return view_of(sandbox, [n for n, _ in self._networks(sandbox)])

    def _networks(self, sandbox: Sandbox) -> list[tuple[Network, EndpointSettings]]:
        found = []
        for name, endpoint in sandbox.endpoints.items():
            try:
                found.append((self._catalog.find(endpoint.network_id or name), endpoint))
            except NoSuchNetwork:
                continue  # removed by force: nobody asks for its names any more
        return found
