"""A session under any order of calls and deliveries, against a model of what must come of it."""

from hypothesis import given
from hypothesis import strategies as st

from beam_actors.wire import MIN_FLUSH, SessionEnded, SessionLimits, StreamFinished, StreamReset, StreamWritable
from tests.wire.support import ECHO, Line

SIDES = st.booleans()
STEPS = st.one_of(
    st.tuples(st.just("open"), SIDES),
    st.tuples(st.just("send"), SIDES, st.integers(0, 5), st.sampled_from([1, 100, 5000, 70_000, 400_000])),
    st.tuples(st.just("finish"), SIDES, st.integers(0, 5)),
    st.tuples(st.just("reset"), SIDES, st.integers(0, 5)),
    st.tuples(st.just("take"), SIDES, st.integers(0, 5), st.sampled_from([1, 5000, 1 << 20])),
    st.tuples(
        st.just("carry"),
        SIDES,
        st.sampled_from([MIN_FLUSH, 1000, 100_000, 1 << 20]),
        st.sampled_from([None, 1000, 9000]),
        st.sampled_from([1, 3, 1 << 62]),
    ),
)


class Model:
    """What two applications did on a line, against what must come of it."""

    def __init__(self):
        self.line = Line(consume=False, limits=SessionLimits(send_buffer=300_000, stream_buffer=200_000)).settle()
        self.streams: list[int] = []
        self.sent: dict[tuple[bool, int], bytearray] = {}
        self.taken: dict[tuple[bool, int], int] = {}
        self.finished: set[tuple[bool, int]] = set()
        self.reset: set[int] = set()
        self.waiting: set[tuple[bool, int]] = set()
        self.counter = 0

    def session(self, side):
        return self.line.alice if side else self.line.bob

    def listen(self):
        for side in (True, False):
            for event in self.line.pop(self.session(side)):
                if isinstance(event, StreamWritable):
                    assert (side, event.stream) in self.waiting, "told though nobody waits"
                    self.waiting.discard((side, event.stream))
                elif isinstance(event, StreamFinished):
                    assert (not side, event.stream) in self.finished
                elif isinstance(event, StreamReset):
                    assert event.stream in self.reset
                assert not isinstance(event, SessionEnded), event

    def apply(self, name, side, *arguments):
        session = self.session(side)
        if name == "open":
            self.streams.append(session.open(ECHO))
        elif name == "carry":
            limit, chunk, work = arguments
            self.line.carry(session, limit=limit, chunk=chunk, work=work)
            self.listen()
        elif self.streams:
            index, *rest = arguments
            getattr(self, name)(side, self.streams[index % len(self.streams)], *rest)

    def send(self, side, stream, size):
        if (side, stream) in self.finished or not self.knows(side, stream):
            return
        self.counter += 1
        data = (self.counter % 251).to_bytes(1, "big") * size
        room = self.session(side).room(stream)
        taken = self.session(side).send(stream, data)
        assert taken == min(size, room)
        self.sent.setdefault((side, stream), bytearray()).extend(data[:taken])
        if not room or taken < size:
            self.waiting.add((side, stream))

    def knows(self, side, stream):
        """Whether the application at that end has the stream: it opened it, or was told of it; and it isn't gone."""
        books = self.session(side)._mux.get(stream)
        return books is not None and ((stream % 2 == 1) == side or books.dialog is None)

    def finish(self, side, stream):
        if self.knows(side, stream):
            self.session(side).finish(stream)
            self.finished.add((side, stream))

    def reset_stream(self, side, stream):
        if self.knows(side, stream):
            self.session(side).reset(stream)
            self.reset.add(stream)

    def take(self, side, stream, size):
        books = self.session(side)._mux.get(stream)
        got = len(self.line.data[self.session(side)].get(stream, b""))
        size = min(size, got - self.taken.get((side, stream), 0))
        if books is not None and books.dialog is None:
            self.session(side).consumed(stream, size)
            self.taken[side, stream] = self.taken.get((side, stream), 0) + size

    def check(self):
        for side in (True, False):
            session = self.session(side)
            held = 0
            for stream in self.streams:
                books = session._mux.get(stream)
                if books is not None:
                    assert 0 <= books.held <= books.window
                    assert 0 <= books.granted <= books.window
                    assert books.credit >= 0
                    held += books.queued
            assert session._mux.outbox.queued >= held
            for stream, got in self.line.data[session].items():
                assert self.sent.get((not side, stream), b"").startswith(got), "mixed, reordered or invented"

    def end(self):
        """Take all until nothing moves: what was sent and not reset has arrived, nobody waits in vain."""
        while True:
            moved = self.line.carry(self.line.alice) + self.line.carry(self.line.bob)
            self.listen()
            for side in (True, False):
                for stream in self.streams:
                    self.take(side, stream, 1 << 30)
            if not moved and not (self.line.alice.has_output or self.line.bob.has_output):
                break
        for (side, stream), sent in self.sent.items():
            if stream not in self.reset:
                assert self.line.data[self.session(not side)].get(stream, b"") == sent
        for side, stream in self.waiting - self.finished:
            assert stream in self.reset or self.session(side)._mux.get(stream) is None, "waits for ever"


@given(st.lists(STEPS, max_size=40))
def test_any_interleaving(steps):
    model = Model()
    for name, *arguments in steps:
        model.apply("reset_stream" if name == "reset" else name, *arguments)
        model.check()
    model.end()
