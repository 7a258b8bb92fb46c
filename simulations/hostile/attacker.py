"""What an attacker is: a program on a machine of its own that goes for its victims again and again, until the end.

Invariant: an attacker knows what any stranger could know (addresses, and the names that people use) and looks into no
node; all its randomness comes from its lair's entropy, so a seed replays it. What it spends and gets is counted in
`Lair.tally`, by words; what it really signs is said by `Lair.signs`, since a name may lead to whoever signed for it.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import ClassVar

import attrs
import trio

from beam_actors.errors import NetworkError
from beam_actors.flow import Stream
from beam_actors.identity import KeySet, OwnerKey, PeerKey
from beam_actors.identity.keys import public_key_of
from beam_actors.ports import Clock
from beam_actors.testing.entropy import SeededEntropy
from beam_actors.testing.program import Program
from beam_actors.values import Multiaddr, Name, OwnerId, PeerId, TcpAddress
from beam_actors.wire import NOISE, IdentifyInfo, PeerRecord, Role, Security, Session
from simulations.hostile.line import DEFENCE, Line, Talk

PORT = 4747
BYSTANDER = TcpAddress("198.51.100.7", 443)
"""Where nobody of the simulated world is."""


@attrs.frozen(slots=True, kw_only=True)
class Lair:
    """Where an attacker sits and what it knows."""

    name: str
    ip: str
    clock: Clock
    entropy: SeededEntropy
    network: str
    victims: Callable[[], Sequence[Multiaddr | None]]
    """Where honest nodes listen, as far as strangers know: always as many, None for one of whom nothing is known."""
    names: Callable[[], Sequence[str]]
    """The names that are worth something."""
    signs: Callable[[str, OwnerId], None]
    """Called before a genuine claim is shown to anybody."""
    copied: Callable[[], tuple[OwnerKey, Sequence[str]] | None] = lambda: None
    """The key that was copied at the first victim, and its owner's names; None until the owner leaves its era."""
    poses: Callable[[str, OwnerId], None] = lambda _name, _owner: None
    """Called before a claim by a copied key is shown to anybody."""
    entered: Callable[[PeerId, str | None, int], None]
    """Called when a victim opened a tunnel to it, with the name and the port that it had asked for."""
    tally: Counter[str]
    mates: list[PeerRecord] = attrs.field(factory=list)
    """What those of its gang say of where they are, itself among them."""
    bystander: TcpAddress = BYSTANDER
    """Somebody who has nothing to do with any of it."""
    security: Security = NOISE
    """How sessions are secured in this world."""

    def owner(self) -> OwnerKey:
        """A person that nobody has seen before, and who could never open a second era: it costs nothing."""
        seed = self.entropy.token(32)
        return OwnerKey(KeySet((public_key_of(seed),), self.entropy.token(32)), seed)

    def peer_key(self) -> PeerKey:
        """A machine that nobody has seen before."""
        return PeerKey.from_seed(self.entropy.token(32))

    def name_of_its_own(self) -> Name:
        """A name that nobody else uses."""
        return Name(f"{self.name}-{self.entropy.token(5).hex()}")


class Attacker:
    """One attacker. A kind gives `NAME`, and overrides `attack`, `answer`, or `pester` as a whole."""

    NAME: ClassVar[str] = ""
    """The word for it in a plan."""
    PAUSE: ClassVar[float] = 2.0
    """Seconds between two connections to one victim."""
    LISTENS: ClassVar[bool] = False
    """Whether it also takes connections, at `PORT`, so that honest nodes can be given it to begin with."""

    OVERFLOWS: ClassVar[bool] = False
    """Whether it says more than anybody waits for, so that each node takes what came first."""
    NEEDS_SETTLED: ClassVar[bool] = False
    """Whether it drives from the registries what was not settled there, so that nobody must resolve that any more."""

    def __init__(self, lair: Lair) -> None:
        self.lair = lair
        self.key = lair.peer_key()
        self.program: Program

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.NAME} at {self.lair.ip}>"

    @property
    def address(self) -> Multiaddr:
        """Where it says that it listens."""
        return Multiaddr.from_address(TcpAddress(self.lair.ip, PORT), self.key.peer_id)

    @property
    def known(self) -> list[Multiaddr]:
        """The victims of whom something is known."""
        return [address for address in self.lair.victims() if address is not None]

    async def run(self, program: Program) -> None:
        """Go for all victims by this program, until cancelled."""
        self.program = program
        if self.LISTENS:
            program.serve(TcpAddress(self.lair.ip, PORT), self.welcome)
        async with trio.open_nursery() as nursery:
            for number in range(len(self.lair.victims())):
                nursery.start_soon(self.pester, number)
            await trio.sleep_forever()

    async def pester(self, number: int) -> None:
        """Go for one victim, again and again."""
        while True:
            await trio.sleep(self.PAUSE * (0.5 + self.lair.entropy.uniform()))
            victim = self.lair.victims()[number]
            if victim is None or victim.tcp is None:
                continue
            try:
                stream = await self.program.connect(victim.tcp)
            except DEFENCE:
                self.lair.tally["dials in vain"] += 1
                continue
            self.lair.tally["connections"] += 1
            await self.meet(stream, victim)

    async def meet(self, stream: Stream, victim: Multiaddr) -> None:
        """Have a session with the victim and attack."""
        session = self.session(Role.INITIATOR, expected=victim.peer)
        if not await Line(stream, session, self.answer).run(self.attack):
            self.lair.tally["handshakes in vain"] += 1

    async def welcome(self, stream: Stream) -> None:
        """A victim connects."""
        self.lair.tally["victims came"] += 1
        await Line(stream, self.session(Role.RESPONDER), self.answer).run(self.attack)

    async def attack(self, line: Line) -> None:
        """What to do in a session; its return hangs up."""
        raise NotImplementedError

    async def answer(self, talk: Talk, protocol: str) -> None:  # noqa: ARG002
        """What to do with a stream that the victim opens; this one leaves it unanswered for good."""
        await trio.sleep_forever()

    def session(self, role: Role, *, expected: PeerId | None = None, key: PeerKey | None = None) -> Session:
        """A session of this attacker's, which offers every protocol to the victim."""
        entropy = self.lair.entropy
        return Session(
            role,
            key=key or self.key,
            static_seed=entropy.token(32),
            ephemeral_seed=entropy.token(32),
            expected=expected,
            protocols=lambda _: True,
            security=self.lair.security,
            info=IdentifyInfo(agent=self.NAME, addresses=(self.address.without_peer,)),
        )


async def quietly(stream: Stream, data: bytes) -> bool:
    """Write to a raw connection; whether the victim took it."""
    try:
        await stream.write(data)
    except NetworkError:
        return False
    return True
