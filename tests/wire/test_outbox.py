from hypothesis import given
from hypothesis import strategies as st

from beam_actors.wire import SessionLimits, StreamWritable
from beam_actors.wire.limits import KIB
from beam_actors.wire.outbox import QUANTUM, Outbox
from beam_actors.wire.stream import Step, Stream
from beam_actors.wire.yamux import HEADER_SIZE, Kind
from tests.wire.support import DATA, PING, SYN, parse_frames


def make(count=3, **limits):
    outbox = Outbox(SessionLimits(**limits), on_fin=lambda _: None)
    streams = [Stream(number * 2 + 1, outbound=False) for number in range(count)]
    for stream in streams:
        stream.flags = 0
    return outbox, streams


def put(outbox, stream, size):
    outbox.enqueue(stream, bytes([stream.id]) * size, size)


def said(outbox, room):
    parts = []
    size = outbox.fill(parts, room)
    data = b"".join(map(bytes, parts))
    assert len(data) == size <= room
    return parse_frames(data)


def test_control_frames_overtake_data():
    outbox, (stream, *_) = make()
    put(outbox, stream, 10)
    outbox.control(Kind.PING, SYN, 0, 1)
    assert [frame[0] for frame in said(outbox, 1000)] == [PING, DATA]
    assert not outbox


RECORD = 65519


def test_bulk_takes_turns_by_the_record():
    outbox, streams = make()
    for stream in streams:
        put(outbox, stream, 2 * RECORD)
    order = [(frame[2], frame[3]) for _ in range(6) for frame in said(outbox, RECORD)]
    assert order == [(number, RECORD - HEADER_SIZE) for number in (1, 3, 5)] * 2


def test_who_has_little_to_say_overtakes_bulk():
    outbox, (download, request, upload) = make()
    put(outbox, download, 4 * RECORD)
    put(outbox, upload, 4 * RECORD)
    said(outbox, RECORD)
    put(outbox, request, QUANTUM)
    assert next((frame[2], frame[3]) for frame in said(outbox, RECORD)) == (request.id, QUANTUM)


def test_who_has_more_to_say_stands_with_the_bulk_afterwards():
    outbox, (download, growing, _) = make()
    put(outbox, growing, 10)
    put(outbox, growing, 2 * RECORD)
    put(outbox, download, 4 * RECORD)
    order = [(frame[2], frame[3]) for frame in said(outbox, RECORD)]
    assert order == [(growing.id, QUANTUM), (download.id, RECORD - QUANTUM - 2 * HEADER_SIZE)]
    assert said(outbox, RECORD)[0][2] == growing.id


def test_many_with_little_to_say_leave_bulk_half_of_a_record():
    outbox, streams = make(20, send_buffer=1 << 30)
    put(outbox, streams[0], 4 * RECORD)
    for _ in range(3):
        for stream in streams[1:]:
            if not stream.queued:
                put(outbox, stream, QUANTUM)
        sizes = {frame[2]: frame[3] for frame in said(outbox, RECORD)}
        assert sizes[streams[0].id] >= RECORD // 2
        assert len(sizes) == 2  # two answers of 16 KiB would be more than half


def test_the_last_one_in_a_line_may_be_gone():
    outbox, (first, second, third) = make()
    put(outbox, first, 10)
    put(outbox, second, 2 * RECORD)
    for stream in (first, second):
        stream.step(Step.RESET)
        outbox.forget(stream)
    put(outbox, third, 5)
    assert [(frame[2], frame[3]) for frame in said(outbox, RECORD)] == [(third.id, 5)]
    assert not outbox


def test_a_request_beside_a_download_leaves_in_the_next_record():
    outbox, (download, request, _) = make()
    put(outbox, download, 256 * KIB)
    said(outbox, 65519)
    put(outbox, request, 100)
    assert (3, 100) in [(frame[2], frame[3]) for frame in said(outbox, 65519)]


