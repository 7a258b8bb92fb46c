"""Attackers that answer: peers that withhold, peers that never answer, peers that speak for others, and burglars.

Most of them listen, so that honest nodes can be sent to them: a stranger's word about where to begin is no safer than
the stranger.
"""

import attrs
import trio

from beam_actors.flow import Stream, read_frame
from beam_actors.identity import PeerKey
from beam_actors.naming import PROTOCOL as NAMES
from beam_actors.naming.conversation import Conversation
from beam_actors.naming.protocol import Ask, Compare, Done, Push, Ranges, Want
from beam_actors.naming.ranges import PREFIX, SALT, TOP, Listing, Print, Settled
from beam_actors.peers.inquiry import MAX_QUESTION, Question, decode_question, encode_answer, encode_question
from beam_actors.peers.inquiry import PROTOCOL as PEERS
from beam_actors.tunnels import PROTOCOL as TUNNEL
from beam_actors.tunnels.protocol import MAX_MESSAGE, Answer, Request, Status, decode_answer, encode_request
from beam_actors.tunnels.protocol import encode_answer as encode_reply
from beam_actors.values import Multiaddr, Name, PeerId, TcpAddress, encode_record
from beam_actors.wire import FrameReader, PeerRecord, Role, frame, sign_record
from beam_actors.wire.identify import IdentifyInfo, encode_info
from simulations.hostile.attacker import PORT, Attacker
from simulations.hostile.forging import signed
from simulations.hostile.liars import TIMEOUT
from simulations.hostile.line import DEFENCE, Line, Talk

_EVERY = 5.0


class Withholder(Attacker):
    """Answers about names: with less than it knows, in another order, twice, or with what nobody asked for."""

    NAME = "withholder"
    LISTENS = True

    async def attack(self, line: Line) -> None:
        """See `Attacker`: offer claims that there are not, ask for them all, deliver none, and wait to be asked."""
        while True:
            talk = Conversation(line.open(NAMES), timeout=TIMEOUT)
            unknown = tuple(self.lair.entropy.token(32) for _ in range(100))
            await talk.send(
                Compare(self.lair.entropy.token(SALT), bytes(PREFIX), TOP), Ranges((Listing(TOP, unknown),))
            )
            heard: list[bytes] = []
            while not isinstance(message := await talk.receive(), Ranges | None):
                if isinstance(message, Push):
                    heard += message.claims
            self.lair.tally["claims heard and kept to itself"] += len(heard)
            await talk.send(Push(tuple(reversed(heard))[:48]), Push(tuple(heard[:24])), Ranges((Settled(TOP),)))
            talk.close()
            await trio.sleep(30.0)

    async def answer(self, talk: Talk, protocol: str) -> None:
        """See `Attacker`."""
        if protocol != NAMES:
            talk.abort()
            return
        conversation = Conversation(talk, timeout=TIMEOUT)
        while (message := await conversation.receive(idle=True)) is not None:
            match message:
                case Ranges():
                    await self._exchange(conversation)
                case Ask(name):
                    await self._about(conversation, name)
        talk.close()

    async def _exchange(self, talk: Conversation) -> None:
        """Answer the first turn of an exchange."""
        self.lair.tally["exchanges answered badly"] += 1
        unknown = tuple(self.lair.entropy.token(32) for _ in range(10))
        match self.lair.tally["exchanges answered badly"] % 5:
            case 0:
                await talk.send(Ranges((Settled(TOP),)))  # "we agree"
            case 1:
                await talk.send(Want(unknown), Ranges((Settled(TOP),)))  # what it was not offered
            case 2:
                await talk.send(Ranges((Listing(TOP, unknown),)))  # and then it gives none of them
            case 3:
                await talk.send(*[Ranges((Print(b"\x80", bytes(16)), Settled(b"\xc0")))] * 2)  # which go back
            case _:
                halves = (Print(b"\x80", self.lair.entropy.token(16)), Print(TOP, self.lair.entropy.token(16)))
                await talk.send(Ranges(halves))  # and falls silent

    async def _about(self, talk: Conversation, name: Name) -> None:
        self.lair.tally["questions answered badly"] += 1
        issued = int(self.lair.clock.wall())
        match self.lair.tally["questions answered badly"] % 3:
            case 0:
                await talk.send(Done())
            case 1:  # another name than was asked for
                owner, other = self.lair.owner(), self.lair.name_of_its_own()
                self.lair.signs(other.label, owner.owner_id)
                claim = signed(owner, self.lair.network, other, issued=issued, peer=self.key.peer_id)
                await talk.send(Push((claim.encoded,)), Done())
            case _:  # the name, of another network
                claim = signed(self.lair.owner(), "elsewhere", name, issued=issued, peer=self.key.peer_id)
                await talk.send(Push((claim.encoded,) * 48), Push((claim.encoded,) * 48))


