import hashlib
import pathlib

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import BeamError, ClaimRefused, LocalProtocolError
from beam_actors.identity import OwnerChain, PeerKey
from beam_actors.naming.claim import DOMAIN, Claim, Field, Kind, Terms, with_ids
from beam_actors.naming.limits import DAY, MAX_CLAIM, MAX_TIME
from beam_actors.values import Name, cbor
from tests.naming import fuzz
from tests.naming.builders import NETWORK, NOW, claim, owner_id, owner_key, peer, pool, revocation


def bent(one: Claim, **changes) -> bytes:
    """The claim's bytes with other values in some fields (None: without the field), canonical, signature as it was."""
    fields = cbor.decode(one.body, limit=MAX_CLAIM)
    for name, value in changes.items():
        fields[int(Field[name.upper()])] = value
    return cbor.encode([cbor.encode({key: value for key, value in fields.items() if value is not None}), one.signature])


def refusal(data: bytes) -> str:
    with pytest.raises(ClaimRefused) as caught:
        Claim.parse(data, network=NETWORK)
    return caught.value.reason


@given(st.sampled_from(pool()))
def test_parse_reads_back_what_sign_wrote(one):
    again = Claim.parse(one.encoded, network=NETWORK)
    assert again == one
    assert (again.terms, again.id, again.owner, again.order) == (one.terms, one.id, one.owner, one.order)
    assert again.genuine()


@given(st.sampled_from(pool()))
def test_the_columns_say_what_the_terms_say(one):
    terms = one.terms
    assert (one.kind, one.peers, one.network) == (terms.kind, terms.peers, terms.network)
    assert (one.era, one.seq, one.ttl) == (terms.keyset.era, terms.seq, terms.ttl)
    assert (one.issued, *one.span) == (terms.issued, terms.not_before, terms.not_after)
    assert (one.issued, one.not_before, one.not_after) == (terms.issued, *one.span)
    assert (one.position, one.order) == ((one.era, one.seq), (one.era, one.seq, one.issued, one.id))
    assert one.label == (str(terms.name) if terms.name else "")
    assert cbor.encode([one.body, one.signature]) == one.encoded


@given(st.sampled_from(pool()), st.sampled_from(pool()))
def test_what_was_kept_is_restored_and_owners_are_shared(one, other):
    again = Claim.restore(one.kept, one.label, other.owner_digest)
    assert again.sharing(one.owner_digest).owner_digest is one.owner_digest
    assert again == one
    assert (again.id, again.label, again.terms) == (one.id, one.label, one.terms)


def test_the_largest_claim_fits():
    key = owner_key(0, 7)
    terms = Terms(
        network="n" * 32, name=Name("x" * 40), keyset=key.keyset, seq=MAX_TIME - 30 * DAY, kind=Kind.LIVE,
        peers=tuple(peer(number) for number in range(4)), issued=MAX_TIME - 30 * DAY, not_before=MAX_TIME,
        not_after=MAX_TIME,
        ttl=DAY, previous=bytes(32), inherits=bytes(32), work=bytes(64),
    )  # fmt: skip
    one = Claim.sign(terms, key)
    assert len(one.encoded) < MAX_CLAIM
    assert Claim.parse(one.encoded, network="n" * 32).terms == terms


def test_the_id_is_the_hash_of_what_is_signed():
    one = claim()
    assert one.id == hashlib.sha256(DOMAIN + one.body).digest()
    other = Claim.parse(cbor.encode([one.body, bytes(64)]), network=NETWORK)
    assert other.id == one.id
    assert not other.genuine()


