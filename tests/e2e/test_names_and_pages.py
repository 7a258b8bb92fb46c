"""Names, DNS, HTTPS and pages, judged by dig, curl and openssl where they are installed."""

import json
import shlex
import shutil
import ssl
import subprocess
import urllib.request
from urllib.error import HTTPError

import pytest

from beam_actors.testing.daemons import CommandFailed, eventually
from simulations.demo.visitor import Visitor, resolve

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


def endpoint(address):
    host, _, port = address.rpartition(":")
    return host, int(port)


def answer(dns, name):
    try:
        return resolve(dns, name)
    except LookupError:
        return None


@pytest.fixture(scope="module")
def published(couple, site):
    owner, visitor = couple
    owner.beam("expose", str(site), "--name", "published")
    status = visitor.beam("status")
    eventually(lambda: answer(endpoint(status["dns"]), "published.local"), timeout=10, what="the name resolves")
    return status


def page(status, name, path="/"):
    request = urllib.request.Request(f"http://{status['http']}{path}", headers={"Host": name})
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, response.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_the_page_arrives_over_verified_https(couple, published):
    _, visitor = couple
    reader = Visitor("published.local", endpoint(published["https"]), visitor.beam("ca")["path"])
    assert reader.get() == (200, b"<h1>the app</h1>")


def test_the_page_arrives_over_http(published):
    assert page(published, "published.local") == (200, "<h1>the app</h1>")


def test_an_unknown_name_is_a_404_page(published):
    status, body = page(published, "nobody-has-this.local")
    assert status == 404
    assert "nobody-has-this" in body
    assert "beam --home '<DIR>' peers" in body  # this daemon's home is none that a command finds by itself


def test_a_port_with_nothing_behind_is_a_502_page(couple, published, unused_port):
    owner, _ = couple
    owner.beam("expose", str(unused_port), "--name", "hollow")
    eventually(lambda: answer(endpoint(published["dns"]), "hollow.local"), timeout=10, what="hollow resolves")
    status, body = page(published, "hollow.local")
    assert status == 502
    assert "hollow" in body


def test_another_certificate_authority_is_not_trusted(published):
    reader = Visitor("published.local", endpoint(published["https"]), ssl.get_default_verify_paths().openssl_cafile)
    with pytest.raises((ssl.SSLError, FileNotFoundError)):
        reader.get()


def test_resolve_says_who_and_whence(couple, published):
    owner, visitor = couple
    found = visitor.beam("resolve", "published.local")
    identity = owner.beam("id")
    assert found["peer_id"] == identity["peer_id"]
    assert found["owner"] == identity["owner"]
    assert found["source"] == "registry"
    assert found["age_s"] >= 0


def test_a_name_of_another_owner_is_refused_with_who(couple, published):
    _, visitor = couple
    with pytest.raises(CommandFailed) as failure:
        visitor.beam("register", "published")
    assert failure.value.exit_code == 4
    assert "published" in failure.value.stderr


def test_an_address_that_does_not_lead_to_a_connected_peer_is_said_so(couple, unused_port):
    owner, visitor = couple
    peer = owner.beam("id")["peer_id"]
    done = visitor.run("connect", f"/ip4/127.0.0.1/tcp/{unused_port}/p2p/{peer}")
    assert done.returncode == 1
    assert f"127.0.0.1:{unused_port}" in done.stderr
    assert "connected by another way" in done.stderr
    assert [row["state"] for row in visitor.beam("peers")["peers"] if row["peer_id"] == peer] == ["up"]


def test_the_curl_line_of_status_works_as_pasted(couple, published):
    _, visitor = couple
    visitor.beam("pin", "published")
    line = visitor.run("status").stdout.splitlines()[-1].strip()
    assert line.endswith("https://published.local")
    if shutil.which("curl") is not None:
        done = subprocess.run(
            [*shlex.split(line), "-sS", "--noproxy", "*"], capture_output=True, text=True, check=False, timeout=30
        )
        assert done.stdout == "<h1>the app</h1>", done.stderr
    visitor.beam("unpin", "published")


@pytest.mark.parametrize("bad", ["-x", "localhost", "ü", "a" * 41, "xn--abc", "12345"])
def test_a_bad_name_is_refused_in_one_sentence(couple, bad):
    _, visitor = couple
    done = visitor.run("register", "--", bad)
    assert done.returncode == 2
    assert done.stderr.count("\n") <= 2
    assert "Traceback" not in done.stderr


def fetched(machine, site, name):
    """What curl gets from https://NAME on the machine whose `status` is `site`: its exit code, and output or error."""
    host, port = endpoint(site["https"])
    trust = ["--cacert", machine.beam("ca")["path"]]
    way = ["--noproxy", "*", "--connect-to", f"{name}:443:{host}:{port}"]
    done = subprocess.run(
        ["curl", "-sS", "--fail", *trust, *way, f"https://{name}/"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    return done.returncode, done.stdout or done.stderr


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_accepts_the_name_and_the_certificate(couple, published):
    _, visitor = couple
    assert fetched(visitor, published, "published.local") == (0, "<h1>the app</h1>")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_a_petname_opens_what_it_stands_for_until_it_is_forgotten(couple, published):
    _, visitor = couple
    meant = visitor.beam("petname", "pub", "published")
    assert (meant["name"], meant["source"]) == ("published.local", "petname")
    assert fetched(visitor, published, "pub.local") == (0, "<h1>the app</h1>")
    visitor.beam("petname", "--forget", "pub")
    code, said = fetched(visitor, published, "pub.local")
    assert (code, "404" in said) == (22, True)


@pytest.mark.skipif(shutil.which("dig") is None, reason="dig is not installed")
@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
def test_dig_gets_an_authoritative_answer(published, transport):
    host, port = endpoint(published["dns"])
    done = subprocess.run(
        ["dig", f"@{host}", "-p", str(port), transport, "published.local", "A"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert "status: NOERROR" in done.stdout
    assert " aa " in done.stdout
    assert "127." in done.stdout.partition("ANSWER SECTION")[2]


def test_the_json_of_every_listing_command_has_its_schema(couple):
    owner, _ = couple
    for command in ("id", "status", "peers", "tunnels", "forwards", "names", "tree", "ca"):
        done = owner.run(command, "--json")
        assert done.returncode == 0, done.stderr
        assert "schema" in json.loads(done.stdout), command