class Zombie(Attacker):
    """A peer in good standing that never answers a stream, and never ends one."""

    NAME = "zombie"
    LISTENS = True

    async def attack(self, line: Line) -> None:  # noqa: ARG002
        """See `Attacker`: nothing."""
        self.lair.tally["sessions kept"] += 1
        await trio.sleep_forever()


class Corpse(Attacker):
    """Takes connections and says nothing, not even hello."""

    NAME = "corpse"
    LISTENS = True

    async def pester(self, number: int) -> None:
        """See `Attacker`: it comes to nobody."""

    async def welcome(self, stream: Stream) -> None:
        """See `Attacker`."""
        self.lair.tally["victims came"] += 1
        try:
            while await stream.read():
                pass
        except DEFENCE:
            stream.abort()
        await trio.sleep_forever()


class Impostor(Attacker):
    """Sits where somebody else is said to be, and says in every way it can that it is somebody else."""

    NAME = "impostor"
    LISTENS = True

    def address_as(self, peer: PeerId) -> Multiaddr:
        """Where it pretends that an honest peer listens."""
        return Multiaddr.from_address(TcpAddress(self.lair.ip, PORT), peer)

    async def meet(self, stream: Stream, victim: Multiaddr) -> None:
        """See `Attacker`: introduce itself by the key of another victim."""
        others = [other.peer for other in self.known if other.peer not in {None, victim.peer}]
        session = self.session(Role.INITIATOR, expected=victim.peer)
        if others and others[0] is not None:
            another, places = others[0], tuple(other.without_peer for other in self.known)
            info = IdentifyInfo(agent="beam-actors/1.0", addresses=places)
            session._services._own_info = lambda: encode_info(info, another)  # noqa: SLF001 (no honest node could)
            self.lair.tally["lies about its key"] += 1
        await Line(stream, session, self.answer).run(self.attack)

    async def attack(self, line: Line) -> None:  # noqa: ARG002
        """See `Attacker`: wait what becomes of it."""
        await trio.sleep(30.0)


