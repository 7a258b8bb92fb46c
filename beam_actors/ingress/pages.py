"""Which page a failure gets: the words for a person who opened a name and did not get the site.

Invariant: an error becomes a page by its class alone; its own words are details and decide nothing. Errors from
inside the daemon show none of their words, which may name paths of this machine.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import attrs

from beam_actors.errors import (
    AskTimeout,
    BeamError,
    InvalidName,
    NameContested,
    NameGivenUp,
    NameHandedOver,
    NameNotFound,
    NameRevoked,
    NameUnclaimed,
    NameUnheld,
    NetworkError,
    NotAllowed,
    PeerOffline,
    RemoteProtocolError,
    ResourceExhausted,
    TargetDown,
    TimedOut,
    TunnelNotFound,
    TunnelRefused,
)
from beam_actors.ingress.heads import BadHead
from beam_actors.ingress.neighbours import Choice
from beam_actors.ingress.page import PROGRAM, Hop, Option, Page, Step

_MAX_OPTIONS = 8


@attrs.frozen(slots=True)
class Visit:
    """What was asked for: where a page's links and commands lead."""

    host: str
    """The host name of the request; empty if it is not known."""
    scheme: str = "http"
    port: int | None = None
    """The port in the request's Host, if it had one."""
    names: bool = True
    """Whether the host can be a name that somebody claims: none that says its owner, and nothing that can't be one."""
    petname: bool = False
    """Whether it is a petname here, under which nothing can be claimed."""
    program: str = PROGRAM
    """How a person calls the program for this machine's daemon."""

    @property
    def label(self) -> str:
        """The first label, which is the name's own."""
        return self.host.partition(".")[0]

    def at(self, owner: str) -> str:
        """The URL of the name as `owner` holds it."""
        label, _, rest = self.host.partition(".")
        port = "" if self.port is None else f":{self.port}"
        return f"{self.scheme}://{label}.{owner}.{rest.rpartition('.')[2]}{port}/"


@attrs.frozen(slots=True)
class _Fault:
    """How an error looks from outside. `{host}` and `{label}` stand for the name."""

    errors: tuple[type[BeamError], ...]
    status: int
    code: str
    broke_at: Hop | None
    title: str
    message: str
    steps: tuple[Step, ...] = ()
    retry_after: int | None = None
    others: str = ""
    """What is added where somebody else holds the name, beside whoever it is pinned to."""


_RETRY_SECONDS = 3
"""What waits or restarts is served, or has failed, within about that time."""
_RELOAD_LATER = Step("Try again when it is back: nothing has to be set up anew.")
_CLAIM = Step("If the name is meant to be yours, offer an app under it:", "beam 3000 --name {label}")
_OFFER = Step("If the name is yours, offer an app under it:", "beam 3000 --name {label}")
_TAKE = Step("If it was handed to you, take it:", "beam register {label}")
_ABOUT_THE_NAME = (_CLAIM, _OFFER, _TAKE)
_PETNAME = Step("It is a petname of yours. Look up whose name it stands for, and ask them:", "beam names")
_PETNAME_OWNER = Step("Look up whose name it stands for, and ask them:", "beam names")
_PEERS = Step("See whether this machine is connected to others, from which it learns names:", "beam peers")
_PING = Step("See whether this machine can reach it:", "beam ping {host}")

