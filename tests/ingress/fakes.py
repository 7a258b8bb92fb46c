"""The ports that this room takes, as small real objects: a scripted clock, seeded entropy, files in memory."""

import hashlib

from beam_actors.errors import StorageError


class FakeClock:
    def __init__(self, wall: float = 1_800_000_000.0) -> None:
        self.now = wall

    def wall(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


class FakeEntropy:
    """A stream of hashes: different bytes each time, the same in each run."""

    def __init__(self, seed: str = "ingress") -> None:
        self._seed = seed
        self._count = 0

    def token(self, size: int) -> bytes:
        self._count += 1
        return hashlib.shake_256(f"{self._seed}/{self._count}".encode()).digest(size)

    def uniform(self) -> float:
        return int.from_bytes(self.token(4), "big") / 2**32


class FakeFiles:
    def __init__(self) -> None:
        self.content: dict[str, bytes] = {}
        self.writes: list[str] = []

    def read(self, name: str, *, limit: int = 1 << 20) -> bytes | None:
        content = self.content.get(name)
        if content is not None and len(content) > limit:
            raise StorageError(f"{name} is too long.")
        return content

    def write(self, name: str, content: bytes) -> None:
        self.writes.append(name)
        self.content[name] = content

    def remove(self, name: str) -> None:
        self.content.pop(name, None)

    def path(self, name: str) -> str:
        return f"/home/of/node/{name}"


class FakeStore:
    """Tables in memory, applied in the order of commits; `fail` makes every call raise it."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[bytes, bytes]] = {}
        self.commits = 0
        self.fail: Exception | None = None

    async def get(self, table: str, key: bytes) -> bytes | None:
        self._check()
        return self.tables.get(table, {}).get(key)

    async def scan(self, table: str, prefix: bytes = b"") -> list[tuple[bytes, bytes]]:
        self._check()
        return [(key, value) for key, value in sorted(self.tables.get(table, {}).items()) if key.startswith(prefix)]

    async def commit(self, changes) -> None:
        self._check()
        self.commits += 1
        for change in changes:
            table = self.tables.setdefault(change.table, {})
            if change.value is None:
                table.pop(change.key, None)
            else:
                table[change.key] = change.value

    async def close(self) -> None:
        pass

    def _check(self) -> None:
        if self.fail is not None:
            raise self.fail