class Gossip(Attacker):
    """Answers where peers are: with others' words changed, with its own word for others, and with endless numbers."""

    NAME = "gossip"
    LISTENS = True

    async def attack(self, line: Line) -> None:
        """See `Attacker`: ask for everybody, and have the victim ask about those who don't exist."""
        while True:
            known = [address.peer for address in self.known if address.peer is not None][:8]
            strangers = [self.lair.peer_key().peer_id for _ in range(16 - len(known))]
            talk = line.open(PEERS)
            await talk.write(encode_question(Question((*known, *strangers))))
            talk.close()
            self.lair.tally["questions about peers"] += 1
            await trio.sleep(_EVERY)

    async def answer(self, talk: Talk, protocol: str) -> None:
        """See `Attacker`."""
        if protocol != PEERS:
            talk.abort()
            return
        body = await read_frame(talk, FrameReader(MAX_QUESTION))
        if body is None:
            return
        asked = decode_question(body).peers
        here = (Multiaddr.from_address(TcpAddress(self.lair.ip, PORT)),)
        own = sign_record(self.key, 2**62, tuple(other.without_peer for other in self.known) + here)
        self.lair.tally["answers about peers"] += 1
        match self.lair.tally["answers about peers"] % 4:
            case 0:
                await talk.write(encode_answer((own,) * 16))
            case 1:  # "this is where they are", signed by itself
                records = tuple(self._about(peer) for peer in asked)
                await talk.write(encode_answer(records))
            case 2:
                spoilt = attrs.evolve(own, envelope=own.envelope[:-1] + b"\x00")
                await talk.write(encode_answer((spoilt,)))
            case _:
                await talk.write(frame(encode_record({"v": 1, "records": [b"\xff" * 4096] * 16})))
        talk.close()

    def _about(self, peer: PeerId) -> PeerRecord:
        """A record of its own with another's id in the payload: the signature is right, and by the wrong key."""
        record = sign_record(self.key, 2**62, (Multiaddr.from_address(TcpAddress(self.lair.ip, PORT)),))
        return attrs.evolve(record, envelope=record.envelope.replace(self.key.peer_id.multihash, peer.multihash))


class Burglar(Attacker):
    """Tries every door: tunnels that are not offered, or not to it, and names that are not its victim's."""

    NAME = "burglar"
    LISTENS = True
    PORTS = (1, 22, 80, 443, 3000, 4747, 5354, 8443, 9000, 65535)

    async def attack(self, line: Line) -> None:
        """See `Attacker`."""
        while True:
            labels = (None, *self.lair.names())
            label = labels[self.lair.tally["rounds of doors"] % len(labels)]
            self.lair.tally["rounds of doors"] += 1
            for port in self.PORTS:
                await self._try(line, label, port)
            await trio.sleep(_EVERY)

    async def answer(self, talk: Talk, protocol: str) -> None:
        """See `Attacker`: whoever comes by a name is let in, whatever the name, and served with rubbish."""
        if protocol != TUNNEL:
            await trio.sleep_forever()
        await talk.read()
        self.lair.tally["visitors let in"] += 1
        await talk.write(encode_reply(Answer(status=Status.OK)) + self.lair.entropy.token(512))
        talk.close()

    async def _try(self, line: Line, label: str | None, port: int) -> None:
        talk = line.open(TUNNEL)
        self.lair.tally["doors tried"] += 1
        try:
            await talk.write(encode_request(Request(name=None if label is None else Name(label), port=port)))
            with trio.move_on_after(10.0):
                body = await read_frame(talk, FrameReader(MAX_MESSAGE))
                if body is not None and decode_answer(body).status is Status.OK:
                    self.lair.tally["doors opened"] += 1
                    self.lair.entered(line.victim, label, port)
                elif body is not None:
                    self.lair.tally["doors that stayed shut"] += 1
        except DEFENCE:
            self.lair.tally["doors slammed"] += 1
        talk.abort()


class Mask(Burglar):
    """A burglar that shows the key of another victim, whom the rule of a tunnel may name, and can't sign with it."""

    NAME = "mask"
    LISTENS = False

    async def meet(self, stream: Stream, victim: Multiaddr) -> None:
        """See `Attacker`."""
        others = [other.peer for other in self.known if other.peer not in {None, victim.peer}]
        stolen = None
        if others and others[0] is not None:
            stolen = PeerKey(others[0], expanded=self.key._expanded)  # noqa: SLF001 (no honest node has such a key)
        session = self.session(Role.INITIATOR, expected=victim.peer, key=stolen)
        if not await Line(stream, session, self.answer).run(self.attack):
            self.lair.tally["handshakes in vain"] += 1


IMPOSTORS: tuple[type[Attacker], ...] = (Withholder, Zombie, Corpse, Impostor, Gossip, Burglar, Mask)
