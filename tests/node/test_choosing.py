"""To whom names lead on this machine: what a person binds or forgets holds at once, for the web servers as well."""

import attrs
import pytest

from beam_actors.errors import NameNotFound, NotAllowed
from beam_actors.ingress.answers import Located
from beam_actors.naming.messages import Submit
from beam_actors.node.choosing import Choosing
from beam_actors.node.rows import Rows
from beam_actors.node.tree import SERVICES
from beam_actors.testing.world import run_world
from beam_actors.values import OwnerId
from tests.naming.builders import claim, owner_id, peer

OTHER = owner_id(2)


@attrs.define
class Web:
    """Stands where ingress would: where names lead on this machine, and which it was told to forget."""

    known: dict[str, Located] = attrs.field(factory=dict)
    forgotten: list[str] = attrs.field(factory=list)

    async def locate(self, name):
        if name not in self.known:
            raise NameNotFound(f"{name} is not known.")
        return self.known[name]

    def forget(self, name):
        self.forgotten.append(name)


def choose(check):
    """Run `check(choosing, web, owner)` on one node whose name is site."""

    async def scenario(world):
        node = await world.machine("alone").boot()
        await node.api.register("site", contest=False)
        owner, web = OwnerId.parse((await node.api.id()).owner), Web()
        await check(Choosing(node.naming, web, Rows("local"), owner), web, owner)

    run_world(5, scenario)


def test_a_name_leads_to_an_owner_and_has_the_address_of_the_web_server():
    async def check(choosing, web, owner):
        found = await choosing.resolve("site")
        assert (found.name, found.owner, found.source, found.address) == ("site.local", str(owner), "own", None)
        web.known["site"] = Located("127.0.0.9")
        assert (await choosing.resolve("site")) == attrs.evolve(found, address="127.0.0.9", age_s=0.0)
        with pytest.raises(NameNotFound):
            await choosing.resolve("nobody")

    choose(check)


def test_a_device_of_the_lan_has_no_owner():
    async def check(choosing, web, _owner):
        web.known["printer"] = Located("10.0.0.9", device=True)
        found = await choosing.resolve("printer")
        assert (found.name, found.owner, found.source, found.address) == ("printer.local", None, "mdns", "10.0.0.9")

    choose(check)


def test_what_is_bound_before_its_owner_is_known_there_says_to_whom_and_is_forgotten_by_the_web_servers():
    async def check(choosing, web, _owner):
        bound = await choosing.pin("cottage.local", OTHER)
        assert (bound.name, bound.owner, bound.source, bound.peer_ids) == ("cottage.local", str(OTHER), "pin", ())
        await choosing.unpin(f"cottage.{OTHER}.local")
        bound = await choosing.petname("anna.local", f"garden.{OTHER}")
        assert (bound.name, bound.owner, bound.source, bound.peer_ids) == ("garden.local", str(OTHER), "petname", ())
        await choosing.forget_petname("anna")
        assert web.forgotten == ["cottage", "cottage", "anna", "anna"]

    choose(check)


def test_what_is_bound_anew_says_what_it_was_bound_to_before():
    async def check(choosing, _web, _owner):
        for petname, meant, before in (
            ("anna", f"garden.{OTHER}", None),
            ("anna.local", f"garden.{OTHER}", None),
            ("ANNA.localhost", f"house.{OTHER}", f"garden.{OTHER}.local"),
            ("anna", f"house.{owner_id(1)}", f"house.{OTHER}.local"),
        ):
            made = await choosing.petname(petname, meant)
            assert (made.petname, made.before) == ("anna.local", before)
        for owner, before in ((OTHER, None), (OTHER, None), (owner_id(1), f"cottage.{OTHER}.local")):
            assert (await choosing.pin("cottage", owner)).before == before

    choose(check)


def test_a_petname_says_which_known_name_it_hides():
    async def scenario(world):
        node = await world.machine("alone").boot()
        rival = claim(0, "anna", network=(await node.api.status()).network)
        await node.system.ref(f"{SERVICES}/registry").ask(Submit((rival.encoded,), peer(9)))
        choosing = Choosing(node.naming, Web(), Rows("local"), OwnerId.parse((await node.api.id()).owner))
        for petname, meant, covers in (
            ("anna", f"garden.{OTHER}", (f"anna.{rival.owner}.local",)),
            ("anna", f"anna.{OTHER}", (f"anna.{rival.owner}.local",)),
            ("anna", f"anna.{rival.owner}", ()),
            ("unknown", f"garden.{OTHER}", ()),
        ):
            assert (await choosing.petname(petname, meant)).covers == covers

    run_world(5, scenario)


def test_an_own_name_is_pinned_to_oneself_alone():
    async def check(choosing, web, owner):
        for text, other in (("site", OTHER), (f"site.{OTHER}", None)):
            with pytest.raises(NotAllowed, match="`beam release site`") as caught:
                await choosing.pin(text, other)
            assert f"site.{OTHER}.local leads to the other owner" in str(caught.value)
        assert web.forgotten == []
        for text, same in (("site", None), ("site", owner), (f"site.{owner}", None)):
            assert (await choosing.pin(text, same)).source in {"own", "owner"}
        assert web.forgotten == ["site"] * 3

    choose(check)


def test_what_could_not_be_bound_or_forgotten_is_not_forgotten_by_the_web_servers():
    async def check(choosing, web, _owner):
        for refused in (choosing.unpin("cottage"), choosing.forget_petname("anna"), choosing.pin("nobody", None)):
            with pytest.raises(NameNotFound):
                await refused
        assert web.forgotten == []

    choose(check)


def test_a_name_is_bare_without_its_suffix_and_anything_else_as_it_is():
    async def check(choosing, _web, _owner):
        for text, bare in (
            ("Cottage.local", "cottage"),
            (f"cottage.{OTHER}.local", "cottage"),
            ("127.0.0.1:3000", "127.0.0.1:3000"),
            ("_.22", "_.22"),
        ):
            assert choosing.bare(text) == bare

    choose(check)
