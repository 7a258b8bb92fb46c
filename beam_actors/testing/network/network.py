"""The virtual network as a scenario sees it: machines, NAT boxes, and what lies between them.

The invariant: no two machines or boxes have the same name. It knows no socket.
"""

from collections.abc import Callable, Iterable, Sequence
from random import Random

from beam_actors.ports import Entropy
from beam_actors.testing.entropy import SeededEntropy
from beam_actors.testing.network.conditions import Conditions
from beam_actors.testing.network.fabric import Fabric, Tap
from beam_actors.testing.network.host import VirtualHost
from beam_actors.testing.network.nat import NatBehaviour, NatBox
from beam_actors.testing.network.realm import Realm, Site, canonical_ip


class VirtualNetwork:
    """Hosts and what lies between them.

    `entropy` is drawn from once, for the dice of everything here. `conditions` hold on every link of which nothing else
    is said; between two regions they give way to the regions' latency and jitter. `buffer` is the bytes that one
    direction of a connection holds in both kernels and on the wire; `patience` the seconds after which TCP gives up on
    a silent peer.
    """

    def __init__(
        self,
        *,
        entropy: Entropy | None = None,
        conditions: Conditions | None = None,
        buffer: int = 1 << 16,
        patience: float = 120.0,
    ) -> None:
        dice = Random((entropy or SeededEntropy(0, "network")).token(16))
        self.fabric = Fabric(dice, conditions or Conditions(), buffer=buffer, patience=patience)
        self.internet = Realm()
        self._sites: dict[str, Site] = {}

    # --- what there is ---

    def host(
        self,
        name: str,
        addresses: Sequence[str] = (),
        *,
        region: str | None = None,
        behind: NatBox | None = None,
        uid: int = 1000,
    ) -> VirtualHost:
        """A new machine, on the internet or behind a box, whose region it then has if none is given."""
        self._require_new(name)
        realm = self.internet if behind is None else behind.lan
        region = region or (behind.region if behind is not None else None)
        host = VirtualHost(self, name, addresses, realm=realm, region=region, uid=uid)
        self._sites[name] = host
        return host

    def nat(
        self,
        name: str,
        public_ip: str,
        behaviour: NatBehaviour | None = None,
        *,
        region: str | None = None,
        behind: NatBox | None = None,
    ) -> NatBox:
        """A new box with one address outside; `behind` another one it makes a carrier's and a home's in a row."""
        self._require_new(name)
        realm = self.internet if behind is None else behind.lan
        box = NatBox(
            name,
            canonical_ip(public_ip),
            behaviour or NatBehaviour(),
            realm=realm,
            region=region,
            dice=self.fabric.dice,
        )
        self._sites[name] = box
        return box

    def at(self, ip: str) -> VirtualHost | None:
        """The machine that has this address on the internet; one behind a box has none there."""
        site = self.internet.at(canonical_ip(ip))
        return site if isinstance(site, VirtualHost) else None

    def observe(self, tap: Tap) -> Callable[[], None]:
        """Call `tap` with each payload that leaves for another machine, once, when it leaves; returns how to stop."""
        return self.fabric.observe(tap)

    # --- how it is between them ---

    @property
    def conditions(self) -> Conditions:
        """The conditions of links of which nothing else is said."""
        return self.fabric.conditions

    @conditions.setter
    def conditions(self, conditions: Conditions) -> None:
        self.fabric.conditions = conditions

    def set_conditions(self, source: Site, target: Site, conditions: Conditions | None) -> None:
        """Give one direction conditions of its own from now on, or (None) take them back."""
        self.fabric.set_conditions(source, target, conditions)

    def between(self, a: Site, b: Site, conditions: Conditions | None) -> None:
        """The same for both directions."""
        self.fabric.set_conditions(a, b, conditions)
        self.fabric.set_conditions(b, a, conditions)

    # --- what befalls it ---

    def cut(self, source: Site, target: Site) -> None:
        """Let nothing pass in one direction: datagrams are lost, connections hold what they send and retransmit it."""
        self.fabric.cut(source, target)

    def mend(self, source: Site, target: Site) -> None:
        """Undo `cut`."""
        self.fabric.mend(source, target)

    def partition(self, a: Site, b: Site) -> None:
        """Let nothing pass between two."""
        self.fabric.cut(a, b)
        self.fabric.cut(b, a)

    def heal(self, a: Site, b: Site) -> None:
        """Undo `partition`, in both directions; a `split` between them goes on."""
        self.fabric.mend(a, b)
        self.fabric.mend(b, a)

    def split(self, groups: Iterable[Iterable[Site]]) -> None:
        """Let nothing pass between groups; who is in none reaches all. A later split takes the place of this one."""
        self.fabric.split(groups)

    def clog(self, source: Site, target: Site, seconds: float) -> None:
        """Hold everything in one direction back for so long; nothing is lost."""
        self.fabric.clog(source, target, seconds)

    def heal_all(self) -> None:
        """Undo every cut, partition, split and clog; conditions stay."""
        self.fabric.heal_all()

    def _require_new(self, name: str) -> None:
        if name in self._sites:
            raise ValueError(f"{self._sites[name]!r} exists already.")

    def __repr__(self) -> str:
        return f"<VirtualNetwork of {len(self._sites)} sites, {self.fabric!r}>"
