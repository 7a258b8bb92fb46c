"""Claiming a name while a person looks on: the work that the network asks for takes seconds, and is shown meanwhile.

Registering asks peers whether somebody holds the name, and is done once; looking how far the work is asks nobody.
"""

from typing import Any

from beam_actors.cli.context import App
from beam_actors.cli.output import can_rewrite, write
from beam_actors.errors import BeamError
from beam_actors.world.polling import pause

PATIENCE = 130.0
"""Seconds for a request that waits until a name is claimed; the daemon gives up before."""
_BETWEEN_LOOKS = 0.2


def claim(app: App, name: str, *, contest: bool, work: int | None) -> dict[str, Any]:
    """The daemon's answer once the name is claimed; on a terminal, with how far the work is on the line below."""
    body = {"name": name, "contest": contest, "work": work}
    if app.out.as_json or not can_rewrite():
        return app.ask("POST", "/v1/register", body, timeout=PATIENCE)
    shown = False
    try:
        answer = app.ask("POST", "/v1/register", {**body, "background": True})
        while answer["progress"] < 1:
            shown = True
            write(f"\r\x1b[K⏳ Doing the work for {answer['full']}: {answer['progress']:.0%}", nl=False)
            pause(_BETWEEN_LOOKS)
            answer |= app.ask("POST", "/v1/progress", {"name": name})
    except KeyboardInterrupt:
        app.out.note(f"\nThe work goes on, and the name is claimed then; `beam release {name}` gives it up.")
        raise
    finally:
        if shown:
            write("\r\x1b[K", nl=False)
    return answer


def note_work(app: App, full: str) -> None:
    """Say so if a name of this machine is not claimed yet."""
    try:
        rows = app.ask("GET", "/v1/names")["names"]
    except BeamError:  # a remark is not worth it
        return
    if any(row["full"] == full and row["relation"] == "own" and row["expires_in_s"] is None for row in rows):
        app.out.note("The work by which the name is claimed is being done; others can open it in some seconds.")
