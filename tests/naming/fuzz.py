"""Entry points for the fuzzer: any bytes give a value that encodes back, or one of the room's own errors."""

from contextlib import suppress

import attrs

from beam_actors.errors import ClaimRefused, InvalidName, InvalidValue, RemoteProtocolError, StoreDamaged
from beam_actors.naming import claim_rows, protocol, records, rows
from beam_actors.naming.admission import REASONS
from beam_actors.naming.claim import Claim
from beam_actors.naming.grammar import parse_query, random_name
from beam_actors.naming.ranges import ITEM, SALT, Snapshot
from beam_actors.naming.reconciling import Reconciliation
from beam_actors.ports import Change
from beam_actors.values import cbor
from beam_actors.wire import FrameReader
from tests.naming.builders import NETWORK, owner_id
from tests.wire.support import unframed

KEY = b"alice\0" + owner_id(0).digest
HELD = Snapshot([bytes([number, number % 7]) * (ITEM // 2) for number in range(100)])


def fuzz_cbor(data: bytes) -> None:
    try:
        value = cbor.decode(data, limit=4096)
    except InvalidValue:
        return
    assert cbor.encode(value) == data


def fuzz_claim(data: bytes) -> None:
    try:
        claim = Claim.parse(data, network=NETWORK)
    except ClaimRefused as refused:
        if refused.reason not in REASONS:
            raise
        return
    assert claim.encoded == data
    assert claim.terms.encode() == claim.body
    assert (claim.issued, *claim.span) == (claim.terms.issued, claim.terms.not_before, claim.terms.not_after)


def fuzz_message(data: bytes) -> None:
    try:
        message = protocol.decode(data)
    except RemoteProtocolError:
        return
    assert unframed(protocol.encode(message)) == data


def fuzz_exchange(data: bytes) -> None:
    """The frames of a peer that begins: each turn is answered within bounds, or refused."""
    reader, machine = FrameReader(protocol.MAX_MESSAGE), Reconciliation(HELD, bytes(SALT), most=200)
    reader.feed(data)
    ours = set(HELD.ids(range(len(HELD))))
    pushed: list[bytes] = []
    try:
        while (body := reader.next()) is not None:
            match protocol.decode(body):
                case protocol.Want(ids):
                    machine.wanted(ids)
                case protocol.Ranges(ranges):
                    work = machine.weigh(ranges)
                    assert work.hashed <= 2 * len(HELD)
                    machine.hear(ranges)
            if machine.heard:
                if (turn := machine.answer()) is None:
                    return
                assert [one for message in protocol.turns(turn.ranges) for one in message.ranges] == list(turn.ranges)
                pushed += turn.push
                if turn.last:
                    return
    except RemoteProtocolError:
        return
    finally:
        assert set(pushed) <= ours
        assert len(set(pushed)) == len(pushed)


def fuzz_query(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    try:
        query = parse_query(text)
    except InvalidName:
        return
    assert parse_query(str(query)) == query
    assert parse_query(f"{query}.local.") == query


def _last_word_again(claim: Claim) -> Change:
    return claim_rows.put_last_word(claim.owner.digest, claim)


def _made_again(data: bytes) -> Change:
    change = records.put_made(*records.read_made(b"app", data))
    return change if b" " in data else attrs.evolve(change, value=change.value.removesuffix(b" 0"))


def fuzz_record(data: bytes) -> None:
    with suppress(StoreDamaged):
        assert claim_rows.read_claim(KEY, data).era >= 0
    with suppress(StoreDamaged):
        row = claim_rows.read_entry(KEY, data, NETWORK)
        again = claim_rows.put_entry(*row)
        assert claim_rows.read_entry(again.key, again.value, NETWORK) == row  # perhaps of a format before
    for again in (
        lambda: claim_rows.put_revocation(claim_rows.read_revocation(owner_id(0).digest, data, NETWORK)),
        lambda: _last_word_again(claim_rows.read_last_word(owner_id(0).digest, data, NETWORK)),
        lambda: claim_rows.put_deposit(*claim_rows.read_deposit(KEY, data)),
        lambda: records.put_own(records.read_own(b"alice", data)),
        lambda: records.put_pin(records.read_pin(b"alice", data)),
        lambda: records.put_petname(*records.read_petname(b"anna", data)),
        lambda: _made_again(data),
        lambda: records.put_floor(records.read_floor(data)),
        lambda: records.put_running(records.read_running(data)),
    ):
        try:
            change = again()
        except StoreDamaged:
            continue
        assert data in {change.value, change.value[1 : -rows.SUM]}  # of an earlier program, which kept no sum


def fuzz_random_name(data: bytes) -> None:
    if len(data) == 7:
        name = random_name(data)
        assert str(name).count("-") == 2
        assert parse_query(str(name)).name == name
