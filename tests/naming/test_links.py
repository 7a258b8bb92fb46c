"""Who has a link, for how long, and whose streams are served when there are many."""

from beam_actors.naming.limits import Limits
from beam_actors.naming.links import Links
from beam_actors.testing.clock import SimClock
from tests.naming.builders import peer


class Worker:
    """Stands where the worker of a stream would."""

    def __init__(self):
        self.cancelled = False

    def cancel(self):
        self.cancelled = True


def links(**limits):
    return Links(Limits(**limits), SimClock(), me=peer(0))


def serve(all_links, link, count=1):
    """The workers that serve so many more streams of the link's."""
    workers = [Worker() for _ in range(count)]
    for worker in workers:
        all_links.began(link, object(), worker)
    return workers


async def test_a_link_goes_with_the_last_of_what_it_is_there_for(autojump_clock):
    here = links()
    link = here.of(peer(1))
    assert here.of(peer(1)) is link
    serve(here, link, 2)
    for stream in list(link.streams):
        assert not here.drop_idle(peer(1), link)
        here.ended(link, stream)
    assert here.drop_idle(peer(1), link)
    assert not here.drop_idle(peer(1), link)
    assert (dict(here), here.serving) == ({}, 0)


async def test_a_link_that_has_its_peer_is_not_idle_and_ends_all_when_the_peer_is_gone(autojump_clock):
    here = links()
    link = here.of(peer(1))
    link.worker = Worker()
    assert (here.announced(), here.drop_idle(peer(1), link)) == (1, False)
    workers = [link.worker, *serve(here, link, 3)]
    here.drop(peer(1))
    assert all(worker.cancelled for worker in workers)
    assert len(here) == 0
    here.drop(peer(1))  # which was gone


async def test_an_older_link_takes_nothing_from_the_one_that_came_after_it(autojump_clock):
    here = links()
    before = here.of(peer(1))
    here.drop(peer(1))
    after = here.of(peer(1))
    assert not here.drop_idle(peer(1), before)
    assert here[peer(1)] is after


async def test_a_newcomer_has_the_room_of_the_oldest_stream_of_whoever_has_most(autojump_clock):
    here = links(streams=4, streams_per_peer=3)
    greedy, modest, new = (here.of(peer(number)) for number in range(3))
    oldest, *others = serve(here, greedy, 3)
    assert not here.has_room(greedy)
    serve(here, modest)
    assert here.has_room(new)
    assert (oldest.cancelled, [one.cancelled for one in others]) == (True, [False, False])
    serve(here, new)
    assert not here.has_room(modest)  # nobody has two more than it would have
