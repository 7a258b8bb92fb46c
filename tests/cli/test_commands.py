"""Each command against a real socket: its text, its JSON, its exit code, and what reached the node."""

import json

import attrs
import pytest

from beam_actors import __version__
from beam_actors.cli import name_commands
from beam_actors.cli.home import PHRASE
from beam_actors.control import ExposeRequest, ForwardRequest, NameEvent
from beam_actors.errors import ActorUnavailable, NotAllowed, PeerOffline, TimedOut
from beam_actors.naming import Happening
from beam_actors.values import Multiaddr, TcpAddress
from tests.control.fakes import OTHER, OWNER, PEER

READS = {
    "id": {"peer_id", "addresses"},
    "status": {"peer_id", "peers", "reachability", "tunnels", "names", "dns", "https", "http", "uptime_s"},
    "peers": {"peers"},
    "tunnels": {"tunnels"},
    "forwards": {"forwards"},
    "names": {"names"},
    "names conflicts": {"conflicts"},
    "tree": {"path", "state", "incarnation", "restarts", "last_exit", "mailbox", "children"},
    "ca": {"path"},
    "ping x": {"path", "rtt_ms", "why"},
    "resolve x": {"name", "owner", "peer_id", "source", "age_s", "address"},
}


@pytest.mark.parametrize("command", READS)
def test_json_has_a_schema_and_the_keys_that_scripts_rely_on(daemon, beam, command):
    done = beam(*command.split(), "--json")
    assert done.exit_code == 0
    assert done.json["schema"] == 1
    assert set(done.json) >= READS[command]
    assert "version" not in done.json
    assert done.err == ""


@pytest.mark.parametrize("command", READS)
def test_text_goes_to_stdout_without_colour_in_a_pipe(daemon, beam, command):
    done = beam(*command.split())
    assert done.exit_code == 0
    assert "\x1b" not in done.out + done.err


@pytest.mark.parametrize(
    "command",
    [*READS, "tree --watch", "trace a", "crash a/b", "unexpose t", "unforward f", "release n", "unpin n"],
)
def test_without_a_daemon_every_command_ends_with_3_and_the_way_out(beam, command):
    done = beam(*command.split())
    assert done.exit_code == 3
    assert done.out == ""
    assert "beam start" in done.err
    assert done.err.count("\n") == 1


def test_an_error_in_json_is_an_object_and_a_sentence(daemon, beam):
    done = beam("resolve", "nobody", "--json")
    assert done.exit_code == 1
    assert done.json["error"]["code"] == "name-not-found"
    assert done.err == "Error: Nobody is known to hold 'nobody'.\n"


@pytest.mark.parametrize(
    ("failure", "exit_code"),
    [(PeerOffline("x"), 1), (NotAllowed("x"), 4), (TimedOut("x"), 5), (ActorUnavailable("x"), 1)],
)
def test_the_daemons_exit_code_is_the_commands(node, beam, failure, exit_code):
    node.failure = failure
    assert beam("status").exit_code == exit_code


def test_options_work_before_and_after_the_command(daemon, home, beam):
    for arguments in (("--json", "--home", home.path, "status"), ("status", "--home", home.path, "--json")):
        assert beam(*arguments).json["peer_id"] == PEER
    assert "conflicts" in beam("names", "--json", "conflicts").json


def test_expose(node, beam):
    done = beam("expose", 3000, "--name", "byron")
    assert done.exit_code == 0
    assert "Tunnel active: byron.local" in done.out
    assert "https://byron.local" in done.out
    assert "--allow" in done.err
    assert ("expose", ExposeRequest(target=TcpAddress("127.0.0.1", 3000), name="byron")) in node.calls


def test_expose_to_one_peer_says_nothing_of_anyone(node, beam, listening):
    done = beam("expose", listening, "--allow", OTHER)
    assert "Anyone" not in done.err
    assert beam("expose", listening, "--allow", OTHER, "--json").json["allow"] == [OTHER]


