"""`names --watch`: what happens to names, an event a line, until Ctrl-C. A daemon that goes away is waited for.

Invariant: it says at once, on stderr, what it watches and how it ends, since nothing may happen for days. Each event is
shown once, also over a restart of the control API; another daemon counts its events anew.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from beam_actors.cli.absence import WENT_AWAY, Absence
from beam_actors.cli.claiming import replaced_by
from beam_actors.cli.context import App
from beam_actors.cli.output import counted, moment
from beam_actors.errors import BeamError

_FEW = 4
"""Names that are listed, of however many there are."""
_LOOK_SECONDS = 1.0
"""Between two looks of --watch."""
_HAPPENED = {
    ("contested", "own"): "is claimed by {owner}, too; here it stays yours",
    ("contested", "pin"): "is claimed by {owner}, too; here your pin decides",
    ("taken", "pin"): "is claimed by {owner}, and not by whom you pinned; here your pin decides, so it leads nowhere",
    ("equivocated", "own"): (
        "was signed twice with one number: two machines of yours did not hear of each other, which mends itself, or "
        "somebody else has your key: `beam rotate-key` replaces it"
    ),
    ("equivocated", "pin"): "was signed twice with one number by its owner {owner}",
    (
        "equivocated",
        "petname",
    ): "(which a petname of yours stands for) was signed twice with one number by its owner {owner}",
    ("rotated", "own"): "is signed by your key of a later era",
    ("rotated", "pin"): "is signed by a new key of its owner {owner}",
    ("rotated", "petname"): "(which a petname of yours stands for) is signed by a new key of its owner {owner}",
    ("released", "own"): "was given up with your key",
    ("released", "pin"): "was given up by its owner {owner}",
    ("released", "petname"): "(which a petname of yours stands for) was given up by its owner {owner}",
    ("left-behind", "own"): "is not claimed in the later era of your keys",
    ("left-behind", "pin"): "is not claimed in the later era of its owner {owner}",
    (
        "left-behind",
        "petname",
    ): "(which a petname of yours stands for) is not claimed in the later era of its owner {owner}",
    ("transferred", "own"): "was handed over with your key, to {heir}",
    ("transferred", "pin"): "was handed over by its owner {owner} to {heir}; your pin follows when they register it",
    (
        "transferred",
        "petname",
    ): "(which a petname of yours stands for) was handed over by its owner {owner} to {heir}, whom the petname follows",
    ("inherited", "own"): "was registered by {owner}, to whom your key handed it over",
    ("inherited", "pin"): "was registered by {owner}, to whom its owner handed it over; your pin leads there now",
    (
        "inherited",
        "petname",
    ): "(which a petname of yours stands for) was registered by {owner}, to whom its owner handed it over",
    ("handed", "heir"): "is yours now, says {owner}",
    ("handed", "pin"): "is yours now, says its owner {owner}, to whom it is pinned",
    ("handed", "petname"): "(which a petname of yours stands for) is yours now, says its owner {owner}",
    ("revoked", "own"): "is gone: your keys were revoked",
    ("revoked", "pin"): "is gone: its owner {owner} revoked all keys",
    ("revoked", "petname"): "(which a petname of yours stands for) is gone: its owner {owner} revoked all keys",
}
"""What happened, to an own name, a pinned one, that of a petname or one that comes to this owner -> how it is told."""
_LOSSES = {"released", "transferred", "inherited", "revoked"}
"""What takes an own name away."""


def watch_names(app: App) -> None:
    """Show what the daemon still knows of, then what happens; returns at Ctrl-C, and raises like `App.ask`."""
    with suppress(KeyboardInterrupt):
        app.out.note(_watched(app.ask("GET", "/v1/names")["names"]))
        for event in _events(app):
            if app.out.as_json:
                app.out.data(event)
            else:
                yours = event["what"] == "handed" and _is_own(app, event["name"])
                app.out.prose(_happened(event, yours=yours, refusal=_refusal(app, event)))


def _watched(rows: Sequence[Mapping[str, Any]]) -> str:
    """What is watched, in a sentence; a petname stands for its name, which may be watched for another reason, too."""
    watched = list(dict.fromkeys(row["target"] for row in rows))
    what = "whether a name is handed to you"
    if watched:
        more = f" and {counted(len(watched) - _FEW, 'more name')}" if len(watched) > _FEW else ""
        what = f"{', '.join(watched[:_FEW])}{more}, and {what}"
    else:
        what += " (you own, pinned and petnamed none yet)"
    return f"Watching {what}. What happened since the daemon started comes first; Ctrl-C ends this."


def _events(app: App) -> Iterator[Mapping[str, Any]]:
    """What happened to names, from what the daemon still knows on, for ever; raises like `Absence.bear`."""
    last, process, absence = 0, None, Absence()
    while True:
        try:
            events = app.ask("POST", "/v1/events", {"after": last} if last else {})["events"]
        except BeamError as error:
            away = bool(absence)
            absence.bear(error, _LOOK_SECONDS)
            if not away:
                app.out.note(WENT_AWAY)
            time.sleep(_LOOK_SECONDS)  # noqa: TID251 (no loop runs here)
            continue
        before, process = process, app.daemon_pid
        if absence:
            absence.end()
            app.out.note("The daemon is back." if process == before else "The daemon was restarted.")
        if last and process != before:  # another daemon counts anew
            last = 0
            continue
        for event in events:
            last = event["number"]
            yield event
        time.sleep(_LOOK_SECONDS)  # noqa: TID251 (no loop runs here)


def loss_of(app: App, full: str) -> tuple[str, str] | None:
    """How an own name went last: what happened, and that in words; None if the daemon can't say."""
    with suppress(BeamError):
        for event in reversed(app.ask("POST", "/v1/events", {})["events"]):
            if event["name"] == full and event["relation"] == "own" and event["what"] in _LOSSES:
                return event["what"], _what(event)
    return None


def _is_own(app: App, full: str) -> bool:
    with suppress(BeamError):  # it has just gone away; the event is to be told all the same
        return any(row["full"] == full and row["relation"] == "own" for row in app.ask("GET", "/v1/names")["names"])
    return False


def _refusal(app: App, event: Mapping[str, Any]) -> str | None:
    """Why this machine can't claim an own name of which it heard that its owner's keys are of a later era."""
    if event["relation"] != "own" or event["what"] not in {"rotated", "left-behind"}:
        return None
    with suppress(BeamError):  # it has just gone away
        era = app.ask("GET", "/v1/id").get("replaced_by_era")
        return None if era is None else replaced_by(era)
    return None


def _happened(event: Mapping[str, Any], *, yours: bool, refusal: str | None) -> str:
    """An event in words.

    `yours` says of a name that was handed to this owner that it was registered since; a `refusal`, why this machine
    claims it no more.
    """
    name, what = event["name"], _what(event)
    if refusal is not None:
        what += f". {refusal}"
    if event["what"] == "handed" and not yours:
        what += f": `beam register {name.partition('.')[0]}` takes it"
    hint = " (`beam names conflicts`)" if event["what"] == "contested" else ""
    return f"{moment(event['at'])}  {name} {what}{hint}"


def _what(event: Mapping[str, Any]) -> str:
    return _HAPPENED[event["what"], event["relation"]].format(owner=event["owner"], heir=event["heir"])
