import trio
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.naming import Limits, protocol
from beam_actors.naming.exchanging import rotated
from beam_actors.naming.messages import Submit
from beam_actors.naming.protocol import Push
from beam_actors.naming.ranges import SALT
from tests.naming.builders import claim, peer
from tests.naming.lab import ids, lab, settle
from tests.wire.support import unframed


@given(st.lists(st.binary(min_size=2, max_size=2), unique=True), st.binary(min_size=SALT, max_size=SALT))
def test_what_is_rotated_is_the_same_in_the_same_circle(ids_of, salt):
    turned = rotated(ids_of, salt)
    start = ids_of.index(turned[0]) if ids_of else 0
    assert list(turned) == ids_of[start:] + ids_of[:start]


async def test_whoever_is_new_gets_other_claims_of_each_peer(autojump_clock):
    """At eight claims a second of each; what all would give in one order would take as long as from one of them."""
    many = [claim(owner, f"n{number}") for owner in range(4) for number in range(48)]
    async with lab(5, owner=3, limits=Limits(claims_per_second=8, claims_burst=8)) as (wires, nodes):
        *others, new = sorted(nodes, key=lambda node: node.me)  # so the others open the exchanges
        for other in others:
            await other.registrar.ask(Submit(tuple(one.encoded for one in many), peer(99)))
            wires.connect(new, other)
        await settle(len(many) / 8 / 2)
        assert len(await ids(new)) > 100
        await settle(60)
        assert len(await ids(new)) == len(many)
        frames = [protocol.decode(unframed(frame)) for frame in wires.sent + wires.answered]
        given = sum(len(message.claims) for message in frames if isinstance(message, Push))
        assert given < 0.85 * 4 * len(many)  # four times, if nobody heard that others had given it


async def test_a_question_waits_for_a_few_claims_of_an_exchange_and_not_for_a_message(autojump_clock):
    many = [claim(owner, f"n{number}") for owner in range(4) for number in range(48)]
    async with lab(2, limits=Limits(claims_per_second=20, claims_burst=8)) as (wires, (new, other)):
        await other.registrar.ask(Submit(tuple(one.encoded for one in many), peer(99)))
        wires.connect(new, other)
        await settle(1.0)
        for _ in range(4):
            here = await ids(new)
            missing = next(one for one in many if one.id not in here)
            began = trio.current_time()
            assert (await new.naming.resolve(f"{missing.name}.{missing.owner}")).owner == missing.owner
            assert trio.current_time() - began < 1.0  # 48 claims take 2.4 seconds
