"""`beam 3000`: a tunnel for as long as this command runs, shaped like a person would tell of it.

The tunnel lives as long as the control connection that this command holds, so even SIGKILL withdraws it. When the
connection breaks (the control API restarted, or the daemon did), the command asks for the same tunnel again for half
a minute before it gives up.
"""

from collections.abc import Mapping
from contextlib import closing, suppress
from typing import Any

import click

from beam_actors import __version__
from beam_actors.cli.absence import WENT_AWAY
from beam_actors.cli.claiming import WORKING, claimed, note_gave_up, replaced_by
from beam_actors.cli.context import App, beam_command
from beam_actors.cli.daemon import ensure_daemon
from beam_actors.cli.output import can_rewrite, counted, write
from beam_actors.cli.requests import check_expose, expose_body
from beam_actors.cli.tunnel_commands import (
    OPEN_TO_ALL,
    full_name,
    note_how_to_open,
    note_rivals,
    nothing_there,
    show_ways,
    title,
)
from beam_actors.cli.watching import loss_of
from beam_actors.errors import BeamError, DaemonNotRunning, TimedOut, TunnelNotFound
from beam_actors.world.polling import pause, poll
from beam_actors.world.probe import answers

_PATIENCE = 40.0
_TRIES = 30
_BETWEEN_TRIES = 1.0
_WITHDRAWN_WITHIN = 0.5
"""Seconds in which a tunnel that nobody holds any more is gone."""
_ALSO_HELD = "The tunnel stays open: another command on this machine offers it, too."


class _Share(click.Command):
    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """As it is typed."""
        del ctx
        formatter.write_usage("beam", "PORT | HOST:PORT [OPTIONS]")


@click.command("share", cls=_Share, hidden=True)
@click.argument("target")
@click.option("--name", metavar="NAME", help="Offer it under this name (else a random one, kept for this port).")
@click.option("--contest", is_flag=True, help="Claim the name although somebody is known to hold it.")
@click.option(
    "--port", type=click.IntRange(1, 65535), metavar="PORT", help="Offer raw TCP on this port of the name, not HTTP."
)
@click.option("--allow", metavar="PEER", multiple=True, help="Only this peer may use it (repeat), or 'everyone'.")
@beam_command
def share(app: App, target: str, name: str | None, port: int | None, allow: tuple[str, ...], *, contest: bool) -> None:
    """Offer a local service (PORT, HOST:PORT or http://HOST:PORT) until Ctrl-C.

    `beam share 3000` is the same, spelled out.
    """
    body = expose_body(target, name=name, port=port, allow=allow, contest=contest)
    ensure_daemon(app.home, app.out.note, check=lambda: check_expose(body))
    session = _Session(app)
    try:
        session.run(body)
    except KeyboardInterrupt:
        app.out.note(f"\n{session.farewell()}")
        if app.out.as_json:
            app.out.data({"event": "ended"})
    except BeamError:
        session.end_line()
        raise


