import pytest
import trio

from beam_actors.errors import ActorDead, ActorUnavailable, MailboxFull
from beam_actors.runtime import ChildSpec, Mailbox, Overflow, Restart, Strategy, Supervisor
from tests.runtime.rig import Child, Disposable, Echo, End, Hang, Say, Slow, run_with, system


class Tiny(Echo):
    mailbox = Mailbox(capacity=3, overflow=Overflow.DROP_OLDEST)


async def test_a_bounded_mailbox_stays_within_its_bound_and_disposes_of_what_it_drops(autojump_clock):
    async def body(here):
        ref = here.ref("node/tiny")
        ref.tell(Slow(5))
        await trio.testing.wait_all_tasks_blocked()
        dropped = [Disposable() for _ in range(100)]
        for item in dropped:
            ref.tell(item)
        assert len(ref.actor_inbox) == 3
        assert sum(item.disposed for item in dropped) == 97
        with pytest.raises(MailboxFull):
            await ref.ask(Say("full"))
        await ref.send(Say("waited for room"))
        assert trio.current_time() - start >= 5

    start = trio.current_time()
    await run_with(body, ChildSpec("tiny", Tiny))


async def test_what_waits_when_an_actor_crashes_is_told_that_it_will_be_back(autojump_clock):
    here = system()
    async with here.run(ChildSpec("node", lambda: Supervisor([ChildSpec("a", Child)]))):
        ref = here.ref("node/a")
        ref.tell(Hang())
        waiting = ref.ask(End())
        await trio.testing.wait_all_tasks_blocked()
        ref.crash(ValueError())
        with pytest.raises(ActorUnavailable):
            await waiting


async def test_what_waits_at_a_sibling_of_a_crash_is_told_that_it_will_be_back(autojump_clock):
    here = system()
    children = [
        ChildSpec("a", Child),
        ChildSpec("b", Child, shutdown=1),
        ChildSpec("c", Child, shutdown=1, restart=Restart.TEMPORARY),
    ]
    async with here.run(ChildSpec("node", lambda: Supervisor(children, strategy=Strategy.ONE_FOR_ALL))):
        waiting = {}
        for name in ("b", "c"):
            here.ref(f"node/{name}").tell(Hang())
            waiting[name] = here.ref(f"node/{name}").ask(End())
        await trio.testing.wait_all_tasks_blocked()
        here.ref("node/a").crash(ValueError())
        with pytest.raises(ActorUnavailable):
            await waiting["b"]
        with pytest.raises(ActorDead):
            await waiting["c"]
        await trio.sleep(1)
        assert [here.ref(f"node/{name}").alive for name in "abc"] == [True, True, False]