def test_a_lone_stream_fills_a_record_with_one_frame():
    outbox, (stream, *_) = make()
    put(outbox, stream, 256 * KIB)
    assert [frame[3] for frame in said(outbox, 65519)] == [65507]


def test_no_slivers_behind_other_frames():
    outbox, (first, second, _) = make()
    put(outbox, first, 1000)
    put(outbox, second, 1000)
    assert [frame[3] for frame in said(outbox, 1000 + 2 * HEADER_SIZE + 100)] == [1000]
    assert [frame[3] for frame in said(outbox, HEADER_SIZE + 100)] == [100]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 5000)), max_size=20), st.integers(13, 4000))
def test_every_byte_leaves_once_and_in_order(sends, room):
    outbox, streams = make()
    expected = {stream.id: b"" for stream in streams}
    for index, (which, size) in enumerate(sends):
        data = bytes([index]) * size
        expected[streams[which].id] += data
        outbox.enqueue(streams[which], memoryview(data) if index % 2 else data, size)
    found = dict.fromkeys(expected, b"")
    while frames := said(outbox, room):
        for _, _, number, _, payload in frames:
            found[number] += payload
    assert found == expected
    assert outbox.queued == 0


def test_small_writes_share_memory():
    outbox, (stream, *_) = make()
    for _ in range(1000):
        outbox.enqueue(stream, b"x", 1)
    assert len(stream.queue) == 1


def test_bytes_are_not_copied_and_borrowed_memory_is():
    outbox, (stream, *_) = make()
    kept, borrowed = bytes(5000), bytearray(b"a" * 5000)
    outbox.enqueue(stream, kept, 5000)
    outbox.enqueue(stream, memoryview(borrowed), 5000)
    borrowed[:] = b"b" * 5000
    assert stream.queue[0] is kept
    assert bytes(stream.queue[1]) == b"a" * 5000


def test_who_waits_for_room_is_told_in_order_and_not_overtaken():
    outbox, (first, second, third) = make(send_buffer=1000)
    put(outbox, first, 1000)
    for stream in (third, second):
        assert outbox.room(stream) == 0
        outbox.ask(stream)
        outbox.ask(stream)
    said(outbox, 300)
    events = []
    outbox.wake(events)
    assert events == []
    assert outbox.room(first) == 0  # there is room, but others wait for it
    said(outbox, 300)
    outbox.wake(events)
    assert events == [StreamWritable(5), StreamWritable(3)]
    outbox.wake(events)
    assert len(events) == 2
    assert outbox.room(second) == 1000 - outbox.queued > 0


def test_a_stream_that_is_gone_is_not_told():
    outbox, (first, second, _) = make(send_buffer=1000)
    put(outbox, first, 1000)
    outbox.ask(second)
    second.step(Step.RESET)
    outbox.forget(second)
    said(outbox, 2000)
    events = []
    outbox.wake(events)
    assert events == []


def test_a_full_queue_of_its_own_wakes_a_stream_when_half_of_it_left():
    outbox, (stream, *_) = make(stream_buffer=1000)
    put(outbox, stream, 1000)
    assert outbox.room(stream) == 0
    outbox.ask(stream)
    events = []
    said(outbox, 400)
    outbox.wake(events)
    assert events == []
    said(outbox, 400)
    outbox.wake(events)
    assert events == [StreamWritable(1)]


def test_streams_that_are_gone_stand_in_no_line():
    """A peer that opens, asks, resets and reads nothing would else fill the memory with them."""
    outbox, (download, waiting, _) = make(send_buffer=100_000)
    put(outbox, download, 100_000)
    outbox.ask(waiting)
    before = repr(outbox)
    for number in range(9, 209, 2):
        stream = Stream(number, outbound=False)
        put(outbox, stream, 10)
        outbox.ask(stream)
        stream.step(Step.RESET)
        outbox.forget(stream)
    assert repr(outbox) == before
    for stream in (download, waiting):
        stream.step(Step.RESET)
        outbox.forget(stream)
    assert not outbox
    assert repr(outbox) == repr(Outbox(SessionLimits(), on_fin=lambda _: None))
