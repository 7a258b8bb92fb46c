"""The tables of a store, without a store, and knowledge made of claims."""

from beam_actors.naming import claim_rows, records
from beam_actors.naming.knowledge import Knowledge
from beam_actors.naming.limits import Limits
from beam_actors.naming.loading import Loading
from tests.naming.builders import NETWORK, NOW, owner_id


class Tables:
    """The store's tables, without a store."""

    def __init__(self):
        self.rows: dict[str, dict[bytes, bytes]] = {}

    def apply(self, known: Knowledge) -> None:
        for change in known.changes():
            table = self.rows.setdefault(change.table, {})
            if change.value is None:
                table.pop(change.key, None)
            else:
                table[change.key] = change.value

    def load(self, owner=3, **more) -> Knowledge:
        def rows(table):
            return sorted(self.rows.get(table, {}).items())

        known = knowledge(owner=owner, **more)
        floor = self.rows.get(records.META, {}).get(records.FLOOR)
        running = self.rows.get(records.META, {}).get(records.RUNNING)
        loading = Loading(known)
        for table in Loading.TABLES:
            loading.table(table, rows(table))
        loading.marks(floor, running)
        for key, value in rows(claim_rows.CLAIMS):
            loading.entry(key, value)
        loading.finish()
        return known


def knowledge(*claims, owner=3, now=NOW, limits=Limits(), levels=None) -> Knowledge:  # noqa: B008 (frozen)
    known = Knowledge(network=NETWORK, owner=owner_id(owner), limits=limits, levels=levels)
    for one in claims:
        known.take(one.encoded, now)
    return known
