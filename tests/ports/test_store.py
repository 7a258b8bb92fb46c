"""The contract of the store port, held by the real store and the simulated one."""

import itertools

import pytest
import trio
import trio.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beam_actors.errors import InvalidValue, StorageError
from beam_actors.ports import Change, Store
from beam_actors.testing.disk import MemoryDisk
from beam_actors.testing.store import MemoryStore
from beam_actors.world.store import SqliteStore


class Real:
    def __init__(self, folder):
        self.path = folder / "store.db"

    async def open(self) -> Store:
        return await SqliteStore.open(self.path)


class Simulated:
    def __init__(self, _folder):
        self.disk = MemoryDisk()

    async def open(self) -> Store:
        return await MemoryStore.open(self.disk)


@pytest.fixture(params=[Real, Simulated])
def place(request, tmp_path):
    return request.param(tmp_path)


async def test_values_are_kept_by_table_and_key(place):
    store = await place.open()
    await store.commit([Change("a", b"k", b"1"), Change("b", b"k", b"2"), Change("a", b"", b"")])
    assert await store.get("a", b"k") == b"1"
    assert await store.get("b", b"k") == b"2"
    assert await store.get("a", b"") == b""
    assert await store.get("a", b"other") is None
    assert await store.get("none", b"k") is None
    await store.close()
    store = await place.open()
    assert await store.scan("a") == [(b"", b""), (b"k", b"1")]
    await store.commit([Change("a", b"k", None), Change("a", b"never", None)])
    await store.close()
    store = await place.open()
    assert await store.scan("a") == [(b"", b"")]
    await store.close()


async def test_scan_is_by_prefix_and_in_order(place):
    store = await place.open()
    keys = [b"", b"a", b"a\x00", b"a\xff", b"a\xff\xff", b"b", b"\xff", b"\xff\xff", b"\xff\xff\x01"]
    await store.commit([Change("t", key, key * 2) for key in reversed(keys)])
    for prefix in [*keys, b"c", b"a\xff\xff\xff"]:
        expected = [(key, key * 2) for key in sorted(keys) if key.startswith(prefix)]
        assert await store.scan("t", prefix) == expected
    await store.close()


async def test_the_last_change_to_a_key_in_a_commit_wins(place):
    store = await place.open()
    await store.commit([Change("t", b"k", b"1"), Change("t", b"k", None), Change("t", b"k", b"2")])
    assert await store.get("t", b"k") == b"2"
    await store.commit([])
    await store.close()


async def test_concurrent_commits_apply_in_the_order_of_their_calls(place):
    store = await place.open()
    ended = []

    async def commit(number):
        await store.commit([Change("t", b"last", b"%d" % number), Change("t", b"%03d" % number, b"")])
        ended.append(number)

    async with trio.open_nursery() as nursery:
        for number in range(100):
            nursery.start_soon(commit, number)
    assert sorted(ended) == list(range(100))
    assert len(await store.scan("t")) == 101
    await store.close()


async def test_a_read_answers_after_the_commits_before_it(place):
    store = await place.open()
    async with trio.open_nursery() as nursery:
        started = trio.Event()

        async def commit():
            started.set()
            await store.commit([Change("t", b"k", b"v")])

        nursery.start_soon(commit)
        await started.wait()
        assert await store.get("t", b"k") == b"v"
    await store.close()


async def test_cancelling_the_caller_does_not_undo_the_commit(place):
    store = await place.open()
    with trio.CancelScope() as scope:
        scope.cancel()
        await store.commit([Change("t", b"k", b"v")])
    assert await store.get("t", b"k") == b"v"
    await store.close()
    store = await place.open()
    assert await store.get("t", b"k") == b"v"
    await store.close()


async def test_close_waits_for_what_was_asked_and_is_idempotent(place):
    store = await place.open()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(store.commit, [Change("t", b"k", b"v")])
        await trio.testing.wait_all_tasks_blocked()
        with trio.CancelScope() as scope:
            scope.cancel()
            await store.close()
    await store.close()
    for call in (store.get("t", b"k"), store.scan("t"), store.commit([])):
        with pytest.raises(StorageError, match="closed"):
            await call
    store = await place.open()
    assert await store.get("t", b"k") == b"v"
    await store.close()


async def test_large_values_and_keys(place):
    store = await place.open()
    change = Change("t" * 64, b"\xff" * 1024, bytes(range(256)) * 4096)
    await store.commit([change])
    assert await store.get(change.table, change.key) == change.value
    await store.close()


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [("", b"k", b""), ("t" * 65, b"k", b""), ("ü", b"k", b""), ("t", b"k" * 1025, b""), ("t", b"k", bytes(1048577))],
)
def test_sizes_are_checked_when_a_change_is_made(table, key, value):
    with pytest.raises(InvalidValue):
        Change(table, key, value)


_counter = itertools.count()
keys = st.binary(max_size=3)
changes = st.builds(Change, st.sampled_from(["a", "b"]), keys, st.none() | st.binary(max_size=5))
scripts = st.lists(st.lists(changes, max_size=4) | st.just("reopen"), max_size=12)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(script=scripts)
@pytest.mark.parametrize("side", [Real, Simulated])
def test_it_behaves_as_a_dict_per_table(side, tmp_path, script):
    folder = tmp_path / str(next(_counter))
    folder.mkdir()

    async def run():
        place = side(folder)
        store = await place.open()
        model = {"a": {}, "b": {}}
        for step in [*script, "reopen"]:
            if step == "reopen":
                await store.close()
                store = await place.open()
                for table, entries in model.items():
                    assert await store.scan(table) == sorted(entries.items())
                continue
            await store.commit(step)
            for change in step:
                model[change.table].pop(change.key, None)
                if change.value is not None:
                    model[change.table][change.key] = change.value
            for change in step:
                assert await store.get(change.table, change.key) == model[change.table].get(change.key)
        await store.close()

    trio.run(run)
