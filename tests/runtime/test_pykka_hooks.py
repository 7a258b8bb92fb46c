"""Each name of pykka that the runtime leans on, private or not: an upgrade fails here and nowhere else."""

import inspect

import pykka
import pytest
import trio
from pykka import messages
from pykka._envelope import Envelope

from beam_actors.runtime import Actor, ChildSpec, Future, Ref, Supervisor, System


def test_the_creation_hooks_are_abstract_and_of_the_expected_form():
    assert pykka.Actor.__abstractmethods__ == {"_create_actor_inbox", "_create_future", "_start_actor_loop"}
    for hook in ("_create_actor_inbox", "_create_future"):
        assert isinstance(inspect.getattr_static(pykka.Actor, hook), staticmethod)
        assert not inspect.signature(getattr(pykka.Actor, hook)).parameters
    assert list(inspect.signature(pykka.Actor._start_actor_loop).parameters) == ["self"]


def test_the_private_names_exist():
    assert list(inspect.signature(pykka.Actor._handle_receive).parameters) == ["self", "message"]
    assert list(inspect.signature(pykka.Actor._stop).parameters) == ["self"]
    assert "actor_ref" in vars(pykka.Actor)
    assert "_actor_ref" in pykka.Actor.__annotations__
    assert messages._ActorStop() == ()
    envelope = Envelope("message", reply_to=None)
    assert (envelope.message, envelope.reply_to) == ("message", None)


def test_the_proxy_reads_what_our_ref_offers():
    source = inspect.getsource(pykka.ActorProxy.__init__)
    assert "actor_ref.is_alive()" in source
    assert "actor_ref._actor_weakref()" in source
    assert "block=False" in inspect.getsource(pykka.ActorProxy.__getattr__)
    assert inspect.getsource(pykka.ActorProxy.__setattr__).count("self.actor_ref.ask(message)") == 1


def test_our_classes_are_pykkas():
    assert issubclass(Actor, pykka.Actor)
    assert not inspect.isabstract(Actor)
    assert issubclass(Ref, pykka.ActorRef)
    assert issubclass(Future, pykka.Future)


def test_pykkas_own_way_to_start_is_refused():
    with pytest.raises(TypeError, match="as a child"):
        Actor.start()


async def test_pykkas_stop_message_stops_and_the_process_wide_registry_stays_empty(autojump_clock):
    here = System("test", clock=trio.current_time)
    async with here.run(ChildSpec("node", lambda: Supervisor([ChildSpec("a", Actor)]))):
        assert pykka.ActorRegistry.get_all() == []
        here.ref("node/a").tell(messages._ActorStop())
        await trio.sleep(1)
        assert here.ref("node/a").incarnation == 2
    assert pykka.ActorRegistry.get_all() == []