@pytest.mark.parametrize("field", list(Field))
def test_every_field_is_signed(field):
    """Bend each field to another valid value: the signature doesn't fit any more."""
    values = {
        Field.NETWORK: "other", Field.NAME: "bob", Field.SEQ: 2, Field.PEERS: [peer(9).multihash],
        Field.ISSUED: NOW - 1,
        Field.NOT_BEFORE: NOW + 1, Field.NOT_AFTER: NOW + 1, Field.TTL: 1, Field.PREVIOUS: bytes(32),
        Field.INHERITS: bytes(32),
        Field.WORK: bytes(8), Field.REST: bytes([7]) * 32, Field.REVEALED: list(owner_key(1).keyset.revealed),
    }  # fmt: skip
    one = claim(valid=DAY)
    if field not in values:  # version, kind and successor can't be bent alone: the format refuses
        assert refusal(bent(one, **{field.name: 7 if field is not Field.SUCCESSOR else bytes(32)})) in {
            "version",
            "form",
        }
        return
    forged = Claim.parse(
        bent(one, **{field.name: values[field]}), network="other" if field is Field.NETWORK else NETWORK
    )
    assert not forged.genuine()


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        ("version", {"version": 2}),
        ("version", {"version": 0}),
        ("form", {"version": True}),
        ("form", {"version": None}),
        ("network", {"network": "elsewhere"}),
        ("form", {"network": b"test"}),
        ("name", {"name": "Alice"}),
        ("name", {"name": "alice."}),
        ("name", {"name": "xn--lice-5ua"}),
        ("name", {"name": "аlice"}),  # noqa: RUF001 - a Cyrillic letter on purpose
        ("name", {"name": "localhost"}),
        ("name", {"name": "wpad"}),
        ("name", {"name": ""}),
        ("seq", {"seq": 0}),
        ("seq", {"seq": 2**64 - 1}),
        ("seq", {"seq": NOW + 1}),
        ("form", {"seq": True}),
        ("form", {"kind": 4}),
        ("form", {"kind": 3}),
        ("form", {"kind": -1}),
        ("form", {"kind": 1}),  # a tombstone with peers
        ("form", {"kind": 2}),
        ("form", {"peers": []}),
        ("form", {"peers": [peer(0).multihash] * 2}),
        ("form", {"peers": [peer(number).multihash for number in range(5)]}),
        ("form", {"peers": [bytes(38)]}),
        ("form", {"peers": [7]}),
        ("form", {"peers": 7}),
        ("form", {"revealed": []}),
        ("form", {"revealed": [bytes(31)]}),
        ("form", {"revealed": [bytes(32)] * 9}),
        ("form", {"revealed": [bytes(32)] * 10}),
        ("form", {"rest": bytes(31)}),
        ("form", {"rest": bytes(32)}),
        ("window", {"issued": 0}),
        ("window", {"issued": -1}),
        ("window", {"issued": NOW + 1}),
        ("window", {"not_before": NOW + 31 * DAY}),
        ("window", {"not_after": NOW + 30 * DAY + 1}),
        ("window", {"not_after": 2**63}),
        ("window", {"not_after": NOW - 1}),
        ("form", {"ttl": DAY + 1}),
        ("form", {"ttl": -1}),
        ("form", {"previous": bytes(31)}),
        ("form", {"inherits": bytes(33)}),
        ("form", {"successor": bytes(32)}),
        ("form", {"successor": bytes(5)}),
        ("form", {"work": bytes(72)}),
        ("form", {"work": bytes(7)}),
        ("form", {"work": None}),
    ],
)
def test_what_does_not_fit_the_format_is_refused(reason, changes):
    assert refusal(bent(claim(), **changes)) == reason


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"\x82\x40\x40",
        cbor.encode([b"\xa0", bytes(64)]),
        cbor.encode([claim().body, bytes(63)]),
        cbor.encode([claim().body, claim().signature, b""]),
        cbor.encode([claim().body + b"\x00", claim().signature]),
        claim().encoded + b"\x00",
        claim().encoded[:-1],
        cbor.encode([cbor.encode([1, 2]), bytes(64)]),
        # the same array with a length in two bytes instead of one
        b"\x98\x02" + claim().encoded[1:],
    ],
)
def test_what_is_not_canonical_is_refused(data):
    assert refusal(data) == "form"


def test_a_body_in_another_order_is_refused():
    fields = cbor.decode(claim().body, limit=MAX_CLAIM)
    pairs = [cbor.encode(key) + cbor.encode(value) for key, value in reversed(fields.items())]
    body = bytes([0xA0 + len(pairs)]) + b"".join(pairs)
    assert refusal(cbor.encode([body, claim().signature])) == "form"


