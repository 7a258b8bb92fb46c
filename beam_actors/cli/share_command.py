"""`beam 3000`: a tunnel for as long as this command runs, shaped like a person would tell of it.

The tunnel lives as long as the control connection that this command holds, so even SIGKILL withdraws it. When the
connection breaks (the control API restarted, or the daemon did), the command asks for the same tunnel again for half
a minute before it gives up.
"""

from collections.abc import Mapping
from contextlib import closing
from typing import Any

import click

from beam_actors import __version__
from beam_actors.cli.context import App, beam_command
from beam_actors.cli.daemon import ensure_daemon
from beam_actors.cli.output import counted, is_terminal
from beam_actors.cli.tunnel_commands import OPEN_TO_ALL, expose_body, title
from beam_actors.errors import DaemonNotRunning, TimedOut, TunnelNotFound
from beam_actors.world.polling import pause

_PATIENCE = 40.0
_TRIES = 30
_BETWEEN_TRIES = 1.0


@click.command("share", hidden=True)
@click.argument("target")
@click.option("--name", metavar="NAME", help="Offer it under this name (else a random one, kept for this port).")
@click.option("--port", type=click.IntRange(1, 65535), help="Offer raw TCP on this port of the name, not HTTP.")
@click.option("--allow", metavar="PEER", multiple=True, help="Only this peer may use it (repeat), or 'everyone'.")
@beam_command
def share(app: App, target: str, name: str | None, port: int | None, allow: tuple[str, ...]) -> None:
    """Offer TARGET (PORT or HOST:PORT) until Ctrl-C; `beam 3000` is short for `beam share 3000`."""
    body = expose_body(target, name=name, port=port, allow=allow)
    ensure_daemon(app.home, app.out.note)
    session = _Session(app)
    try:
        session.run(body)
    except KeyboardInterrupt:
        app.out.note("\nTunnel closed; the daemon goes on (`beam stop` ends it).")


class _Session:
    """What was shown so far, so that a change alone is shown again."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._shown_up = False
        self._last: tuple[Any, ...] | None = None

    def run(self, body: Mapping[str, Any]) -> None:
        failures = 0
        while True:
            try:
                with closing(self._app.lines("/v1/share", body, patience=_PATIENCE)) as lines:
                    for line in lines:
                        failures = 0
                        self._show(line)
            except (DaemonNotRunning, TimedOut):
                if not self._shown_up or failures >= _TRIES:
                    raise
            if failures >= _TRIES:
                raise DaemonNotRunning("The daemon keeps ending the tunnel; `beam logs` may say why.")
            if failures == 0:
                self._app.out.note("The daemon went away; asking again…")
            failures += 1
            self._last = None
            pause(_BETWEEN_TRIES)

    def _show(self, line: Mapping[str, Any]) -> None:
        if self._app.out.as_json:
            self._app.out.data(line)
        elif line.get("event") == "ended":
            raise TunnelNotFound("The tunnel was withdrawn by another command.")
        elif line.get("event") == "up" and not self._shown_up:
            self._show_up(line)
        else:
            self._show_status(line)
        self._shown_up = True

    def _show_up(self, line: Mapping[str, Any]) -> None:
        out, tunnel = self._app.out, line["tunnel"]
        out.styled(f"⚡ Beam v{__version__}", bold=True)
        out.line()
        out.styled(f"🔗 Tunnel active: {title(tunnel)}", fg="green")
        out.line(f"🌐 Peer: {line['peer_id']}")
        out.line(f"📊 Status: connected to {counted(line['peers'], 'peer')}")
        out.line("🔒 Encrypted: end to end (Noise)")
        out.line()
        scheme = "http://" if tunnel["kind"] == "http" else ""
        out.line(f"Local:  {scheme}{tunnel['target'].replace('127.0.0.1:', 'localhost:')}")
        for url in tunnel["urls"]:
            out.line(f"Global: {url}")
        out.line()
        if not tunnel["allow"]:
            out.note(OPEN_TO_ALL)
        out.note("Press Ctrl+C to stop")
        self._last = (line["peers"], tunnel["connections"])

    def _show_status(self, line: Mapping[str, Any]) -> None:
        seen = (line["peers"], line["tunnel"]["connections"])
        if seen == self._last:
            return
        self._last = seen
        text = f"📊 {counted(seen[0], 'peer')}, {counted(seen[1], 'open connection')}"
        if is_terminal():
            click.echo(f"\r\x1b[K{text}", nl=False)
        else:
            self._app.out.note(text)
