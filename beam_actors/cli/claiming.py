"""Claiming a name while a person looks on: the work that the network asks for takes seconds, and is shown meanwhile.

Registering asks peers whether somebody holds the name, and is done once; looking how far the work is asks nobody.
"""

from collections.abc import Mapping
from typing import Any

from beam_actors.cli.context import App
from beam_actors.cli.output import can_rewrite, counted, write
from beam_actors.errors import BeamError, KeyReplaced, OwnerRevoked
from beam_actors.world.polling import pause

PATIENCE = 130.0
"""Seconds for a request that waits until a name is claimed; the daemon gives up before."""
_BETWEEN_LOOKS = 0.2
WORKING = "The work by which the name is claimed is being done; others can open it in some seconds."
NEW_OWNER = OwnerRevoked.way_out
"""What to do once the owner was revoked."""


def claim(app: App, name: str, *, contest: bool, work: int | None) -> dict[str, Any]:
    """The daemon's answer once the name is claimed; on a terminal, with how far the work is on the line below."""
    body = {"name": name, "contest": contest, "work": work}
    if app.out.as_json or not can_rewrite():
        return app.ask("POST", "/v1/register", body, timeout=PATIENCE)
    try:
        answer = app.ask("POST", "/v1/register", {**body, "background": True})
        return {**answer, **_watch_work(app, name, answer)}
    except KeyboardInterrupt:
        app.out.note(f"\nThe work goes on, and the name is claimed then; `beam release {name}` gives it up.")
        raise


def _watch_work(app: App, name: str, progress: Mapping[str, Any]) -> Mapping[str, Any]:
    """Show how far the work is on one line, until the name is claimed; what was said last."""
    shown = False
    try:
        while progress["progress"] < 1:
            shown = True
            write(f"\r\x1b[K⏳ Doing the work for {progress['full']}: {progress['progress']:.0%}", nl=False)
            pause(_BETWEEN_LOOKS)
            progress = app.ask("POST", "/v1/progress", {"name": name})
    finally:
        if shown:
            write("\r\x1b[K", nl=False)
    return progress


def follow_work(app: App, name: str) -> None:
    """Say that a name is not claimed yet, and on a terminal when it is; Ctrl-C ends the looking alone."""
    app.out.note(WORKING)
    if not can_rewrite():
        return
    try:
        progress = _watch_work(app, name, app.ask("POST", "/v1/progress", {"name": name}))
    except KeyboardInterrupt:
        app.out.note("\nThe work goes on; `beam names` shows when the name is claimed.")
    except BeamError as error:  # what was asked for is done, and must not fail for want of a remark
        app.out.note(f"The name is not claimed yet: {error}")
    else:
        app.out.note(claimed(progress["full"], progress["told"]))


def replaced_by(era: int) -> str:
    """What is said of a row of which the owner opened that era elsewhere, with what to do."""
    return str(KeyReplaced(era))


def note_gave_up(app: App, answer: Mapping[str, Any]) -> None:
    """Say which name made room for the one that was asked for, if one did."""
    if answer.get("gave_up"):
        app.out.note(
            f"{answer['gave_up']} was released to make room, since you hold as many names as one owner may: it was a "
            "random name, and nothing was offered under it."
        )


def claimed(full: str, told: int) -> str:
    """What is said once others can open a name."""
    who = f"{counted(told, 'peer')} told" if told else "each peer hears of it as it comes"
    return f"The name is claimed: others can open {full} now ({who})."