def test_a_port_with_nothing_behind_it_is_offered_with_a_warning(node, beam, unused, listening):
    done = beam("expose", unused)
    assert done.exit_code == 0
    (warning,) = [line for line in done.err.splitlines() if line.startswith("Warning")]
    assert f"nothing answers at localhost:{unused} yet" in warning
    for port, up in ((unused, False), (listening, True)):
        done = beam("expose", port, "--json")
        assert done.json["target_up"] is up
        assert ("nothing answers" in done.err) is not up


def test_a_tunnel_without_a_name_says_how_it_is_reached(node, beam):
    done = beam("expose", "3000")
    assert f"Global: `beam forward {PEER} 8080` on the other machine" in done.out
    assert beam("tunnels").out.startswith("t1\t-\t127.0.0.1:3000\t")
    done = beam("expose", "22", "--port", "22", "--allow", "everyone")
    assert f"`beam forward {PEER}:22 8080`" in done.out


def test_a_name_is_contested_as_it_is_offered(node, beam):
    node.contest("taken", "own", "own", "other", used=0)
    done = beam("expose", "3000", "--name", "taken", "--contest")
    assert [call[1].contest for call in node.calls if call[0] == "expose"] == [True]
    assert "others must choose before it opens" in done.err
    assert "others must choose" in beam("register", "taken", "--contest").err
    assert "others must choose" not in beam("register", "byron").err


@pytest.mark.parametrize(
    ("settled", "relations", "used", "whys"),
    [
        ("own", ("other", "own"), 1, ("no: the name is yours here", "yes: your own names go first")),
        ("pin", ("pin", "other"), 0, ("yes: it is pinned here", "no: another is pinned here")),
        ("pin", ("other", "other"), None, ("no: the owner that you pinned does not hold it now",) * 2),
        (None, ("other", "other"), None, ("no: several claim it and you chose none",) * 2),
        (None, ("other",), 0, ("yes: nobody else holds it",)),
    ],
)
def test_each_choice_of_a_contested_name_says_why_and_what_to_type(node, home, beam, settled, relations, used, whys):
    owners = node.contest("fought", settled, *relations, used=used)
    whose = {"own": "yours", "pin": "pinned", "other": "another owner's"}
    rows = [line.split("\t") for line in beam("names", "conflicts").out.splitlines()]
    assert [row[1] for row in rows] == [whose[relation] for relation in relations]
    assert [row[2] for row in rows] == owners
    assert [row[3] for row in rows] == ["2027-01-15 08:00 UTC (60 s)"] * len(rows)
    assert tuple(row[4] for row in rows) == whys
    for number, (owner, row) in enumerate(zip(owners, rows, strict=True)):
        pin = f"beam pin fought {owner}"
        release = f"beam release fought && {pin}" if settled == "own" else pin
        assert row[5] == ("-" if number == used else release)
        assert row[6] == f"https://fought.{owner}.local"
    assert [choice["used"] for choice in beam("names", "conflicts", "--json").json["conflicts"][0]["choices"]] == [
        number == used for number in range(len(rows))
    ]
    with_home = beam("--home", home.path, "names", "conflicts").out
    assert f"beam --home {home.path} pin" in with_home or used is not None


def test_the_curl_line_of_status_works_as_pasted(node, beam):
    assert "curl --cacert /home/x/ca.pem --connect-to NAME.local:443:127.0.0.1:8443 https://NAME.local" in (
        beam("status").out
    )


def test_a_peer_that_is_not_reached_says_why(daemon, beam):
    up, lost = beam("peers").out.splitlines()
    assert up.endswith("beam/0.1.0\t900 B\t12 kB\t-")
    assert lost.endswith("\t-\t-\t-\t900 B\t12 kB\tDialling 10.0.0.9:4747 failed: Connection refused.")


def test_a_tunnel_whose_name_went_is_listed_as_that(node, beam):
    beam("expose", "3000", "--name", "byron")
    assert "not yours" not in beam("tunnels").out
    node.tunnel_rows["t1"] = attrs.evolve(node.tunnel_rows["t1"], yours=False)
    done = beam("tunnels")
    assert done.out.startswith("t1\tbyron.local (not yours any more)\t")
    assert "`beam unexpose t1` ends it" in done.err
    assert beam("tunnels", "--json").json["tunnels"][0]["yours"] is False


