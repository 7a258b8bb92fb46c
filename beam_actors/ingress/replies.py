"""Hot answers: packed replies by the bytes of their question, so that a repeated question costs one dictionary access.

Invariant: a reply is given out no longer than its TTL, and not at all once its name was forgotten; its id is that of
the question it is given to. Memory is bounded by the number of entries (a question has at most 300 bytes to be kept).
"""

_ID = 2
MAX_KEPT_QUESTION = 300


class ReplyTable:
    """Replies to UDP questions. Times are seconds of the monotonic clock."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._entries: dict[bytes, tuple[float, bytes, str]] = {}
        self._keys_of: dict[str, set[bytes]] = {}
        self.hits = 0
        self.misses = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"<ReplyTable {len(self)} of {self._capacity}, {self.hits} hits, {self.misses} misses>"

    def get(self, question: bytes, now: float) -> bytes | None:
        """The reply with this question's id, if one is kept and fresh."""
        entry = self._entries.get(question[_ID:])
        if entry is None or entry[0] <= now:
            self.misses += 1
            return None
        self.hits += 1
        return question[:_ID] + entry[1]

    def put(self, question: bytes, reply: bytes, name: str, expires: float) -> None:
        """Keep the reply to this question, which is about `name`; the oldest entry makes room."""
        if len(question) > MAX_KEPT_QUESTION:
            return
        key = question[_ID:]
        self._drop(key)
        while len(self._entries) >= self._capacity:
            self._drop(next(iter(self._entries)))
        self._entries[key] = (expires, reply[_ID:], name)
        self._keys_of.setdefault(name, set()).add(key)

    def forget(self, name: str) -> None:
        """Drop every reply that was put for this name."""
        for key in tuple(self._keys_of.get(name, ())):
            self._drop(key)

    def clear(self) -> None:
        """Drop all replies."""
        self._entries.clear()
        self._keys_of.clear()

    def _drop(self, key: bytes) -> None:
        entry = self._entries.pop(key, None)
        if entry is None:
            return
        keys = self._keys_of[entry[2]]
        keys.discard(key)
        if not keys:
            del self._keys_of[entry[2]]
