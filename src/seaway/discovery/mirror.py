"""What the cluster store holds below a prefix, kept up to date by a watch."""

from collections.abc import Callable

from seaway.discovery.etcd import EtcdClient
from seaway.discovery.messages import Gone


class Mirror:
    """Keys are without the prefix. `changed` hears which ones, after the change and after each `load`; it must
    not wait."""

    def __init__(self, changed: Callable[[frozenset[str]], None]) -> None:
        self.entries: dict[str, str] = {}
        self._changed = changed
        self._revision = 0

    def clear(self) -> None:
        before, self.entries = self.entries, {}
        self._changed(frozenset(before))

    async def load(self, client: EtcdClient, prefix: str) -> None:
        found, self._revision = await client.read(prefix)
        entries = {e.key.removeprefix(prefix): e.value for e in found}
        before, self.entries = self.entries, entries
        keys = before.keys() | entries.keys()
        self._changed(frozenset(key for key in keys if before.get(key) != entries.get(key)))

    async def follow(self, client: EtcdClient, prefix: str) -> None:
        """From what `load` saw. Raises as the client's watch does; it does not end by itself."""
        async for events in client.watch(prefix, self._revision + 1):
            for event in events:
                key = event.key.removeprefix(prefix)
                if isinstance(event, Gone):
                    self.entries.pop(key, None)
                else:
                    self.entries[key] = event.value
            if events:
                self._changed(frozenset(event.key.removeprefix(prefix) for event in events))