def test_names_has_no_list_but_says_what_lists_them(daemon, beam):
    done = beam("names", "list")
    assert done.exit_code == 2
    assert "`beam names` has no 'list': it lists your names by itself" in done.err
    assert "`beam names conflicts`" in done.err


def test_a_raw_port_needs_an_allow(node, beam):
    done = beam("expose", "22", "--port", "22")
    assert done.exit_code == 2
    assert "--allow everyone" in done.err


@pytest.mark.parametrize("target", ["0", "70000", "x:y", "nonsense", "example.com:80"])
def test_a_bad_target_is_a_usage_error(daemon, beam, target):
    done = beam("expose", target)
    assert done.exit_code == 2
    assert done.err.startswith("Error: ")


def test_unexpose_by_port_name_or_id(node, beam):
    for which in ("3000", "byron.local", "t3"):
        beam("expose", "3000", "--name", "byron")
        assert beam("unexpose", which).exit_code == 0, which
    assert node.tunnel_rows == {}
    assert beam("unexpose", "3000").exit_code == 1
    beam("expose", "3000", "--name", "byron")
    done = beam("unexpose", "byron")
    assert done.out == "Withdrawn: byron.local (localhost:3000)\n"
    assert "`beam release byron`" in done.err
    beam("expose", "3000")
    assert beam("unexpose", "3000").out == "Withdrawn: localhost:3000, without a name\n"


def test_forward_and_back(node, beam):
    done = beam("forward", f"{OTHER}:9000", "8080")
    assert done.out == f"🔗 127.0.0.1:8080 leads to {OTHER}:9000\n"
    request = ForwardRequest(destination=OTHER, port=9000, listen=TcpAddress("127.0.0.1", 8080))
    assert node.calls[-1] == ("forward", request)
    assert beam("forwards").out == f"f1\t127.0.0.1:8080\t{OTHER}:9000\t0 of 0\t0 B\t0 B\tnot used yet\t-\n"
    assert beam("unforward", "8080").exit_code == 0
    assert beam("forwards").err.startswith("No forwards")


def test_a_forward_to_a_name_that_nobody_holds_is_made_and_said_so(node, beam):
    done = beam("forward", "nobody", "8080")
    assert (done.exit_code, done.out) == (0, "🔗 127.0.0.1:8080 leads to nobody\n")
    assert done.err.startswith("Warning: Nobody is known to hold 'nobody'. ")
    assert done.err.count("\n") == 1
    assert beam("forward", "nobody", "8081", "--json").json["listen"] == "127.0.0.1:8081"


@pytest.mark.parametrize("destination", ["byron.local", OTHER, f"/ip4/192.0.2.1/tcp/1/p2p/{OTHER}"])
def test_a_forward_to_somebody_known_or_given_by_id_has_no_warning(node, beam, destination):
    assert beam("forward", destination, "8080").err == ""
    assert ("resolve", destination) in node.calls or destination != "byron.local"


def test_register_is_told_like_the_vision(daemon, beam):
    done = beam("register", "byron")
    assert done.out.startswith(f"✅ Name registered: byron.local\n🌐 Peer: {PEER}\n📡 Told 2 peers\n🔒 Signed by owner")
    again = beam("register", "https://byron/")
    assert again.out.startswith(f"✅ Yours already: byron.local\n🌐 Peer: {PEER}\n📡 Connected to 2 peers")
    assert beam("register", "byron", "--json").json["new"] is False
    assert beam("register", "taken").exit_code == 1
    assert beam("register", "taken", "--contest").exit_code == 0


def test_register_without_peers_says_when_they_hear(node, beam):
    node.told = 0
    assert "📡 No peer is connected yet; each hears of it as it comes\n" in beam("register", "byron").out


