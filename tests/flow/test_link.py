from beam_actors.flow.link import READ
from tests.flow.rig import Rig, eventually, on_both, on_virtual, settled
from tests.flow.sessions import channel, sessions


@on_virtual
async def test_small_pieces_that_nobody_reads_are_held_as_few(rig: Rig) -> None:
    ends = await sessions(rig)
    here, there = await channel(ends)
    link, _unread = there.detach()
    sent = bytes(range(256)) * 200
    for byte in sent:
        await here.write(bytes([byte]))
    await settled(rig)
    assert len(link.buffered()) == -(-len(sent) // (1 << 14))
    assert b"".join(link.buffered()) == sent
    buffer = memoryview(bytearray(len(sent)))
    assert link.recv_into(buffer[:10]) == 10
    await here.write(b"!")
    await settled(rig)
    assert link.recv_into(buffer) == len(sent) - 10 + 1
    assert buffer[: len(sent) - 9] == sent[10:] + b"!"


@on_both
async def test_a_stacked_link_stays_ready_until_it_was_read_or_is_not_wanted(rig: Rig) -> None:
    ends = await sessions(rig)
    here, there = await channel(ends)
    link, _unread = there.detach()
    byte = memoryview(bytearray(1))
    got = bytearray()
    calls: list[int] = []

    def one_byte_at_a_time(bits: int) -> None:
        calls.append(bits)
        if link.error is None and link.recv_into(byte):
            got.extend(byte)
        if len(got) == 5:
            link.want(read=False, write=False)

    link.handler = one_byte_at_a_time
    link.want(read=True, write=False)
    await here.write(b"level-triggered")
    await eventually(lambda: len(got) == 5)
    await ends.a.ping()
    assert bytes(got) == b"level"
    assert calls == [READ] * 5
    link.want(read=True, write=False)
    await eventually(lambda: bytes(got) == b"level-triggered")
