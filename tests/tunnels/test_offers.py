import pytest

from beam_actors.errors import NotAllowed, QuotaExceeded, TunnelNotFound, UsageError
from beam_actors.tunnels.offers import Offers
from beam_actors.values import Name
from tests.tunnels.lab import offer


def offers(*specs):
    offered = Offers(limit=10)
    for spec in specs:
        offered.add(spec)
    return offered


WEB = offer(3000, name="web")
DB = offer(5432, name="web", port=5432, allow=("everyone",))
BARE = offer(3001)


def test_a_request_finds_the_tunnel_of_its_name_and_port():
    offered = offers(WEB, DB, BARE)
    assert offered.find(Name("web"), 80) == WEB
    assert offered.find(Name("web"), 443) == WEB
    assert offered.find(Name("web"), 5432) == DB
    assert offered.find(None, 80) == BARE
    assert offered.find(Name("web"), 81) is None
    assert offered.find(Name("other"), 80) is None


def test_without_a_name_the_only_service_on_the_port_is_meant():
    assert offers(WEB).find(None, 443) == WEB
    assert offers(WEB, offer(3002, name="other")).find(None, 443) is None


def test_a_tunnel_without_name_is_not_found_by_one():
    assert offers(BARE).find(Name("web"), 80) is None


@pytest.mark.parametrize(
    "other",
    [
        offer(9, name="web"),
        offer(9, name="web", port=443, allow=("everyone",)),
        offer(9, name="web", port=5432, allow=("everyone",)),
    ],
)
def test_two_tunnels_never_share_a_port_of_a_name(other):
    offered = offers(WEB, DB)
    with pytest.raises(NotAllowed):
        offered.add(other)
    assert offered.specs == (DB, WEB)


def test_a_node_offers_a_bounded_number():
    offered = Offers(limit=1)
    offered.add(WEB)
    with pytest.raises(QuotaExceeded, match="1 tunnels"):
        offered.add(BARE)


@pytest.mark.parametrize(
    ("text", "spec"),
    [("web.http", WEB), ("web.5432", DB), ("3001", BARE), ("127.0.0.1:5432", DB), ("localhost:3000", WEB)],
)
def test_a_person_may_name_a_tunnel_in_several_ways(text, spec):
    assert offers(WEB, DB, BARE).select(text) == spec


@pytest.mark.parametrize(("text", "error"), [("web", UsageError), ("nothing", TunnelNotFound), ("", TunnelNotFound)])
def test_an_unclear_choice_is_refused_in_words(text, error):
    with pytest.raises(error):
        offers(WEB, DB, BARE).select(text)