def test_names_and_release(daemon, beam):
    beam("register", "byron")
    assert beam("names").out.startswith("byron.local\town\t")
    assert beam("release", "byron").exit_code == 0
    assert beam("names").err.startswith("No names")
    assert beam("release", "byron").exit_code == 1


def test_pin_and_unpin(node, beam):
    assert beam("pin", "byron", OWNER).exit_code == 0
    assert beam("unpin", "byron", "--json").json == {"schema": 1, "name": "byron"}
    assert beam("pin", "byron", "not-an-owner").exit_code == 2


def test_petname(node, beam):
    made = beam("petname", "anna", f"cottage.{OWNER}")
    assert made.out == f"📌 anna stands for cottage.{OWNER} of owner {OWNER}, on this machine\n"
    assert beam("petname", "anna", "cottage", "--json").json["source"] == "petname"
    assert beam("petname", "--forget", "anna").out == "No longer a petname: anna\n"
    assert beam("petname", "--forget", "anna", "--json").json == {"schema": 1, "petname": "anna"}
    assert beam("petname", "--forget", "nobody").exit_code == 1
    for wrong in (("anna",), ("--forget", "anna", "cottage"), ("--forget",)):
        assert beam("petname", *wrong).exit_code == 2


def test_names_are_watched_until_the_daemon_or_the_person_ends_it(node, beam, monkeypatch):
    kinds = [(what, relation) for what in Happening for relation in ("own", "petname", "pin")]
    kinds.remove((Happening.CONTESTED, "petname"))  # a petname leads to its owner, whoever comes
    kinds = [kind for kind in kinds if kind[0] is not Happening.HANDED] + [(Happening.HANDED, "heir")]
    node.name_events = [
        NameEvent(
            number=number, at=1e9, what=what.value, name="byron.local", owner=OWNER, relation=relation, heir="him"
        )
        for number, (what, relation) in enumerate(kinds, start=1)
    ]
    looks = []

    def look(_seconds):
        looks.append(1)
        if len(looks) > 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("beam_actors.cli.name_commands.time.sleep", look)
    done = beam("names", "--watch")
    assert done.exit_code == 0
    lines = done.out.splitlines()
    assert len(lines) == len(kinds)  # each once, however often it looks
    assert lines[0].startswith("2001-09-09 01:46:40Z  byron.local is claimed by")
    assert lines[-1].endswith(
        f"byron.local was handed to you by its owner {OWNER}: `beam register byron` makes it yours"
    )
    assert all(" to him" in line for line, kind in zip(lines, kinds, strict=True) if kind[0] is Happening.TRANSFERRED)
    looks.clear()
    told = beam("names", "--watch", "--json").out.splitlines()
    assert [json.loads(line)["what"] for line in told] == [what.value for what, _ in kinds]


def test_connect_and_ping(node, beam):
    address = f"/ip4/192.0.2.1/tcp/1/p2p/{OTHER}"
    assert beam("connect", address).out == f"🌐 Connected to {OTHER}\n"
    assert "direct" in beam("ping", "https://byron.local/").out
    assert node.calls == [("connect", Multiaddr.parse(address)), ("ping", "byron.local")]
    for wrong in ("192.0.2.1", "192.0.2.1:4747", "/ip4/192.0.2.1/tcp/1"):
        done = beam("connect", wrong)
        assert (done.exit_code, "/p2p/" in done.err, "`beam id`" in done.err) == (2, True, True)


def test_the_tree_shows_restarts_and_cannot_steer_the_terminal(daemon, beam):
    done = beam("tree")
    lines = done.out.splitlines()
    assert lines[0].startswith("node · running")
    assert lines[2].startswith("  x · running · 1 restart (incarnation 2) · last exit: crashed: ValueError")
    assert "\x1b" not in done.out


def test_crash_needs_chaos(node, beam):
    assert beam("crash", "node/core").exit_code == 0
    node.chaos = False
    done = beam("crash", "node/core")
    assert done.exit_code == 4
    assert "--chaos" in done.err


def test_ca_prints_the_path_alone(daemon, beam):
    done = beam("ca")
    assert done.out == "/home/x/ca.pem\n"
    assert done.err == ""


