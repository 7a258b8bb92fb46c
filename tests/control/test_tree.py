import attrs
import structlog.testing
import trio

from beam_actors.control import log_event, tree_of
from beam_actors.control.fields import as_json
from beam_actors.runtime import Actor, ChildSpec, Event, Mailbox, Restart, StepLimit, Supervisor, System, receives


@attrs.frozen
class Ask:
    other: object


@attrs.frozen
class Sit:
    pass


@attrs.frozen
class Aside:
    pass


class One(Actor):
    mailbox = Mailbox(capacity=20)

    async def on_start(self):
        self.join("ones")

    @receives(Ask)
    def ask(self, message):
        self.spawn(self.work, message.other)

    @receives(Sit)
    async def sit(self, _message):
        await trio.sleep_forever()

    @receives(Aside)
    def aside(self, _message):
        self.stash()

    async def work(self, other):
        await other.ask(Sit())


async def test_a_row_has_what_a_person_looks_for(autojump_clock):
    here = System("node", clock=trio.current_time)
    names = {"a": Restart.PERMANENT, "b": Restart.PERMANENT, "c": Restart.TEMPORARY}
    specs = [ChildSpec(name, One, restart=restart) for name, restart in names.items()]
    async with here.run(ChildSpec("node", lambda: Supervisor(specs))):
        a, b, c = (here.ref(f"node/{name}") for name in "abc")
        c.tell(Aside())
        await trio.sleep(1)
        for ref in (a, c):
            ref.crash(ValueError("boom"))
        await trio.sleep(1)
        a.tell(Aside())
        a.tell(Ask(b))
        await trio.sleep(2)
        b.tell(Aside())
        tree = tree_of(here.tree(), here.clock())
    row, other = tree.root.children
    assert (row.mailbox, row.stashed, row.capacity, row.groups, row.workers) == (0, 1, 20, ("ones",), 1)
    assert row.workers_wait_for == ("node/b",)
    assert [(past.incarnation, past.reason, past.ago_s) for past in row.exits] == [(1, "crashed; ValueError: boom", 3)]
    assert (other.message, other.busy_s, other.mailbox) == ("Sit", 2, 1)
    (dead,) = tree.dead
    assert (dead.path, dead.kind, dead.ago_s, dead.last_messages) == ("node/c", "One", 3, ("Aside",))
    (past,) = as_json(tree.root)["children"][0]["exits"]
    assert past == {"incarnation": 1, "reason": "crashed; ValueError: boom", "ago_s": 3}


async def test_an_actor_that_holds_the_loop_is_a_line_of_the_log_once_in_a_while(autojump_clock):
    steps = [0.0]

    class Busy(Actor):
        @receives(int)
        def compute(self, message):
            steps[0] += message

    here = System("node", clock=trio.current_time, step_limit=StepLimit(0.05, lambda: steps[0], pause=60))
    with structlog.testing.capture_logs() as records:
        async with here.run(ChildSpec("node", lambda: Supervisor([ChildSpec("a", Busy)]))):
            here.observe(log_event)
            for _ in range(100):
                await here.ref("node/a").ask(1)
            await trio.sleep(61)
            await here.ref("node/a").ask(2)
    lines = [record for record in records if record["event"] == "an actor held the loop"]
    assert [(line["path"], line["message"], line["ms"], line["log_level"]) for line in lines] == [
        ("node/a", "int", 1000, "warning"),
        ("node/a", "int", 2000, "warning"),
    ]
    assert "99 more" in lines[1]["detail"]


def test_no_event_is_too_odd_for_the_log():
    with structlog.testing.capture_logs() as records:
        for kind in ("started", "exited", "dead-letter", "held", "something new"):
            log_event(Event(kind, "node/a", 1))
    assert [record["event"] for record in records] == [
        "an actor ended", "a message was for nobody", "an actor held the loop",
    ]  # fmt: skip
