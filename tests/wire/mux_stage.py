"""A multiplexer alone, fed frames by hand."""

from beam_actors.wire import Role, SessionLimits, StreamData, WindowBudget
from beam_actors.wire.limits import MIB
from beam_actors.wire.mux import Multiplexer
from tests.wire.support import SYN, WINDOW, frame, parse_frames


class Stage:
    """A multiplexer whose streams belong to the application, and what it said."""

    def __init__(self, role=Role.RESPONDER, limits=None, budget=None):
        self.gone = []
        self.admits = True
        self.budget = budget or WindowBudget(32 * MIB)
        self.mux = Multiplexer(
            role,
            limits or SessionLimits(),
            budget=self.budget,
            admit=lambda _: self.admits,
            on_gone=lambda stream: self.gone.append(stream.id),
        )

    def receive(self, *frames):
        self.mux.events = events = []
        self.mux.receive(memoryview(b"".join(frames)))
        self.mux.outbox.wake(events)
        return [StreamData(e.stream, bytes(e.data)) if isinstance(e, StreamData) else e for e in events]

    def said(self, room=1 << 30):
        parts = []
        self.mux.outbox.fill(parts, room)
        return parse_frames(b"".join(map(bytes, parts)))


def stage_with_stream(**options):
    stage = Stage(**options)
    stage.receive(frame(WINDOW, SYN, 1, 0))
    return stage, stage.mux.get(1)