def test_a_long_claim_is_refused_unread():
    assert refusal(bytes(MAX_CLAIM + 1)) == "size"
    assert refusal(bytes(1 << 20)) == "size"


def test_the_refusals_are_in_words():
    with pytest.raises(ClaimRefused, match="format 2; this program reads format 1"):
        Claim.parse(bent(claim(), version=2), network=NETWORK)
    with pytest.raises(ClaimRefused, match="network 'test', not to 'beam'"):
        Claim.parse(claim().encoded, network="beam")


def test_a_transfer_opens_an_era_and_leads_elsewhere():
    transfer = claim(era=1, kind=Kind.TRANSFER, to=1)
    assert transfer.terms.successor == owner_id(1)
    assert transfer.peers == ()
    for wrong in ({"era": 0, "to": 1}, {"era": 1, "to": 0}):
        with pytest.raises(ClaimRefused):
            claim(kind=Kind.TRANSFER, **wrong)


def test_an_owner_has_one_possible_revocation():
    one = revocation(0)
    assert one == Claim.revoke(NETWORK, owner_key(0, 8))
    assert one.genuine()
    assert one.owner == owner_id(0)
    for changes in ({"seq": 1}, {"issued": 1}, {"ttl": 1}, {"name": "alice"}, {"work": bytes(8)}, {"kind": 0}):
        assert refusal(bent(one, **changes)) == "form"
    with pytest.raises(LocalProtocolError):
        _ = one.name


def test_only_the_key_of_the_terms_signs():
    with pytest.raises(LocalProtocolError):
        Claim.sign(claim(0).terms, owner_key(1))
    with pytest.raises(LocalProtocolError):
        Claim.sign(attrs.evolve(claim(0).terms, keyset=owner_key(0, 1).keyset), owner_key(0))


def test_its_repr_speaks():
    assert repr(claim()).startswith(f"Claim(alice {owner_id(0).short} live era 0 seq 1 ")
    assert repr(revocation()).startswith(f"Claim({owner_id(0).short} revocation era 8 seq 0 ")


@given(st.binary(max_size=200))
def test_fuzz(data):
    fuzz.fuzz_claim(data)


@given(st.sampled_from(pool()), st.data())
def test_fuzz_near_claims(one, data):
    """Valid claims with a few bytes changed, which get further than noise does."""
    encoded = bytearray(one.encoded)
    for _ in range(data.draw(st.integers(1, 3))):
        encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    fuzz.fuzz_claim(bytes(encoded))
    try:
        changed = Claim.parse(bytes(encoded), network=NETWORK)
    except BeamError:
        return
    assert changed == one or not changed.genuine()


def test_the_vector_in_the_documentation():
    page = (pathlib.Path(__file__).parents[2] / "docs" / "naming.md").read_text(encoding="utf-8")
    key = OwnerChain(bytes(range(32))).era_key(0)
    machine = PeerKey.from_seed(bytes(range(32, 64))).peer_id
    terms = Terms(
        network="beam", name=Name("byronwade"), keyset=key.keyset, seq=1, kind=Kind.LIVE, peers=(machine,),
        issued=1_800_000_000, not_before=1_800_000_000, not_after=1_800_000_000 + 30 * DAY, ttl=3600,
    )  # fmt: skip
    one = Claim.sign(terms, key)
    packed = "".join(page.split())
    for part in (
        key.seed.hex(),
        str(key.owner_id),
        str(machine),
        f"body{one.body.hex()}",
        f"signature{one.signature.hex()}",
    ):
        assert part in packed
    assert f"id{one.id.hex()}" in packed
    assert f"{len(one.body)} bytes" in page
    assert f"{len(one.encoded)} bytes" in page


def test_ids_are_read_without_believing_anything_else():
    one, other = claim(0), revocation(1)
    forged = cbor.encode([one.body, bytes(64)])
    noise = [b"", b"noise", b"\x82\x40\x40", cbor.encode([one.body, bytes(63)]), cbor.encode([b"x" * 1100, bytes(64)])]
    assert with_ids([one.encoded, forged, *noise, other.encoded]) == [
        (one.id, one.encoded),
        (one.id, forged),
        (other.id, other.encoded),
    ]
