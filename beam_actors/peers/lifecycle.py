"""The life of a peer as this node sees it: a pure table of states, inputs and effects.

The invariant: the table is total, UP holds exactly while there is at least one session, and an announcement of UP is
always followed by one of DOWN before the next. What carries the effects out, and time, belong to `life`.

                 WANTED                DIAL_FAILED(_KEPT)
        IDLE ────────────▶ DIALLING ────────────▶ IDLE (BACKING_OFF when kept)
          ▲                   │  ▲                        │
          │ LOST   SESSION_UP │  └── RETRY or WANTED ─────┘
          └─────── UP ◀───────┘

A peer is *kept* when it is dialled for ever (a bootstrap peer). Whoever feeds the machine picks the input with or
without `_KEPT`, so the table needs no guards.
"""

import enum
from collections.abc import Mapping
from types import MappingProxyType

import attrs


class State(enum.Enum):
    """Where a peer is."""

    IDLE = "idle"
    DIALLING = "dialling"
    UP = "up"
    BACKING_OFF = "backing off"


class Input(enum.Enum):
    """What can happen to a peer."""

    WANTED = enum.auto()
    """Somebody wants a stream or a session now."""
    SESSION_UP = enum.auto()
    """A session was established, whoever dialled."""
    DIAL_FAILED = enum.auto()
    DIAL_FAILED_KEPT = enum.auto()
    LOST = enum.auto()
    """The last session ended."""
    LOST_KEPT = enum.auto()
    RETRY = enum.auto()
    """The back-off is over."""
    RELEASED = enum.auto()
    """A person wants the peer no longer: it is not kept, and its sessions shall end."""
    LINGERED = enum.auto()
    """Nobody wanted the peer for a while."""


class Effect(enum.Enum):
    """What the actor has to do, in the order given."""

    DIAL = enum.auto()
    """Start a dial unless one is under way."""
    CANCEL_DIAL = enum.auto()
    BACK_OFF = enum.auto()
    """Start the timer that ends in RETRY."""
    CANCEL_BACK_OFF = enum.auto()
    ANNOUNCE_UP = enum.auto()
    ANNOUNCE_DOWN = enum.auto()
    SERVE = enum.auto()
    """Give the waiting callers a stream of the best session."""
    FAIL = enum.auto()
    """Tell the waiting callers that the peer is offline."""
    CLOSE_SESSIONS = enum.auto()
    """Have all of them end in order."""
    LINGER = enum.auto()
    """Start the timer that ends in LINGERED."""
    CANCEL_LINGER = enum.auto()
    END = enum.auto()
    """Stop the actor; the next who wants the peer starts another."""


@attrs.frozen(slots=True)
class Step:
    """Where an input leads, and what must be done on the way."""

    to: State
    effects: tuple[Effect, ...] = ()


def _stay(state: State, *inputs: Input) -> dict[Input, Step]:
    return {item: Step(state) for item in inputs}


_I, _S, _E = Input, State, Effect

TABLE: Mapping[State, Mapping[Input, Step]] = MappingProxyType(
    {
        _S.IDLE: {
            _I.WANTED: Step(_S.DIALLING, (_E.CANCEL_LINGER, _E.DIAL)),
            _I.SESSION_UP: Step(_S.UP, (_E.CANCEL_LINGER, _E.ANNOUNCE_UP, _E.SERVE)),
            _I.LINGERED: Step(_S.IDLE, (_E.END,)),
            # A dial that outlived its reason (it began beside a session which then ended) may still fail here.
            **_stay(_S.IDLE, _I.DIAL_FAILED, _I.LOST, _I.RETRY, _I.RELEASED),
            _I.DIAL_FAILED_KEPT: Step(_S.BACKING_OFF, (_E.CANCEL_LINGER, _E.BACK_OFF)),
            _I.LOST_KEPT: Step(_S.BACKING_OFF, (_E.CANCEL_LINGER, _E.BACK_OFF)),
        },
        _S.DIALLING: {
            _I.SESSION_UP: Step(_S.UP, (_E.ANNOUNCE_UP, _E.SERVE)),
            _I.DIAL_FAILED: Step(_S.IDLE, (_E.FAIL, _E.LINGER)),
            _I.DIAL_FAILED_KEPT: Step(_S.BACKING_OFF, (_E.FAIL, _E.BACK_OFF)),
            _I.RELEASED: Step(_S.IDLE, (_E.CANCEL_DIAL, _E.FAIL, _E.LINGER)),
            **_stay(_S.DIALLING, _I.WANTED, _I.LOST, _I.LOST_KEPT, _I.RETRY, _I.LINGERED),
        },
        _S.UP: {
            _I.WANTED: Step(_S.UP, (_E.SERVE,)),
            _I.SESSION_UP: Step(_S.UP, (_E.SERVE,)),
            # Callers who wait for a stream of the lost session are not failed: they want the peer, so it is dialled.
            _I.LOST: Step(_S.IDLE, (_E.ANNOUNCE_DOWN, _E.LINGER)),
            _I.LOST_KEPT: Step(_S.BACKING_OFF, (_E.ANNOUNCE_DOWN, _E.BACK_OFF)),
            # It stays up until the sessions have ended: whoever wants it meanwhile waits for that, and has it dialled.
            _I.RELEASED: Step(_S.UP, (_E.CANCEL_DIAL, _E.CLOSE_SESSIONS)),
            # The other one of two simultaneous dials: ours may fail after theirs succeeded.
            **_stay(_S.UP, _I.DIAL_FAILED, _I.DIAL_FAILED_KEPT, _I.RETRY, _I.LINGERED),
        },
        _S.BACKING_OFF: {
            _I.WANTED: Step(_S.DIALLING, (_E.CANCEL_BACK_OFF, _E.DIAL)),
            _I.RETRY: Step(_S.DIALLING, (_E.DIAL,)),
            _I.SESSION_UP: Step(_S.UP, (_E.CANCEL_BACK_OFF, _E.ANNOUNCE_UP, _E.SERVE)),
            _I.RELEASED: Step(_S.IDLE, (_E.CANCEL_BACK_OFF, _E.LINGER)),
            **_stay(_S.BACKING_OFF, _I.DIAL_FAILED, _I.DIAL_FAILED_KEPT, _I.LOST, _I.LOST_KEPT, _I.LINGERED),
        },
    }
)


def step(state: State, happened: Input) -> Step:
    """Where `happened` leads from `state`; defined for every pair."""
    return TABLE[state][happened]
