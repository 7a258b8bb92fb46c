"""Who hears what is new about names once it is durable: peers by `spread`, own names, watchers, the log, the asker.

Invariant: nobody hears of a change before it would survive a loss of power, and whoever asked for it hears last, when
all others were told. It changes nothing that is known, and knows no protocol.
"""

from collections.abc import Collection, Sequence

import structlog

from beam_actors.naming.claim import Claim, Kind
from beam_actors.naming.ledger import Ledger
from beam_actors.naming.messages import Changed
from beam_actors.naming.tending import Rouse, Spoken
from beam_actors.runtime import Ref, Reply
from beam_actors.values import Name, PeerId

_log = structlog.get_logger(__name__)


class Announcer:
    """Of one registrar.

    Args:
        ledger: where changes become durable.
        spread: is told what peers may have a use for.
        names: tends the own names; hears what another machine of the owner said of one, and in which era it spoke.
        watchers: are told all.
    """

    __slots__ = ("_ledger", "_logged", "_names", "_spread", "_watchers")

    def __init__(self, ledger: Ledger, *, spread: Ref, names: Ref, watchers: Collection[Ref]) -> None:
        self._ledger = ledger
        self._spread = spread
        self._names = names
        self._watchers = tuple(watchers)
        self._logged = ledger.known.events.last  # the number of the last event that is in the log

    def __repr__(self) -> str:
        return f"<Announcer to {len(self._watchers)} watchers, events logged up to {self._logged}>"

    def when_durable(self, new: Sequence[Claim], source: PeerId | None = None) -> None:
        """Commit what was changed, then tell what is new, which came from `source`; if the disk refuses, nobody."""
        elsewhere = self._ledger.known.elsewhere()
        self._ledger.commit(lambda: self._tell(new, elsewhere, source))

    def answer_when_durable(
        self, reply: Reply, value: object, new: Sequence[Claim], source: PeerId | None = None, *, ours: bool = False
    ) -> None:
        """The same, and then answer with `value`, or with the disk's error. `ours`: what is new was signed here."""
        elsewhere = self._ledger.known.elsewhere()

        def done() -> None:
            self._tell(new, elsewhere, source, ours=ours)
            reply.set(value)

        self._ledger.commit(done, reply.fail)

    def _tell(
        self,
        new: Sequence[Claim],
        elsewhere: tuple[Name, ...],
        source: PeerId | None,
        *,
        ours: bool = False,
    ) -> None:
        """Tell what is new and durable, at once; `elsewhere` as of `Knowledge.elsewhere`."""
        known = self._ledger.known
        for event in known.events.after(self._logged):
            what = event.what.value.replace("-", " ")
            more = {"to": event.heir and str(event.heir), "era": event.era}
            said = {key: value for key, value in more.items() if value is not None}
            _log.warning(f"a name was {what}", name=str(event.name), owner=str(event.owner), **said)
        self._logged = known.events.last
        lodgers = known.lodgers  # peers who are full, too, have no use for these
        ordinary = tuple(one for one in new if one.kind is Kind.REVOCATION or (one.name, one.owner) not in lodgers)
        if ordinary or elsewhere:
            self._spread.tell(Changed(ordinary, source, elsewhere))
        others = [one for one in new if one.owner == known.owner and one.label and not ours]
        for name in sorted({one.name for one in others}):
            if name in known.own:  # another machine of the owner said it: is there something to say to that?
                self._names.tell(Rouse(name))
        if others:
            self._names.tell(Spoken(min(one.era for one in others)))
        if new or elsewhere:
            for watcher in self._watchers:
                watcher.tell(Changed(tuple(new), source, elsewhere))
