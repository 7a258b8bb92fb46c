"""What two connected machines send each other when nobody has anything to say, over hours."""

from collections import Counter

import trio

from beam_actors.testing.world import Profile, run_world

HOURS = 6
BOUND = 2048
"""Bytes a minute of each machine, in the streams' payloads; the claims and the DHT's own questions are among them."""


def test_two_machines_that_have_nothing_to_say_send_little():
    sent = Counter()

    async def main(world):
        machines = [world.machine(f"m{number}") for number in range(2)]
        first = await machines[0].boot()
        second = await machines[1].boot(bootstrap=(machines[0].address_of(first),))
        for node, label in ((first, "alice"), (second, "bob")):
            await node.naming.register(label)
        await trio.sleep(600)
        end = world.network.observe(lambda source, _target, payload: sent.update({source.name: len(payload)}))
        await trio.sleep(3600 * HOURS)
        end()
        for machine in machines:
            await machine.shutdown()

    run_world(1, main, Profile.FULL)
    assert len(sent) == 2
    for machine, count in sent.items():
        a_minute = count / (60 * HOURS)
        assert 100 < a_minute < BOUND, machine
