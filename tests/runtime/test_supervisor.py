import pytest
import trio

from beam_actors.errors import StartFailed
from beam_actors.runtime import (
    Actor,
    ChildSpec,
    Intensity,
    ListMembers,
    Pool,
    Restart,
    StartMember,
    StopMember,
    Strategy,
    Supervisor,
    SystemFailed,
)
from tests.runtime.rig import Child, End, incarnations, specs, system


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [(Strategy.ONE_FOR_ONE, [1, 2, 1]), (Strategy.REST_FOR_ONE, [1, 2, 2]), (Strategy.ONE_FOR_ALL, [2, 2, 2])],
)
async def test_each_strategy_restarts_whom_it_concerns_in_order(autojump_clock, strategy, expected):
    log = []
    here = system()
    spec = ChildSpec("node", lambda: Supervisor(specs(log, "a", "b", "c"), strategy=strategy))
    async with here.run(spec):
        del log[:]
        here.ref("node/b").crash(ValueError("chaos"))
        await trio.sleep(1)
        assert incarnations(here, "a", "b", "c") == expected
        stops = [name for what, name in log if what == "stop" and name != "b"]
        starts = [name for what, name in log if what == "start"]
        assert stops == sorted(stops, reverse=True)
        assert starts == sorted(starts)


async def test_a_crash_loop_escalates_and_ends_without_spinning(autojump_clock):
    starts = []

    class Crashing(Actor):
        async def on_start(self):
            starts.append(trio.current_time())
            self.spawn(self.fail)

        async def fail(self):
            await trio.sleep(0.1)
            raise ValueError("again")

    def middle():
        return Supervisor([ChildSpec("crashing", Crashing)], intensity=Intensity(3, 5))

    here = system()
    with pytest.raises(SystemFailed) as failure:
        async with here.run(ChildSpec("node", lambda: Supervisor([ChildSpec("middle", middle)]))):
            await trio.sleep_forever()
    assert len(starts) == 16  # four lives of the child in each of the four lives of its supervisor
    assert "more than 3 times" in str(failure.value)


async def test_fifty_normal_exits_restart_nothing(autojump_clock):
    here = system()
    template = lambda key: ChildSpec(key, Child, restart=Restart.TEMPORARY)  # noqa: E731
    spec = ChildSpec("node", lambda: Supervisor([ChildSpec("pool", lambda: Pool(template))]))
    async with here.run(spec):
        pool = here.ref("node/pool")
        members = [await pool.ask(StartMember(str(n))) for n in range(50)]
        for member in members:
            member.tell(End())
        await trio.sleep(1)
        assert pool.incarnation == 1
        assert here.ref("node").incarnation == 1
        assert here.tree().children[0].children == ()


async def test_a_pool_counts_restarts_for_each_child_alone(autojump_clock):
    here = system()
    template = lambda key: ChildSpec(key, Child)  # noqa: E731
    spec = ChildSpec("node", lambda: Supervisor([ChildSpec("pool", lambda: Pool(template))]))
    async with here.run(spec):
        pool = here.ref("node/pool")
        members = [await pool.ask(StartMember(str(n))) for n in range(20)]
        for member in members:
            member.crash(ValueError())
        await trio.sleep(1)
        assert pool.incarnation == 1
        assert [member.incarnation for member in members] == [2] * 20
        assert await pool.ask(StartMember("3")) == members[3]
        await pool.ask(StopMember("3"))
        assert not members[3].alive


async def test_a_significant_child_takes_its_supervisor_along(autojump_clock):
    here = system()
    inner = lambda: Supervisor(  # noqa: E731
        [
            ChildSpec("main", Child, restart=Restart.TRANSIENT, significant=True),
            ChildSpec("helper", Child),
        ]
    )
    outer = ChildSpec("inner", inner, restart=Restart.TRANSIENT)
    async with here.run(ChildSpec("node", lambda: Supervisor([outer]))):
        here.ref("node/inner/main").tell(End())
        await trio.sleep(1)
        assert not here.ref("node/inner").alive
        assert not here.ref("node/inner/helper").alive
        assert here.ref("node").alive


class Picky(Child):
    def __init__(self, how):
        super().__init__()
        self.how = how
        if how == "made":
            raise OSError("not made")

    async def on_start(self):
        if self.how == "started":
            raise OSError("not started")


def picky(key, how):
    if how == "described":
        raise OSError("not described")
    if how == "misnamed":
        return ChildSpec("other", Child)
    return Picky if how == "no spec" else ChildSpec(key, lambda: Picky(how))


@pytest.mark.parametrize(
    ("key", "args", "cause"),
    [
        ("b/c", ("well",), ValueError),
        ("", ("well",), ValueError),
        (5, ("well",), TypeError),
        (["b"], ("well",), TypeError),
        ("b", (), TypeError),
        ("b", ("well", "and more"), TypeError),
        ("b", ("described",), OSError),
        ("b", ("misnamed",), ValueError),
        ("b", ("no spec",), TypeError),
        ("b", ("made",), OSError),
        ("b", ("started",), OSError),
    ],
)
async def test_a_member_that_does_not_start_is_an_error_of_the_ask_alone(autojump_clock, key, args, cause):
    here = system()
    async with here.run(ChildSpec("node", lambda: Supervisor([ChildSpec("pool", lambda: Pool(picky))]))):
        pool = here.ref("node/pool")
        first = await pool.ask(StartMember("a", ("well",)))
        with pytest.raises(StartFailed) as failure:
            await pool.ask(StartMember(key, args))
        assert type(failure.value.__cause__) is cause
        pool.tell(StartMember(key, args))
        assert await pool.ask(StopMember(key)) is None
        await trio.sleep(1)
        assert (pool.incarnation, first.incarnation, first.alive) == (1, 1, True)
        assert await pool.ask(ListMembers()) == {"a": first}
        assert (await pool.ask(StartMember("b", ("well",)))).path == "node/pool/b"
