"""Offers: the tunnels that one node offers, and which of them a request or a person means (pure).

Invariant: no two tunnels share a port of a name, and there are never more than the limit. It knows neither the store
nor the actors that serve what it lists.
"""

from beam_actors.errors import NotAllowed, QuotaExceeded, TunnelNotFound, UsageError
from beam_actors.tunnels.spec import TunnelSpec
from beam_actors.values import Name


class Offers:
    """The tunnels of one node by key; answers which of them a request means."""

    def __init__(self, limit: int) -> None:
        self._specs: dict[str, TunnelSpec] = {}
        self._by_port: dict[int, dict[str, TunnelSpec]] = {}
        self._limit = limit

    def __repr__(self) -> str:
        return f"Offers({', '.join(sorted(self._specs)) or 'nothing'})"

    def __len__(self) -> int:
        return len(self._specs)

    def __contains__(self, key: object) -> bool:
        return key in self._specs

    def get(self, key: str) -> TunnelSpec | None:
        """The tunnel of that key."""
        return self._specs.get(key)

    @property
    def specs(self) -> tuple[TunnelSpec, ...]:
        """All of them, by key."""
        return tuple(self._specs[key] for key in sorted(self._specs))

    def check(self, spec: TunnelSpec) -> None:
        """Raise `NotAllowed` if the tunnel would share a port of its name, `QuotaExceeded` if it is one too many."""
        for other in (other for port in spec.ports for other in self._by_port.get(port, {}).values()):
            if other.name == spec.name:
                where = f"{spec.name}" if spec.name else "this peer"
                raise NotAllowed(
                    f"{where} already serves {other.target} as {other.key}; take it back with `beam unexpose "
                    f"{other.key}`, or choose another --port or --name."
                )
        if len(self._specs) >= self._limit:
            raise QuotaExceeded(f"This node offers {self._limit} tunnels already; take one back with `beam unexpose`.")

    def add(self, spec: TunnelSpec) -> None:
        """Take a tunnel in, or raise what `check` does."""
        self.check(spec)
        self.replace(spec)

    def replace(self, spec: TunnelSpec) -> None:
        """Put a tunnel in the place of the one with its key."""
        self.remove(spec.key)
        self._specs[spec.key] = spec
        for port in spec.ports:
            self._by_port.setdefault(port, {})[spec.key] = spec

    def remove(self, key: str) -> TunnelSpec | None:
        """Forget a tunnel; None if there was none."""
        spec = self._specs.pop(key, None)
        for port in spec.ports if spec is not None else ():
            del self._by_port[port][key]
            if not self._by_port[port]:
                del self._by_port[port]
        return spec

    def select(self, text: str) -> TunnelSpec:
        """The tunnel that a person means by a key, a name, a target or a port of this machine.

        Raises:
            TunnelNotFound: none.
            UsageError: more than one.
        """
        if text in self._specs:
            return self._specs[text]
        meant = [
            spec
            for spec in self.specs
            if (spec.name is not None and text.lower() == spec.name.label)
            or text in {str(spec.target), f"localhost:{spec.target.port}"}
            or (text == str(spec.target.port) and spec.target.is_loopback)
        ]
        if len(meant) == 1:
            return meant[0]
        if meant:
            keys = ", ".join(spec.key for spec in meant)
            raise UsageError(f"{text!r} may mean several tunnels: say which of {keys}.")
        raise TunnelNotFound(f"There is no tunnel {text[:80]!r} here; `beam tunnels` lists them.")

    def find(self, name: Name | None, port: int) -> TunnelSpec | None:
        """The tunnel that serves `port` of `name`.

        Without a name, the tunnel without one is meant, or else the only one that serves the port.
        """
        serving = self._by_port.get(port, {}).values()
        exact = next((spec for spec in serving if spec.name == name), None)
        if exact is not None:
            return exact
        return next(iter(serving)) if name is None and len(serving) == 1 else None