_FAULTS = (
    _Fault(
        (NameHandedOver,),
        404,
        "name-handed-over",
        Hop.NAME,
        "{host} is changing hands",
        "Its owner has handed this name over, and the next one has not registered it yet. Until then it leads nowhere.",
        (Step("Try again later: it leads to the next owner from then on."), _TAKE),
    ),
    _Fault(
        (NameUnclaimed,),
        404,
        "name-not-found",
        Hop.NAME,
        "{host} is not claimed",
        "It is a name of yours, but no claim of yours for it counts now, so it leads nowhere.",
        (Step("See why, and what to do:", "beam names"),),
    ),
    _Fault(
        (NameNotFound, InvalidName),
        404,
        "name-not-found",
        Hop.NAME,
        "{host} is not known",
        "Neither this machine nor the machines it is connected to know anybody who holds this name.",
        (Step("Check how the name is spelled."), _PEERS, _CLAIM),
    ),
    _Fault(
        (NameContested,),
        409,
        "name-contested",
        Hop.NAME,
        "{host} has several owners",
        "Several owners claim this name, and no rule decides between them. So that nobody can pose as somebody else, "
        "none of them is opened without your choice.",
        (
            Step("Ask the person you mean for their owner id, which they see with:", "beam id", over_there=True),
            Step("List all names that are contested:", "beam names conflicts"),
        ),
    ),
    _Fault(
        (TunnelNotFound,),
        404,
        "tunnel-not-found",
        Hop.APP,
        "{host} offers no site",
        "The name has an owner whose machine answers, but it offers no app for browsers under this name now.",
        (_OFFER,),
    ),
    _Fault(
        (TunnelRefused, NotAllowed),
        403,
        "tunnel-refused",
        Hop.MACHINE,
        "{host} does not let you in",
        "Its owner's machine answers, but refuses this one. Most likely only certain machines are let in.",
        (Step("Ask the owner to allow this machine, and send them its peer id:", "beam id"),),
    ),
    _Fault(
        (TargetDown,),
        502,
        "target-down",
        Hop.APP,
        "The app behind {host} is down",
        "Its owner's machine answers, but the app that it offers there does not.",
        (
            Step("If the app is yours, start it and reload this page. Which port it is expected on:", "beam tunnels"),
            Step("Else tell its owner."),
        ),
    ),
    _Fault(
        (PeerOffline,),
        504,
        "peer-offline",
        Hop.MACHINE,
        "{host} is offline",
        "The name has an owner, but the machine that serves it can't be reached. It may be switched off, asleep or "
        "without network.",
        (_RELOAD_LATER, _PING),
    ),
    _Fault(
        (TimedOut, AskTimeout),
        504,
        "timed-out",
        Hop.MACHINE,
        "{host} did not answer",
        "The machine that serves it did not answer in time. It may be busy, or its network slow.",
        (Step("Reload this page."), _PING),
    ),
    _Fault(
        (ResourceExhausted,),
        503,
        "resource-exhausted",
        None,
        "Too busy",
        "As many connections are open or waiting as this machine permits, or the one that serves the name.",
        (Step("Wait a moment, or close some, and reload this page."),),
        _RETRY_SECONDS,
    ),
    _Fault(
        (RemoteProtocolError,),
        502,
        "protocol-error",
        Hop.MACHINE,
        "{host} does not speak as it must",
        "The machine that serves it was reached, but what it answered makes no sense. It may run another version of "
        "Beam, or not mean well.",
        (Step("Try again later, or tell its owner."),),
    ),
    _Fault(
        (NetworkError,),
        502,
        "network-error",
        Hop.MACHINE,
        "The connection to {host} broke",
        "It was cut while it was being opened.",
        (Step("Reload this page."), _PING),
    ),
)


_UNPIN = Step("Let the pin go: the name leads to whoever else holds it then, if anybody does:", "beam unpin {label}")
_UNPIN_TO_ONE = "Let the pin go; the name leads to that owner then:"
_UNPIN_TO_SEVERAL = "Let the pin go; the usual rules choose among these owners then, if they can:"
_FORGET = Step("Let the petname go:", "beam petname --forget {label}")
_PINNED = (
    "On this machine the name is pinned to one owner, who {}. So that nobody else can pose as them, it leads nowhere."
)
_ANOTHER = " Somebody else holds it now. Whether that is whom you mean is for you to say."


def _of_a_pin(error: type[BeamError], title: str, why: str, *steps: Step) -> _Fault:
    message = _PINNED.format(why)
    return _Fault((error,), 404, error.code, Hop.NAME, title, message, (_UNPIN, *steps), others=_ANOTHER)


_ROWS = (  # the first one that fits an error wins: subclasses stand before their bases
    # What a pinned name leads to whose owner holds it no longer.
    _of_a_pin(NameGivenUp, "{host} was given up", "has given it up", _CLAIM),
    _of_a_pin(NameRevoked, "{host} is gone", "has revoked all keys, so that it never comes back", _CLAIM),
    _of_a_pin(NameUnheld, "{host} leads nowhere now", "does not hold it now, as far as this machine knows", _PEERS),
    *_FAULTS,
)
_PETNAME_OF_NOTHING: Mapping[type[BeamError], str] = {
    NameGivenUp: "It is a petname of yours, and whoever it stands for has given that name up.",
    NameRevoked: "It is a petname of yours, and whoever it stands for has revoked all keys, so it never comes back.",
}
_PETNAME_LEADS_NOWHERE = _Fault(
    (NameNotFound,),
    404,
    "name-not-found",
    Hop.NAME,
    "{host} leads nowhere now",
    "It is a petname of yours, and whoever it stands for holds the name no longer, as far as this machine knows.",
    (_PETNAME_OWNER, _PEERS),
)