def test_stop_waits_until_the_home_is_free(daemon, home, beam):
    done = beam("stop")
    assert (done.exit_code, done.out) == (0, "Stopped.\n")
    assert not home.in_use()


def test_to_stop_what_does_not_run_is_no_error(home, beam):
    done = beam("stop")
    assert (done.exit_code, done.out) == (0, "No daemon was running for this home, so there is nothing to stop.\n")
    assert beam("stop", "--json").json == {"schema": 1, "stopped": True, "was_running": False}


def test_an_unknown_command_names_the_version(beam):
    done = beam("teleport")
    assert done.exit_code == 2
    assert __version__ in done.err
    assert "teleport" in done.err


def test_an_unknown_command_of_a_newer_program_is_one_sentence(daemon, beam, monkeypatch):
    monkeypatch.setattr("beam_actors.control.routes._TABLE", {})
    monkeypatch.setattr("beam_actors.control.routes._PATHS", set())
    done = beam("id")
    assert done.exit_code == 2
    assert done.err.count("\n") == 1
    assert f"version {__version__} and does not know" in done.err


def test_another_version_of_the_daemon_is_said(daemon, beam, monkeypatch):
    monkeypatch.setattr("beam_actors.control.fields.__version__", "9.9.9")
    done = beam("id", "--json")
    assert done.exit_code == 0
    assert done.json["peer_id"] == PEER
    assert "9.9.9" in done.err
    assert __version__ in done.err
    assert beam("status").err.count("9.9.9") == 1


def test_a_usage_error_in_json(beam):
    done = beam("expose", "3000", "--port", "x", "--json")
    assert done.exit_code == 2
    assert done.json["error"]["code"] == "usage"


def test_help_and_version(beam):
    done = beam("--help")
    assert done.exit_code == 0
    assert "(in full: `beam share 3000`)" in " ".join(done.out.split())
    assert max(map(len, done.out.splitlines())) < 80
    assert "..." not in done.out
    assert beam("3000", "--help").out.startswith("Usage: beam PORT | HOST:PORT [OPTIONS]")
    for command in ("expose", "tree", "start", "phrase"):
        assert command in done.out
    assert beam("--version").out == f"beam {__version__}\n"
    assert beam("expose", "--help").exit_code == 0


def test_phrase(home, beam):
    assert beam("phrase").exit_code == 1
    path = home.file(PHRASE)
    path.write_text("one two three\n")
    path.chmod(0o600)
    assert beam("phrase").out == "one two three\n"
    assert beam("phrase", "--json").json["phrase"] == "one two three"
    assert beam("phrase", "--forget").exit_code == 0
    assert not path.exists()
    assert beam("phrase", "--forget").exit_code == 1


def test_logs_need_no_daemon(home, beam):
    assert "empty" in beam("logs").err
    record = {"timestamp": "2026-01-01T00:00:00Z", "level": "info", "event": "ready", "socket": "/x", "n": 3}
    home.file("beam.log.1").write_text("old\n")
    home.file("beam.log").write_text("\n".join([json.dumps(record)] * 3) + "\nplain \x1b[31m\n")
    done = beam("logs", "-n", "2")
    assert done.out == "2026-01-01T00:00:00Z info     ready socket=/x n=3\nplain \ufffd[31m\n"
    assert beam("logs").out.startswith("old\n")
    assert json.loads(beam("logs", "--json", "-n", "2").out.splitlines()[0]) == record


@pytest.mark.parametrize(("left", "shown"), [(-28_944_005.0, "ended"), (0.0, "ended"), (None, "-"), (60.0, "60 s")])
def test_a_name_that_has_ended_says_so(left, shown):
    assert name_commands._left(left, own=False) == shown
    assert name_commands._left(None, own=True) == "being claimed"


def test_a_warning_about_a_forward_is_for_names_that_lead_nowhere(node, beam):
    assert "The forward stays" in beam("forward", "nobody", "0").err
    assert beam("forward", "byron", "0").err == ""