class _Session:
    """What was shown so far, so that a change alone is shown again."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._shown_up = False
        self._last: tuple[Any, ...] | None = None
        self._midline = False
        self._away = False
        self._yours = True
        """Whether its name is, as was said last."""
        self._refusal: str | None = None
        """Why this machine claims it no more, though it is kept, as was said last."""
        self._tunnel: Mapping[str, Any] | None = None
        self._holders = 1
        """How many commands hold it, as was said last."""

    def farewell(self) -> str:
        """What Ctrl-C means: the tunnel may be offered for good, by `beam expose`, or be held by another command."""
        tunnel = self._tunnel
        whose = "stays yours" if self._yours else "is not yours any more"
        if not self._app.home.in_use():
            after = f"its name {whose}" if tunnel is None or tunnel["foreground"] else "the next one offers it again"
            return f"The tunnel is closed, since no daemon runs any more; {after} (`beam start --detach` starts one)."
        if self._is_held():
            return f"{_ALSO_HELD} {self._refusal or f'Its name {whose}.'}"
        if (tunnel is None or tunnel["foreground"]) and self._refusal is not None:
            return f"Tunnel closed, and the daemon goes on (`beam stop` ends it). {self._refusal}"
        if tunnel is None or tunnel["foreground"]:
            return f"Tunnel closed. Its name {whose}, and the daemon goes on (`beam stop` ends it)."
        but = "" if self._yours else ", though its name is not yours any more"
        return f"The tunnel stays{but}: it is offered for good, until `beam unexpose {tunnel['name'] or tunnel['id']}`."

    def _is_held(self) -> bool:
        """Whether another command holds the tunnel, and goes on to: both may have been ended at once."""
        tunnel = self._tunnel
        if tunnel is None or not tunnel["foreground"] or self._holders < 2:
            return False

        def is_gone() -> bool:
            with suppress(BeamError):
                return all(row["id"] != tunnel["id"] for row in self._app.ask("GET", "/v1/tunnels")["tunnels"])
            return False

        return not poll(is_gone, seconds=_WITHDRAWN_WITHIN)

    def end_line(self) -> None:
        """What comes next begins on a line of its own."""
        if self._midline:
            self._midline = False
            self._app.out.line()

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
                self.end_line()
                self._app.out.note(WENT_AWAY)
                self._away = True
            failures += 1
            self._last = None
            pause(_BETWEEN_TRIES)

    def _show(self, line: Mapping[str, Any]) -> None:
        event, out = line.get("event"), self._app.out
        self._tunnel = line.get("tunnel", self._tunnel)
        self._holders = line.get("holders", self._holders)  # a daemon of before does not count them
        if event == "up":
            self._yours, self._refusal = True, None  # it was registered for this, anew if need be
        elif event == "status":
            self._note_whose(line["tunnel"])
        if event == "up" and self._away:
            self._away = False
            out.note(f"The daemon is back, and offers {title(line['tunnel'])} again.")
        if out.as_json:
            out.data({**line, "target_up": answers(line["tunnel"]["target"])} if event == "up" else line)
        elif event == "up" and not self._shown_up:
            self._show_up(line)
        elif event == "claimed":
            self.end_line()
            out.note(claimed(line["name"], line["told"]))
        elif event != "ended":
            self._show_status(line)
        if event == "ended":
            raise TunnelNotFound("The tunnel was withdrawn by another command.")
        self._shown_up = True

    def _show_up(self, line: Mapping[str, Any]) -> None:
        out, tunnel = self._app.out, line["tunnel"]
        out.styled(f"⚡ Beam v{__version__}", bold=True)
        out.line()
        out.styled(f"🔗 Tunnel active: {title(tunnel)}", fg="green")
        out.line(f"🌐 Peer: {line['peer_id']}")
        out.line(f"📊 Status: connected to {counted(line['peers'], 'peer')}")
        out.line("🔒 Encrypted: end to end (Noise; AES-256-GCM between Beam nodes)")
        out.line()
        show_ways(self._app, tunnel)
        out.line()
        if not tunnel["allow"]:
            out.note(OPEN_TO_ALL)
        note_rivals(self._app, full_name(tunnel))
        note_gave_up(self._app, tunnel)
        if line.get("claimed") is False:  # a daemon of before says nothing of it in the line
            out.note(WORKING)
        if not answers(tunnel["target"]):
            out.note(nothing_there(tunnel))
        note_how_to_open(self._app, tunnel)
        out.note("Press Ctrl+C to stop" if tunnel["foreground"] else "Press Ctrl+C to stop looking; the tunnel stays")
        self._last = (line["peers"], tunnel["connections"])

    def _note_whose(self, tunnel: Mapping[str, Any]) -> None:
        """Say so when the name went, or came back: the tunnel stays, and nobody comes to it by a name that is gone."""
        era = tunnel.get("replaced_by_era")
        if era is not None:  # by another key of the same owner's: nobody lost it
            if self._refusal is None:
                self._refusal = replaced_by(era)
                self.end_line()
                self._app.out.note(f"{full_name(tunnel)} is claimed by this machine no more. {self._refusal}")
            return
        if tunnel["yours"] == self._yours or (tunnel["yours"] and not self._holds(tunnel)):
            return
        self._yours = tunnel["yours"]
        self.end_line()
        name = full_name(tunnel)
        if self._yours:
            self._app.out.note(f"{name} is yours again, and leads here.")
            return
        what, how = loss_of(self._app, name) or ("", "went")
        back = f"; `beam register {tunnel['name']}` takes it back" if what == "released" else ""
        self._app.out.note(f"{name} {how}. It is not yours any more, so nobody comes by it{back}.")

    def _holds(self, tunnel: Mapping[str, Any]) -> bool:
        """Whether its name is surely held here: while nobody can say, a tunnel's row takes it for that, too."""
        with suppress(BeamError):
            rows = self._app.ask("GET", "/v1/names")["names"]
            return any((row["name"], row["relation"], row["here"]) == (tunnel["name"], "own", True) for row in rows)
        return False

    def _show_status(self, line: Mapping[str, Any]) -> None:
        seen = (line["peers"], line["tunnel"]["connections"])
        if seen == self._last:
            return
        self._last = seen
        text = f"📊 {counted(seen[0], 'peer')}, {counted(seen[1], 'open connection')}"
        if can_rewrite():
            self._midline = True
            write(f"\r\x1b[K{text}", nl=False)
        else:
            self._app.out.note(text)