def page_for(error: BeamError, visit: Visit, choices: Sequence[Choice] = ()) -> Page:
    """The page for an error that came up on a visit.

    `choices` are the owners of a contested name, or who else holds a pinned one, if known.
    """
    said = str(error)
    if isinstance(error, BadHead):
        return Page(
            error.status,
            error.code,
            "This request makes no sense",
            "What the browser or program sent is not HTTP as it must be, so nothing was passed on.",
            said,
        )
    if visit.petname and isinstance(error, NameNotFound) and not isinstance(error, NameHandedOver):
        return _page(_of_a_petname(error), said, visit, choices)
    for fault in _ROWS:
        if isinstance(error, fault.errors):
            return _page(fault, said, visit, choices)
    return Page(
        503,
        error.code,
        "Beam could not do this",
        "A part of Beam on this machine failed, or is being restarted.",
        steps=(Step("Reload this page in a few seconds. If it stays so, the log says why:", "beam logs"),),
        retry_after=_RETRY_SECONDS,
        program=visit.program,
    )


def _of_a_petname(error: NameNotFound) -> _Fault:
    """A petname whose owner is not known to hold the name now; for good, if that is known."""
    message = _PETNAME_OF_NOTHING.get(type(error))
    if message is None:
        return _PETNAME_LEADS_NOWHERE
    return attrs.evolve(_PETNAME_LEADS_NOWHERE, message=message, steps=(_PETNAME_OWNER, _FORGET))


def _page(fault: _Fault, said: str, visit: Visit, choices: Sequence[Choice]) -> Page:
    def fill(text: str) -> str:
        return text.format(host=visit.host, label=visit.label)

    return Page(
        fault.status,
        fault.code,
        fill(fault.title),
        fault.message + (fault.others if choices else ""),
        "" if choices and not fault.others else said,  # of a contested name it would only list the owners again
        fault.broke_at,
        tuple(attrs.evolve(step, command=fill(step.command)) for step in _steps(fault, visit, choices)),
        tuple(_option(choice, visit) for choice in choices[:_MAX_OPTIONS]),
        fault.retry_after,
        visit.program,
    )


def _steps(fault: _Fault, visit: Visit, choices: Sequence[Choice]) -> list[Step]:
    """Those of a fault, without any that is refused or of no use for the host that was visited."""
    steps = [step for step in fault.steps if (visit.names and not choices) or step is not _CLAIM]
    if choices:
        freed = attrs.evolve(_UNPIN, text=_UNPIN_TO_ONE if len(choices) == 1 else _UNPIN_TO_SEVERAL)
        steps = [freed if step is _UNPIN else step for step in steps]
    if visit.petname and any(step in _ABOUT_THE_NAME for step in steps):
        return [*(step for step in steps if step not in _ABOUT_THE_NAME), _PETNAME]
    return steps


def _option(choice: Choice, visit: Visit) -> Option:
    owner = str(choice.owner)
    since = datetime.fromtimestamp(choice.since, UTC)
    return Option(
        owner=owner,
        short=choice.owner.short,
        since=f"known here since {since.day} {since:%B %Y, %H:%M} UTC",
        url=visit.at(owner),
        pin=f"beam pin {visit.label} {owner}",
        equivocates=choice.equivocates,
    )


def misdirected(host: str, served: str) -> Page:
    """The page when the Host is not what TLS was set up for, or is no name of ours (RFC 9110 section 15.5.20)."""
    if served:
        message = f"The connection was made for {served}, but the request is for {host}."
        step = Step("Reload this page, so that the browser makes a new connection.")
    else:
        message = f"{host} is not a name that Beam serves."
        step = Step("Open a name, such as NAME.local, and not an address of this machine.")
    return Page(421, "misdirected", "This request went astray", message, steps=(step,))


def too_slow() -> Page:
    """The page when no complete request came in time."""
    return Page(408, "timed-out", "The request did not arrive", "No complete request came in time.")
