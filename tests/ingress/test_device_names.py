"""A device of the LAN and a claim have one name: whose it is."""

import pytest

from beam_actors.errors import NameContested, NameNotFound
from beam_actors.ingress.answers import Located
from tests.ingress.resolving import Node, look_up
from tests.ingress.rig import OWNER, PEER, FakeNames, Resolution

PRINTER = Located("192.168.1.9", ("source=mdns",), device=True)


def known_as(source):
    return Resolution(OWNER, (PEER,), source)


async def test_a_claim_does_not_capture_the_name_of_a_device(autojump_clock):
    names = FakeNames("claimed", fought=NameContested("Several hold it."))
    lan = dict.fromkeys(("printer", "claimed", "fought", "remote"), "192.168.1.9")
    names.known["remote"] = known_as("registry")
    names.remote.add("remote")
    node = Node(names, lan=lan)
    async with node.run() as system:
        for text in lan:
            assert await look_up(system, text, mdns=True) == PRINTER
        assert node.asked == [(text, False) for text in lan]  # a quick device is not even told to peers
        assert "printer" not in names.asked
        assert not await node.stored()  # no address of this machine is spent on them
        for text in ("claimed", "fought", "remote"):  # by `.localhost`, or the full form, no device is meant
            assert not (await look_up(system, text)).device
        with pytest.raises(NameNotFound):
            await look_up(system, "printer")
        assert len(node.asked) == len(lan)


async def test_a_device_changes_nothing_for_what_a_person_owns_or_bound(autojump_clock):
    sources = {"own": "mine", "petname": "anna", "pin": "held"}
    names = FakeNames(**{text: known_as(source) for source, text in sources.items()})
    node = Node(names, lan=dict.fromkeys(sources.values(), "192.168.1.9"))
    async with node.run() as system:
        for text in sources.values():
            assert not (await look_up(system, text, mdns=True)).device
    assert node.asked == []


async def test_a_slow_device_goes_before_what_peers_say(autojump_clock):
    names = FakeNames("far", delay=5)
    names.remote.add("far")
    node = Node(names, lan={"far": ("192.168.1.9",), "nobody": ("192.168.1.9",)})
    async with node.run() as system:
        for text in ("far", "nobody"):
            assert await look_up(system, text, mdns=True) == PRINTER


async def test_what_a_person_bound_falls_to_no_device_when_its_owner_is_gone(autojump_clock):
    names = FakeNames()
    names.decided |= {"held", "anna"}
    node = Node(names, lan=dict.fromkeys(("held", "anna"), "192.168.1.66"))
    async with node.run() as system:
        for text in ("held", "anna"):
            with pytest.raises(NameNotFound):
                await look_up(system, text, mdns=True)
    assert node.asked == []  # and a petname is told to nobody


async def test_a_silent_lan_changes_nothing(autojump_clock):
    names = FakeNames("a", b=NameContested("Several hold it."))
    names.known["far"] = known_as("registry")
    names.remote.add("far")
    for lan in ({}, None):
        node = Node(names, lan=lan)
        async with node.run() as system:
            for text in ("a", "b", "far"):
                found = await look_up(system, text, mdns=True)
                assert found.address.startswith("127.77.")
            with pytest.raises(NameNotFound):
                await look_up(system, "nobody", mdns=True)
