"""Two sessions facing each other, over any pair of streams."""

from collections.abc import Iterable

from beam_actors.flow import IncomingStream, SessionHandle, SessionUp, Stream
from beam_actors.identity import PeerKey
from beam_actors.wire import Role, Session, SessionLimits, WindowBudget
from beam_actors.wire.security import NOISE, Security
from tests.flow.rig import FakeOwner, Rig

ECHO = "/test/echo/1"
KEYS = PeerKey.from_seed(bytes(31) + b"a"), PeerKey.from_seed(bytes(31) + b"b")


def make_session(
    role: Role,
    protocols: Iterable[str] = (ECHO,),
    limits: SessionLimits | None = None,
    security: Security = NOISE,
    budget: WindowBudget | None = None,
) -> Session:
    mine, other = KEYS if role is Role.INITIATOR else KEYS[::-1]
    served = tuple(protocols)
    return Session(
        role,
        key=mine,
        static_seed=mine.seed[::-1],
        ephemeral_seed=bytes(31) + (b"i" if role is Role.INITIATOR else b"r"),
        expected=other.peer_id if role is Role.INITIATOR else None,
        protocols=served.__contains__,
        limits=limits,
        security=security,
        budget=budget,
    )


class Ends:
    """A pair of sessions that are up: `a` initiated, `b` answered; each with its owner."""

    def __init__(self, a: SessionHandle, b: SessionHandle, owners: tuple[FakeOwner, FakeOwner]) -> None:
        self.a, self.b = a, b
        self.owner_a, self.owner_b = owners


async def sessions_over(
    rigs: tuple[Rig, Rig],
    streams: tuple[Stream, Stream],
    limits: SessionLimits | None = None,
    security: Security = NOISE,
) -> Ends:
    owners = FakeOwner("session/a"), FakeOwner("session/b")
    initiator, responder = (
        make_session(role, limits=limits, security=security) for role in (Role.INITIATOR, Role.RESPONDER)
    )
    a = rigs[0].flow.session(streams[0], initiator, owners[0])
    b = rigs[1].flow.session(streams[1], responder, owners[1])
    assert (await owners[0].expect(SessionUp)).session is a
    assert (await owners[1].expect(SessionUp)).session is b
    return Ends(a, b, owners)


async def sessions(rig: Rig, there: Rig | None = None, limits: SessionLimits | None = None) -> Ends:
    return await sessions_over((rig, there or rig), await rig.streams(there), limits)


async def channel(ends: Ends) -> tuple[Stream, Stream]:
    """A stream opened by `a`, and its other end."""
    here = ends.a.open(ECHO)
    await here.write(b"!")
    there = (await ends.owner_b.expect(IncomingStream)).stream
    assert await there.read(1) == b"!"
    return here, there
