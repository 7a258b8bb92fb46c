"""A node that exists only as rows: the `NodeApi` of the control tests."""

import attrs

from beam_actors.control.api import NodeApi
from beam_actors.control.names import (
    Conflict,
    NameEvent,
    NameRow,
    PetnameMade,
    PinMade,
    Progress,
    Registered,
    Resolution,
    Revoked,
)
from beam_actors.control.results import (
    CaInfo,
    Connected,
    DeadRow,
    Disconnected,
    Exposed,
    ExposeRequest,
    ForwardRequest,
    ForwardRow,
    Identity,
    PeerRow,
    PingResult,
    Status,
    TraceRequest,
    TrafficRow,
    Tree,
    TreeNode,
    TunnelRow,
)
from beam_actors.errors import ActorNotFound, NameNotFound, NameTaken, NotAllowed, TunnelNotFound
from beam_actors.tunnels import TunnelSpec
from beam_actors.values import EVERYONE, Multiaddr, OwnerId, PeerId
from tests.control.actors import FakeFeed, small_tree
from tests.control.contests import contested

PEER = str(PeerId(bytes(32)))
OTHER = str(PeerId(bytes(31) + b"\x01"))
OWNER = str(OwnerId(bytes(32)))


class FakeNode:
    """Keeps tunnels, forwards and names in dictionaries; `calls` says what was asked, in order."""

    def __init__(self, *, chaos: bool = True) -> None:
        self.done, self.progress_each = 0.0, 1.0  # of the work for a name, and what each look adds
        self.progress_failure: BaseException | None = None
        self.told = 2
        self.calls: list[tuple] = []
        self.tunnel_rows: dict[str, TunnelRow] = {}
        self.forward_rows: dict[str, ForwardRow] = {}
        self.owned: set[str] = set()
        self.elsewhere: set[str] = set()
        self.given_up: set[str] = set()
        self.gave_up = None
        self.holders: tuple[str, ...] = ()
        self.unclaimed: set[str] = set()
        self.pinned: dict[str, str] = {}
        self.chaos = chaos
        self.stopped = False
        self.conflict_rows: tuple[Conflict, ...] = ()
        self.name_events: list[NameEvent] = []
        self.revoked = False
        self.replaced_by_era: int | None = None
        self.disconnected: Disconnected | None = None
        self.bound_before: str | None = None
        self.failure: BaseException | None = None
        self.root: TreeNode | None = None
        self.dead_rows: tuple[DeadRow, ...] = ()
        self.feeds: list[FakeFeed] = []
        self._next = 0

    def _record(self, *call):
        self.calls.append(call)
        if self.failure is not None:
            raise self.failure

    async def id(self):
        self._record("id")
        return Identity(
            peer_id=PEER,
            owner=OWNER,
            addresses=(f"/ip4/127.0.0.1/tcp/4747/p2p/{PEER}",),
            revoked=self.revoked,
            replaced_by_era=self.replaced_by_era,
        )

    async def status(self):
        self._record("status")
        return Status(
            peer_id=PEER,
            peers=1,
            reachability="unknown",
            tunnels=len(self.tunnel_rows),
            names=len(self.owned),
            dns="127.0.0.1:5354",
            https="127.0.0.1:8443",
            http=None,
            uptime_s=12.5,
            network="beam",
            suffix="local",
            revoked=self.revoked,
            replaced_by_era=self.replaced_by_era,
        )

    async def peers(self):
        self._record("peers")
        row = PeerRow(
            peer_id=OTHER,
            state="up",
            path="direct",
            rtt_ms=0.4,
            agent="beam/0.1.0",
            address="/ip4/1.2.3.4/tcp/1",
            failure=None,
            bytes_sent=900,
            bytes_received=12_345,
            kept=True,
        )
        lost = attrs.evolve(
            row, peer_id=PEER, state="backing off", path=None, rtt_ms=None, agent=None, address=None,
            failure="Dialling 10.0.0.9:4747 failed: Connection refused.",
        )  # fmt: skip
        return (row, lost)

    async def connect(self, address: Multiaddr):
        self._record("connect", address)
        return Connected(peer_id=OTHER)

    async def disconnect(self, peer: PeerId):
        self._record("disconnect", peer)
        return self.disconnected or Disconnected(peer_id=str(peer), sessions=1, bootstrap=False)

    async def ping(self, target):
        self._record("ping", target)
        return PingResult(peer_id=OTHER, path="direct", rtt_ms=0.25, why="it listens at a public address")

    async def expose(self, request: ExposeRequest):
        self._record("expose", request)
        spec = TunnelSpec.offer(request.target, port=request.port, allow=request.allow)  # refuses what a node does
        for row in self.tunnel_rows.values():
            if row.target == str(request.target) and request.foreground:
                return row
        self._next += 1
        name = request.name or ("swift-beam-7k2m9qxa" if request.foreground else None)
        row = TunnelRow(
            id=f"t{self._next}",
            name=name,
            target=str(request.target),
            kind="http" if request.port is None else "tcp",
            port=request.port,
            allow=() if spec.access == EVERYONE else spec.access.words,
            foreground=request.foreground,
            running=True,
            yours=True,
            urls=() if name is None else (f"https://{name}.local",),
            connections=0,
            traffic=TrafficRow(connections=0, bytes_to_service=0, bytes_from_service=0),
        )
        self.tunnel_rows[row.id] = row
        return Exposed(**attrs.asdict(row, recurse=False), gave_up=self.gave_up)

    async def unexpose(self, tunnel):
        self._record("unexpose", tunnel)
        for row in list(self.tunnel_rows.values()):
            if tunnel in {row.id, row.name, f"{row.name}.local", row.target, row.target.rpartition(":")[2]}:
                return self.tunnel_rows.pop(row.id)
        raise TunnelNotFound(f"There is no tunnel {tunnel!r} here; `beam tunnels` lists them.")

    async def tunnels(self):
        self._record("tunnels")
        return tuple(self.tunnel_rows.values())

    async def forward(self, request: ForwardRequest):
        self._record("forward", request)
        self._next += 1
        row = ForwardRow(
            id=f"f{self._next}",
            listen=str(request.listen),
            destination=request.destination,
            port=request.port,
            listening=True,
            state="unused",
            failure=None,
            failed_at=None,
            failed=0,
            connections=0,
            traffic=TrafficRow(connections=0, bytes_to_service=0, bytes_from_service=0),
        )
        self.forward_rows[row.id] = row
        return row

    def forward_row(self, **what):
        """A forward that is there, with these facts."""
        row = ForwardRow(
            **{
                "id": "f0", "listen": "127.0.0.1:8080", "destination": "anna", "port": None, "listening": True,
                "state": "fails", "failure": None, "failed_at": 1_800_000_000.0, "failed": 1, "connections": 0,
                "traffic": TrafficRow(connections=0, bytes_to_service=0, bytes_from_service=0), **what,
            }
        )  # fmt: skip
        self.forward_rows[row.id] = row
        return row

    async def unforward(self, forward):
        self._record("unforward", forward)
        for row in list(self.forward_rows.values()):
            if forward in {row.id, row.listen, row.listen.rpartition(":")[2], row.destination}:
                return self.forward_rows.pop(row.id)
        raise TunnelNotFound(f"There is no forward {forward!r} here; `beam forwards` lists them.")

    async def forwards(self):
        self._record("forwards")
        return tuple(self.forward_rows.values())

    async def register(self, name, *, contest, background=False, work=None):
        self._record("register", name, contest, *([background] if background else []), *([work] if work else []))
        if name == "taken" and not contest:
            raise NameTaken("'taken' is held by somebody else since yesterday; --contest claims it anyway.")
        new = name not in self.owned
        self.owned.add(name)
        self.done = min(1.0, self.done + self.progress_each)
        return Registered(
            name=name, full=f"{name}.local", owner=OWNER, peer_id=PEER, told=self.told, look_alikes=(), url=None,
            progress=self.done if background else 1.0, work_s=0.0 if background else 2.5, new=new,
            gave_up=self.gave_up,
        )  # fmt: skip

    async def progress(self, name):
        self._record("progress", name)
        if self.progress_failure is not None:
            raise self.progress_failure
        if name in self.unclaimed:
            return Progress(name=name, full=f"{name}.local", progress=0.5, told=self.told)
        self.done = min(1.0, self.done + self.progress_each)
        return Progress(name=name, full=f"{name}.local", progress=self.done, told=self.told)

    async def release(self, name):
        self._record("release", name)
        if name not in self.owned:
            raise NameNotFound(f"You own no name {name!r}.")
        self.owned.discard(name)
        return not self.revoked

    async def names(self):
        self._record("names")
        return tuple(
            NameRow(
                name=name,
                full=f"{name}.local",
                relation="own",
                target=f"{name}.local",
                pinned_by=None,
                owner=OWNER,
                peer_ids=(PEER,),
                expires_in_s=None if name in self.unclaimed else 86400.0 * 30,
                url=None,
                revoked=self.revoked,
                given_up=name in self.given_up,
                here=name not in self.elsewhere,
                contested=any(conflict.name == f"{name}.local" for conflict in self.conflict_rows),
                replaced_by_era=self.replaced_by_era,
            )
            for name in sorted(self.owned | self.unclaimed | self.elsewhere)
        )

    def _resolution(self, name, source):
        return Resolution(
            name=name, owner=OWNER, peer_id=OTHER, peer_ids=(OTHER,), source=source, age_s=3.0, address="127.77.0.1"
        )

    async def resolve(self, name):
        self._record("resolve", name)
        if name == "nobody":
            raise NameNotFound("Nobody is known to hold 'nobody'.")
        return self._resolution(name, "registry")

    async def pin(self, name, owner):
        self._record("pin", name, owner)
        self.pinned[name] = str(owner)
        return PinMade(**attrs.asdict(self._resolution(name, "pin")), before=self.bound_before)

    async def petname(self, petname, name):
        self._record("petname", petname, name)
        covers = tuple(f"{petname}.{owner}.local" for owner in self.holders)
        own = f"{petname}.{OWNER}.local" if petname in self.elsewhere else None
        full = f"{petname.lower().removesuffix('.local')}.local"
        bound = {"petname": full, "before": self.bound_before, "covers": covers, "covers_own": own}
        return PetnameMade(**attrs.asdict(self._resolution(name, "petname")), **bound)

    async def forget_petname(self, petname):
        self._record("forget_petname", petname)
        if petname == "nobody":
            raise NameNotFound(f"{petname!r} is not a petname.")

    async def unpin(self, name):
        self._record("unpin", name)
        if self.pinned.pop(name, None) is None:
            raise NameNotFound(f"{name!r} is not pinned.")

    async def events(self, after):
        self._record("events", after)
        return tuple(event for event in self.name_events if event.number > after)

    async def revoke(self, claim):
        self._record("revoke", claim)
        return Revoked(owner=OWNER, told=2)

    async def conflicts(self):
        self._record("conflicts")
        return self.conflict_rows

    def contest(self, name, settled_by, *relations, used=None):
        """A contested name, with a choice for each relation ("own", "pin", "other"); `used` is an index."""
        row = contested(name, settled_by, relations, used=used)
        self.conflict_rows = (row,)
        return [choice.owner for choice in row.choices]

    async def tree(self):
        self._record("tree")
        return Tree(root=self.root or small_tree(), dead=self.dead_rows)

    async def trace(self, request: TraceRequest):
        self._record("trace", request)
        if request.actor == "nobody":
            raise ActorNotFound("No actor runs at 'nobody'.")
        feed = FakeFeed(request.actor)
        self.feeds.append(feed)
        return feed

    async def crash(self, path):
        self._record("crash", path)
        if not self.chaos:
            raise NotAllowed("This daemon was not started with --chaos.")

    async def ca(self):
        self._record("ca")
        return CaInfo(path="/home/x/ca.pem", sha256="ab" * 32, permitted=(".local", ".localhost"))

    async def stop(self):
        self._record("stop")
        self.stopped = True


_CONFORMS: type[NodeApi] = FakeNode
