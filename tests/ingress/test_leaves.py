import pytest
from cryptography import x509

from beam_actors.ingress.authority import LocalAuthority
from beam_actors.ingress.leaves import Leaves
from beam_actors.ingress.zone import Zone
from beam_actors.testing.clock import SimClock
from beam_actors.testing.entropy import SeededEntropy

DAY = 86400.0


@pytest.fixture
def clock():
    return SimClock(now=lambda: 0.0)


@pytest.fixture
def leaves(clock):
    authority = LocalAuthority.create(SeededEntropy(1), now=clock.wall(), suffixes=("local", "localhost"))
    return Leaves(authority, Zone(("local", "localhost")), clock, capacity=2)


def names(certified):
    [leaf, _] = x509.load_pem_x509_certificates(certified.chain)
    return leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)


def test_a_leaf_is_issued_once(leaves):
    first = leaves.certificate_for("byronwade.local")
    assert names(first) == ["byronwade.local"]
    assert leaves.certificate_for("ByronWade.LOCAL.") is first
    assert leaves.issued == 1


@pytest.mark.parametrize(
    "host", [None, "", "example.com", "local", "wpad.local", "127.0.0.1", "ns.local", "*.local", "a.b.local"]
)
def test_no_other_name_gets_one(leaves, host):
    assert leaves.certificate_for(host) is None
    assert leaves.issued == 0


def test_localhost_itself_gets_one(leaves):
    assert names(leaves.certificate_for("localhost")) == ["localhost"]


def test_a_leaf_is_renewed_two_days_before_its_end(leaves, clock):
    first = leaves.certificate_for("a.local")
    clock.step(5 * DAY - 1)
    assert leaves.certificate_for("a.local") is first
    clock.step(1)
    assert leaves.certificate_for("a.local") is not first


def test_a_clock_set_back_gets_a_leaf_that_is_valid_then(leaves, clock):
    first = leaves.certificate_for("a.local")
    clock.step(-30 * DAY)
    assert leaves.certificate_for("a.local") is not first


def test_the_least_recently_used_is_dropped(leaves):
    first, second = leaves.certificate_for("a.local"), leaves.certificate_for("b.local")
    assert leaves.certificate_for("a.local") is first
    leaves.certificate_for("c.local")
    assert len(leaves) == 2
    assert leaves.certificate_for("a.local") is first
    assert leaves.certificate_for("b.local") is not second
