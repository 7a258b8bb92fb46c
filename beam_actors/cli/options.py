"""The options of `start`: checked before anything is started, and written back as arguments for a detached daemon."""

import attrs

from beam_actors.cli.typed import parse_address
from beam_actors.errors import UsageError
from beam_actors.values import Multiaddr, TcpAddress

OFF = "off"
_MAX_NETWORK = 32


@attrs.frozen(slots=True, kw_only=True)
class StartOptions:
    """What a person typed, as text; None and () mean the daemon's own choice."""

    listen: tuple[str, ...] = ()
    bootstrap: tuple[str, ...] = ()
    dns: str | None = None
    https: str | None = None
    http: str | None = None
    network: str | None = None
    mdns: bool = True
    chaos: bool = False
    kill_at: str | None = None
    """`POINT:COUNT`: the process kills itself when it reaches that durability point for that time (with `chaos`)."""

    def check(self) -> None:
        """Raise `UsageError` (or its `InvalidValue`) for the first option that cannot be used."""
        for text in self.listen:
            if Multiaddr.parse(text).tcp is None:
                raise UsageError(f"--listen {text}: this machine listens on /ip4/…/tcp/PORT or /ip6/…/tcp/PORT only.")
        for text in self.bootstrap:
            try:
                parse_address(text)
            except UsageError as error:
                raise UsageError(f"--bootstrap: {error}") from None
        for option, value in (("--dns", self.dns), ("--https", self.https), ("--http", self.http)):
            if value is not None and value != OFF:
                self._check_bind(option, value)
        if self.kill_at is not None:
            point, _, count = self.kill_at.rpartition(":")
            if not self.chaos or not point or not count.isascii() or not count.isdigit():
                raise UsageError("--kill-at takes POINT:COUNT and needs --chaos.")
        if self.network is not None and not (
            self.network.isascii() and self.network.isprintable() and 0 < len(self.network) <= _MAX_NETWORK
        ):
            raise UsageError(f"--network has 1 to {_MAX_NETWORK} printable ASCII characters.")

    @staticmethod
    def _check_bind(option: str, value: str) -> None:
        address = TcpAddress.parse(value)
        if not address.is_loopback:
            raise UsageError(f"{option} {value}: names are served to programs on this machine only (127.x.x.x or ::1).")

    def arguments(self) -> list[str]:
        """The same options as a command's arguments."""
        pairs = [
            *(("--listen", text) for text in self.listen),
            *(("--bootstrap", text) for text in self.bootstrap),
            *((f"--{key}", value) for key in ("dns", "https", "http", "network") if (value := getattr(self, key))),
        ]
        words = [word for pair in pairs for word in pair] + (["--chaos"] if self.chaos else [])
        words += [] if self.mdns else ["--no-mdns"]
        return words + (["--kill-at", self.kill_at] if self.kill_at is not None else [])
