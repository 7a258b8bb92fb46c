"""What the data plane needs of an actor's ref; `runtime.Ref` is one."""

from typing import Any, Protocol


class Owner(Protocol):
    """The actor that answers for a link: told of what happens to it, crashed by its faulty callbacks."""

    @property
    def path(self) -> str:
        """The actor's path, equal for all its incarnations."""
        ...

    @property
    def alive(self) -> bool:
        """Whether an incarnation runs now."""
        ...

    def tell(self, message: Any) -> None:
        """Send a message; never blocks, never raises."""
        ...

    def crash(self, reason: BaseException) -> None:
        """Crash the incarnation that runs now."""
        ...
