"""What the control API says of the rooms' values: rows of text and numbers, and names with the node's suffix.

Invariant: a row is a function of the value and what is passed beside it (the time, what is offered), so nothing is
asked or remembered here. It must not know the facades that the values come from; `api` does.
"""

from collections.abc import Collection, Iterable, Sequence

import attrs

from beam_actors import naming
from beam_actors.control import (
    Choice,
    Conflict,
    Exposed,
    ForwardRow,
    NameEvent,
    NameRow,
    PeerRow,
    Progress,
    Registered,
    Resolution,
    TrafficRow,
    TunnelRow,
)
from beam_actors.flow import Traffic
from beam_actors.identity import KeySet
from beam_actors.node.standing import CLAIMED, NameStanding, standing_of
from beam_actors.peers import PeerStatus
from beam_actors.tunnels import ForwardStatus, TunnelSpec, TunnelStatus
from beam_actors.values import EVERYONE, Name, OwnerId, PeerId, TcpAddress


class Rows:
    """Rows in which the names end with the suffix."""

    def __init__(self, suffix: str) -> None:
        self._suffix = suffix

    def __repr__(self) -> str:
        return f"<Rows of .{self._suffix}>"

    def full(self, name: Name) -> str:
        """The name as people type it."""
        return f"{name}.{self._suffix}"

    def always(self, name: Name, owner: OwnerId) -> str:
        """The name with its owner, which leads to that owner whatever is decided."""
        return f"{name}.{owner}.{self._suffix}"

    def url(self, name: Name) -> str:
        """Where its web site is."""
        return f"https://{self.full(name)}"

    def tunnel(self, status: TunnelStatus, standing: NameStanding = CLAIMED) -> TunnelRow:
        """An offered service; `standing` is what its name, if it has one, is to this machine."""
        spec = status.spec
        return TunnelRow(
            id=spec.key,
            name=str(spec.name) if spec.name is not None else None,
            target=str(spec.target),
            kind="http" if spec.port is None else "tcp",
            port=spec.port,
            allow=() if spec.access == EVERYONE else spec.access.words,
            foreground=not spec.kept,
            running=status.running,
            yours=standing.yours,
            urls=self._urls(spec),
            connections=status.traffic.live,
            traffic=traffic_row(status.traffic),
            replaced_by_era=standing.replaced_by,
        )

    def exposed(self, status: TunnelStatus, gave_up: Name | None) -> Exposed:
        """A service that is offered from now on; `gave_up` is the name that made room for it."""
        row = attrs.asdict(self.tunnel(status), recurse=False)
        return Exposed(**row, gave_up=None if gave_up is None else self.full(gave_up))

    def _urls(self, spec: TunnelSpec) -> tuple[str, ...]:
        if spec.name is None:
            return ()
        if spec.port is None:
            return (self.url(spec.name),)
        return (f"tcp://{self.full(spec.name)}:{spec.port}",)

    def registered(
        self, done: naming.Registered, me: PeerId, offered: Collection[Name], *, gave_up: Name | None = None
    ) -> Registered:
        """A claim of this node's owner; `offered` are the names with a web site here, `gave_up` what made room."""
        return Registered(
            name=str(done.name),
            full=self.full(done.name),
            owner=str(done.owner),
            peer_id=str(me),
            told=done.told,
            look_alikes=tuple(map(self.full, done.look_alikes)),
            progress=round(done.progress, 3),
            work_s=round(done.work_s, 3),
            new=done.new,
            url=self.url(done.name) if done.name in offered else None,
            gave_up=None if gave_up is None else self.full(gave_up),
        )

    def progress(self, seen: naming.Progress) -> Progress:
        """How far a name is from being claimed; never 1 before it is."""
        name, full = str(seen.name), self.full(seen.name)
        return Progress(name=name, full=full, progress=round(seen.progress, 3), told=seen.told)

    def names(
        self,
        here: Iterable[naming.Held],
        elsewhere: Iterable[naming.Held],
        keys: KeySet,
        offered: Collection[Name],
        now: float,
    ) -> tuple[NameRow, ...]:
        """What is kept `here` and what the owner claims `elsewhere`, to a machine with these `keys` of the owner's.

        `offered` are the names with a web site here.
        """
        kept = list(here)
        rows = sorted(single_rows([*kept, *elsewhere], keys.owner_id), key=lambda held: (held.name, held.relation))
        own = {held.name for held in kept if held.relation == "own"}
        bound = {held.name for held in rows if held.relation != "own"}

        def row(held: naming.Held) -> NameRow:
            if held.relation != "own":  # what is kept here goes before a pin
                return self.name(held, now, leads=held.name not in own and _is_claimed(held, now))
            here, standing = held.name in own, standing_of(held, keys.era)
            if not here:
                leads = held.name not in bound
            elif standing.replaced_by is not None:
                leads = bool(held.peers)  # another machine's site, if one claims it in the later era
            else:
                leads = held.name in offered
            return self.name(held, now, leads=leads, here=here, replaced_by=standing.replaced_by)

        return tuple(map(row, rows))

    def name(
        self, held: naming.Held, now: float, *, leads: bool, here: bool = True, replaced_by: int | None = None
    ) -> NameRow:
        """A name that is owned or pinned here, or a petname; `leads` says whether it opens a web site of that owner.

        `here` is false of an own name that is claimed on other machines alone, and `replaced_by` the era of the key in
        the place of this machine's.
        """
        return NameRow(
            name=str(held.name),
            full=self.full(held.name),
            relation=held.relation,
            target=self.full(held.target),
            pinned_by=held.how,
            owner=str(held.owner),
            peer_ids=tuple(map(str, held.peers)),
            expires_in_s=round(held.expires - now, 3) if held.expires is not None else None,
            url=self.url(held.name) if leads and not (held.revoked or held.given_up) else None,
            revoked=held.revoked,
            given_up=held.given_up,
            here=here,
            contested=held.contested,
            replaced_by_era=replaced_by,
        )

    def resolution(self, found: naming.Resolution, address: str | None) -> Resolution:
        """What a name leads to; `address` is the one on this machine, if there is one."""
        return Resolution(
            name=self.full(found.name),
            owner=str(found.owner),
            peer_id=str(found.peers[0]),
            peer_ids=tuple(map(str, found.peers)),
            source=found.source,
            age_s=round(found.age_s, 3),
            address=address,
        )

    def device(self, name: Name, address: str) -> Resolution:
        """A device of the LAN that has the name."""
        return Resolution(
            name=self.full(name), owner=None, peer_id=None, peer_ids=(), source="mdns", age_s=0.0, address=address
        )

    def unreached(self, name: Name, owner: OwnerId | None, source: str) -> Resolution:
        """What a pin or a petname means, while its owner is not known to hold the name."""
        return Resolution(
            name=self.full(name),
            owner=None if owner is None else str(owner),
            peer_id=None,
            peer_ids=(),
            source=source,
            age_s=0.0,
            address=None,
        )

    def event(self, event: naming.Event) -> NameEvent:
        """What happened to an own or bound name."""
        return NameEvent(
            number=event.number,
            at=round(event.at, 3),
            what=event.what.value,
            name=self.full(event.name),
            owner=str(event.owner),
            relation=event.relation,
            heir=None if event.heir is None else str(event.heir),
            era=event.era,
        )

    def conflict(self, conflict: naming.Conflict, now: float) -> Conflict:
        """A contested name and its choices."""
        return Conflict(
            name=self.full(conflict.name),
            settled_by=conflict.settled_by,
            choices=tuple(
                Choice(
                    owner=str(choice.owner),
                    peer_ids=tuple(map(str, choice.peers)),
                    relation=choice.relation,
                    used=choice.used,
                    since=choice.since,
                    held_for_s=round(max(0.0, now - choice.since), 3),
                    equivocates=choice.equivocates,
                    level=choice.level,
                    always=self.always(conflict.name, choice.owner),
                )
                for choice in conflict.choices
            ),
        )


