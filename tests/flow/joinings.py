"""What both kinds of joining are tested with."""

from typing import Any

from beam_actors.values import TcpAddress

YES, NO = b"yes", b"no!"
NOWHERE = TcpAddress("127.0.0.1", 9)


class Told:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def __call__(self, *what: Any) -> None:
        self.calls.append(what)
