import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import InvalidValue
from beam_actors.ingress.zone import Place, Spot, Zone
from beam_actors.naming.grammar import parse_query
from beam_actors.values import OwnerId

ZONE = Zone(("local", "localhost"))
OWNER = str(OwnerId(bytes(range(32))))


@pytest.mark.parametrize(
    ("host", "spot"),
    [
        ("local", Spot(Place.APEX, "local")),
        ("LocalHost.", Spot(Place.APEX, "localhost")),
        ("ns.local", Spot(Place.SERVER, "local")),
        ("ByronWade.local", Spot(Place.NAME, "local", "byronwade")),
        ("byronwade.localhost.", Spot(Place.NAME, "localhost", "byronwade")),
        (f"site.{OWNER.upper()}.local", Spot(Place.NAME, "local", f"site.{OWNER}")),
        (f"{OWNER}.local", Spot(Place.OWNER, "local")),
        (f"a.site.{OWNER}.local", Spot(Place.NOTHING, "local")),
        (f"wpad.{OWNER}.local", Spot(Place.NOTHING, "local")),
        ("wpad.local", Spot(Place.NOTHING, "local")),
        ("_http._tcp.local", Spot(Place.NOTHING, "local")),
        ("www.byronwade.local", Spot(Place.NOTHING, "local")),
        ("xn--bcher-kva.local", Spot(Place.NOTHING, "local")),
        ("byronwade.local..", Spot(Place.OUTSIDE)),
        ("byronwade", Spot(Place.OUTSIDE)),
        ("example.com", Spot(Place.OUTSIDE)),
        ("local.example.com", Spot(Place.OUTSIDE)),
        ("notlocal", Spot(Place.OUTSIDE)),
        ("", Spot(Place.OUTSIDE)),
        ("bücher.local", Spot(Place.OUTSIDE)),
        ("a" * 300 + ".local", Spot(Place.OUTSIDE)),
    ],
)
def test_spot_of_a_host(host, spot):
    assert ZONE.spot_host(host) == spot


def test_labels_that_are_no_ascii_are_below_the_suffix_and_nothing():
    assert ZONE.spot([b"\xff", b"local"]) == Spot(Place.NOTHING, "local")
    assert ZONE.spot([b"\xff"]) == Spot(Place.OUTSIDE)
    assert ZONE.spot([]) == Spot(Place.OUTSIDE)


def test_a_dot_inside_a_label_is_not_a_separator():
    assert ZONE.spot([b"a.b", b"local"]) == Spot(Place.NOTHING, "local")


@given(st.text(alphabet="aB0-.", max_size=12))
def test_what_is_a_name_here_is_what_naming_understands(text):
    spot = ZONE.spot_host(f"{text}.local")
    if spot.place is Place.NAME:
        assert str(parse_query(spot.text)) == spot.text
        assert ZONE.spot_host(spot.host) == spot


@pytest.mark.parametrize("suffixes", [(), ("",), ("a.b",), ("LOCAL",), ("local", "local"), ("bü",), ("a" * 64,)])
def test_suffixes_are_checked(suffixes):
    with pytest.raises(InvalidValue):
        Zone(suffixes)