def _is_claimed(held: naming.Held, now: float) -> bool:
    """Whether a claim of its owner that counts now is known, so that what is bound to it leads to a peer."""
    return bool(held.peers) and (held.expires is None or now <= held.expires)


def single_rows(held: Iterable[naming.Held], owner: OwnerId) -> list[naming.Held]:
    """One row for a name that is own and pinned to its own owner, which shows in the row's `how`."""
    rows = list(held)
    own = {row.name for row in rows if row.relation == "own"}
    pins = {row.name: row.how for row in rows if row.relation == "pin" and row.owner == owner and row.name in own}
    return [
        attrs.evolve(row, how=pins.get(row.name)) if row.relation == "own" else row
        for row in rows
        if not (row.relation == "pin" and row.name in pins)
    ]


def peer_row(status: PeerStatus) -> PeerRow:
    """A peer that is wanted or connected."""
    return PeerRow(
        peer_id=str(status.peer),
        state=status.state.value,
        path=status.path,
        rtt_ms=round(status.rtt_ms, 3) if status.rtt_ms is not None else None,
        agent=status.agent,
        address=str(status.address) if status.address is not None else None,
        failure=status.failure,
        bytes_sent=status.bytes_sent,
        bytes_received=status.bytes_received,
        kept=status.kept,
    )


def forward_row(status: ForwardStatus) -> ForwardRow:
    """A held local port."""
    return ForwardRow(
        id=status.spec.key,
        listen=str(status.spec.listen),
        destination=status.spec.destination,
        port=status.spec.port,
        listening=status.listening,
        state=status.state,
        failure=status.failure,
        failed_at=round(status.failed_at, 3) if status.failed_at is not None else None,
        failed=status.failed,
        connections=status.traffic.live,
        traffic=traffic_row(status.traffic),
    )


def traffic_row(traffic: Traffic) -> TrafficRow:
    """What went through a tunnel or a forward."""
    return TrafficRow(connections=traffic.opened, bytes_to_service=traffic.forth, bytes_from_service=traffic.back)


def address_text(address: TcpAddress | None) -> str | None:
    """HOST:PORT, or None for a server that is off."""
    return None if address is None else str(address)


def reached_at(listening: Iterable[TcpAddress], interfaces: Sequence[str]) -> tuple[TcpAddress, ...]:
    """Where others reach the listeners: a wildcard stands for each interface of its family, and loopback at last."""
    found: dict[TcpAddress, None] = {}
    for address in listening:
        if not address.is_wildcard:
            found[address] = None
            continue
        six = ":" in address.ip
        for ip in (*(ip for ip in interfaces if (":" in ip) == six), "::1" if six else "127.0.0.1"):
            found[TcpAddress(ip, address.port)] = None
    return tuple(found)
