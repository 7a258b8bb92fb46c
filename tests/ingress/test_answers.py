import dnslib
import pytest
from dnslib import QTYPE, RCODE

from beam_actors.ingress.answers import Located, Responder, udp_limit
from beam_actors.ingress.questions import read_question
from beam_actors.ingress.zone import Place, Spot, Zone
from beam_actors.values import OwnerId
from tests.ingress.test_questions import ask

OWNER = str(OwnerId(bytes(range(32))))
RESPONDER = Responder(Zone(("local", "localhost")), "127.0.0.1")
FOUND = Located("127.77.1.2", (f"owner={OWNER}", "peer=12D3KooW"))


def reply_to(name, kind="A", *, located=FOUND, limit=None, **edns):
    question = read_question(ask(name, kind, **edns))
    limit = limit or udp_limit(question)
    answer = RESPONDER.immediate(question, limit)
    if isinstance(answer, Spot):
        answer = RESPONDER.found(question, located, limit) if located else RESPONDER.absent(question, limit)
    assert len(answer) <= limit
    return dnslib.DNSRecord.parse(answer)


def records(section):
    return [(str(record.rname), QTYPE[record.rtype], str(record.rdata)) for record in section]


def is_negative(reply, rcode, apex):
    [soa] = reply.auth
    return (
        reply.header.rcode == rcode
        and reply.header.aa == 1
        and not reply.rr
        and str(soa.rname) == apex
        and soa.rtype == QTYPE.SOA
        and soa.ttl == 1
        and soa.rdata.times[4] == 1
    )


def test_a_name():
    reply = reply_to("byronwade.local")
    assert records(reply.rr) == [("byronwade.local.", "A", "127.77.1.2")]
    assert (reply.header.aa, reply.header.ra, reply.header.rd, reply.header.rcode) == (1, 0, 1, 0)
    assert not reply.auth
    assert not reply.ar


def test_the_case_of_the_question_is_kept():
    reply = reply_to("bYrOnWaDe.LoCaL")
    assert b".".join(reply.q.qname.label) == b"bYrOnWaDe.LoCaL"
    assert records(reply.rr) == [("bYrOnWaDe.LoCaL.", "A", "127.77.1.2")]


@pytest.mark.parametrize("kind", ["AAAA", "HTTPS", "MX", "SRV", "SOA", "NS", "CAA"])
def test_a_type_that_a_name_lacks_is_nodata(kind):
    assert is_negative(reply_to("byronwade.local", kind), RCODE.NOERROR, "local.")


def test_an_ipv6_address_is_an_aaaa():
    located = Located("::1")
    assert records(reply_to("a.local", "AAAA", located=located).rr) == [("a.local.", "AAAA", "::1")]
    assert is_negative(reply_to("a.local", "A", located=located), RCODE.NOERROR, "local.")


def test_txt_names_the_owner():
    [record] = reply_to("byronwade.local", "TXT").rr
    assert record.rdata.data == [f"owner={OWNER}".encode(), b"peer=12D3KooW"]


def test_any_gets_one_set():
    assert records(reply_to("byronwade.local", "ANY").rr) == [("byronwade.local.", "A", "127.77.1.2")]
    assert [record.rtype for record in reply_to("local", "ANY").rr] == [QTYPE.SOA]


def test_an_unknown_name():
    assert is_negative(reply_to("nobody.local", located=None), RCODE.NXDOMAIN, "local.")
    assert is_negative(reply_to("_ipp._tcp.local"), RCODE.NXDOMAIN, "local.")


def test_an_owner_alone_is_an_empty_non_terminal():
    assert is_negative(reply_to(f"{OWNER}.local"), RCODE.NOERROR, "local.")
    assert is_negative(reply_to(f"{OWNER}.local", "ANY"), RCODE.NOERROR, "local.")


def test_the_apex():
    [soa] = reply_to("local", "SOA").rr
    assert str(soa.rdata.mname) == "ns.local."
    assert soa.rdata.times[4] == 1
    assert records(reply_to("local", "NS").rr) == [("local.", "NS", "ns.local.")]
    assert is_negative(reply_to("local", "A"), RCODE.NOERROR, "local.")
    assert records(reply_to("ns.local").rr) == [("ns.local.", "A", "127.0.0.1")]
    assert records(reply_to("localhost").rr) == [("localhost.", "A", "127.0.0.1")]
    assert records(reply_to("localhost", "AAAA").rr) == [("localhost.", "AAAA", "::1")]


@pytest.mark.parametrize("name", ["example.com", ".", "com", "local.example", "77.127.in-addr.arpa"])
def test_outside_is_refused_without_authority(name):
    reply = reply_to(name)
    assert (reply.header.rcode, reply.header.aa, reply.rr, reply.auth) == (RCODE.REFUSED, 0, [], [])


def test_other_classes_and_transfers_are_refused():
    chaos = bytearray(ask("byronwade.local", "TXT"))
    chaos[-1] = 3
    reply = dnslib.DNSRecord.parse(RESPONDER.immediate(read_question(bytes(chaos)), 512))
    assert reply.header.rcode == RCODE.REFUSED
    assert reply_to("local", "AXFR").header.rcode == RCODE.REFUSED


def test_failed_is_servfail():
    reply = dnslib.DNSRecord.parse(RESPONDER.failed(read_question(ask()), 512))
    assert (reply.header.rcode, reply.rr, reply.auth) == (RCODE.SERVFAIL, [], [])


def test_names_that_need_a_look_up():
    question = read_question(ask(f"Site.{OWNER}.local"))
    assert RESPONDER.immediate(question, 512) == Spot(Place.NAME, "local", f"site.{OWNER}")


def test_edns_is_answered_only_to_edns():
    [opt] = reply_to("byronwade.local", udp_len=4096, flags="do").ar
    assert (opt.rtype, opt.edns_len, opt.edns_ver, opt.edns_do) == (QTYPE.OPT, 1232, 0, 1)


def test_an_unknown_version_of_edns_is_badvers():
    reply = reply_to("byronwade.local", udp_len=4096, version=1)
    [opt] = reply.ar
    assert (opt.edns_rcode << 4 | reply.header.rcode, opt.edns_ver, reply.rr) == (16, 0, [])


@pytest.mark.parametrize(
    ("size", "limit"), [(None, 512), (0, 512), (511, 512), (900, 900), (1232, 1232), (65535, 1232)]
)
def test_the_udp_limit(size, limit):
    edns = {} if size is None else {"udp_len": size}
    assert udp_limit(read_question(ask(**edns))) == limit


def test_too_long_a_reply_is_truncated_and_whole_over_tcp():
    located = Located("127.77.1.2", ("x" * 255,) * 4)
    cut = reply_to("byronwade.local", "TXT", located=located, udp_len=1000)
    assert (cut.header.tc, cut.rr, len(cut.ar)) == (1, [], 1)
    whole = reply_to("byronwade.local", "TXT", located=located, limit=65535)
    assert (whole.header.tc, len(whole.rr)) == (0, 1)
