"""What 100,000 claims cost a node: seconds to load them, memory, a look-up, taking one more in.

`python -m benchmarks.names [CLAIMS]` writes them into a store twice: of owners who hold all the names that they may,
and of owners who hold one each. Each is as large as a renewed one with work. The store is read back by a process of its
own, by the ledger, as a daemon does when it starts. The exit code is 1 if a bound is missed.
"""

import gc
import itertools
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import trio

from beam_actors.identity import KeySet, OwnerKey, PeerKey
from beam_actors.identity.keys import public_key_of
from beam_actors.naming import Kind, Limits, answering, claim_rows, records
from beam_actors.naming.claim import Claim, Terms
from beam_actors.naming.entry import Entry
from beam_actors.naming.grammar import Query
from beam_actors.naming.holds import Seen
from beam_actors.naming.knowledge import Knowledge
from beam_actors.naming.ledger import Ledger
from beam_actors.naming.limits import DAY, HOUR
from beam_actors.values import Name, OwnerId
from beam_actors.world.store import SqliteStore
from benchmarks.memory import resident
from benchmarks.report import keep

NETWORK = "bench"
NOW = 1_800_000_000
HELD = (Limits().names_per_owner, 1)
"""Names that each owner holds."""
ASKED = 20_000
TAKEN = 2_000
BATCH = 10_000
BOUNDS = {"load_s": 5.0, "bytes": 1024.0, "lookup_us": 50.0}
UNITS = {
    "load_s": "s to load all",
    "bytes": "bytes of memory for each",
    "lookup_us": "µs for a look-up",
    "take_us": "µs to take one in",
    "signature_us": "µs of that for its signature",
}


def owner_key(number: int) -> OwnerKey:
    """One who never opens a later era, so that nobody has to know the keys of those."""
    seed = b"%032d" % number
    return OwnerKey(KeySet((public_key_of(seed),), seed), seed)


def claims(first: int, count: int, held: int) -> Iterator[Claim]:
    """So many genuine claims to names that are numbered from `first`, `held` by each owner."""
    draw = random.Random(first)
    for number in range(first, first + count):
        if number % held == 0 or number == first:
            key, peer = owner_key(number // held), PeerKey.from_seed(b"%032d" % (number // held)).peer_id
        issued = NOW - draw.randrange(10 * DAY)
        terms = Terms(
            network=NETWORK,
            name=Name(f"name-{number}"),
            keyset=key.keyset,
            seq=issued // HOUR,
            kind=Kind.LIVE,
            peers=(peer,),
            issued=issued,
            not_before=issued,
            not_after=issued + 30 * DAY,
            ttl=HOUR,
            previous=draw.randbytes(32),
            work=draw.randbytes(64),
        )
        yield Claim.sign(terms, key)


async def write(path: Path, count: int, held: int) -> None:
    """Fill a new store, as a node does that has had them for a while."""
    store = await SqliteStore.open(path)
    draw = random.Random(held)
    rows = (
        claim_rows.put_entry(Entry(claim), Seen(claim.terms.issued, NOW - draw.randrange(HOUR), 1))
        for claim in claims(0, count, held)
    )
    while batch := list(itertools.islice(rows, BATCH)):
        await store.commit(batch)
    await store.close()


def nobody(*_arguments: object, **_options: object) -> None:
    """Nothing is committed, so nobody has to."""
    raise AssertionError("The ledger was only to read.")


async def measure(path: Path, count: int, held: int) -> dict[str, float]:
    """Read a store, and ask."""
    limits = Limits(claims=2 * count)

    def empty() -> Knowledge:
        return Knowledge(network=NETWORK, owner=OwnerId(bytes(32)), limits=limits)

    store = await SqliteStore.open(path)
    ledger = Ledger(store, empty, spawn=nobody)  # type: ignore[arg-type]
    await store.scan(records.PINS)
    before = resident()
    start = time.perf_counter()
    await ledger.load()
    load = time.perf_counter() - start
    known = ledger.known
    if known.registry.claims != count:
        raise RuntimeError(f"{known.registry.claims} of {count} claims were read.")
    known.registry.snapshot()  # which is made when the first peer comes
    memory = (resident() - before) / count
    return {"load_s": load, "bytes": memory, **look_up(known, count), **take(known, count, held)}


def look_up(known: Knowledge, count: int) -> dict[str, float]:
    """Names that chance chooses, each of them as if nobody had asked for it for a while."""
    draw = random.Random(1)
    queries = [Query(Name(f"name-{draw.randrange(count)}")) for _ in range(ASKED)]
    gc.collect()
    start = time.perf_counter()
    for query in queries:
        answering.resolve(known, query, NOW)
    return {"lookup_us": (time.perf_counter() - start) / ASKED * 1e6}


def take(known: Knowledge, count: int, held: int) -> dict[str, float]:
    """Claims of newcomers, up to what the store is to be told."""
    came = [claim.encoded for claim in claims(-(-count // held) * held, TAKEN, held)]
    gc.collect()
    each = []
    for encoded in came:
        start = time.perf_counter()
        if known.take(encoded, NOW) is None:
            raise RuntimeError(f"A claim was refused: {known.refused}")
        known.changes()
        each.append((time.perf_counter() - start) * 1e6)
    one = Claim.parse(came[0], network=NETWORK)
    start = time.perf_counter()
    for _ in range(TAKEN):
        one.genuine()
    return {"take_us": statistics.median(each), "signature_us": (time.perf_counter() - start) / TAKEN * 1e6}


def main(count: int = 100_000) -> int:
    """Measure, print, keep; the exit code says whether all bounds held."""
    results: dict[str, Any] = {"claims": count, "held": {}}
    missed = 0
    with tempfile.TemporaryDirectory(prefix="beam-bench-") as folder:
        for held in HELD:
            path = Path(folder) / f"{held}.db"
            trio.run(write, path, count, held)
            command = [sys.executable, "-m", "benchmarks.names", "measure", str(path), str(count), str(held)]
            found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
            results["held"][held] = found
            print(f"{count:,} claims, {held} of each owner")
            for key, unit in UNITS.items():
                bound = BOUNDS.get(key)
                fits = bound is None or found[key] < bound
                missed += not fits
                verdict = "    " if bound is None else "ok  " if fits else "MISS"
                print(f"{verdict} {found[key]:.4g} {unit}" + (f" (bound {bound:g})" if bound else ""), flush=True)
    print(f"raw: {keep('names', results)}")
    return 1 if missed else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        print(json.dumps(trio.run(measure, Path(sys.argv[2]), *map(int, sys.argv[3:]))))
        sys.exit(0)
    sys.exit(main(*map(int, sys.argv[1:])))
