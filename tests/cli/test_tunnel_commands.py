"""Services that are offered and ports that lead elsewhere: what is said of them, and what reached the node."""

import attrs
import pytest

from beam_actors.control import ExposeRequest, ForwardRequest
from beam_actors.values import TcpAddress
from tests.control.fakes import OTHER, OWNER, PEER


def test_expose(node, beam):
    done = beam("expose", 3000, "--name", "byron")
    assert done.exit_code == 0
    assert "Tunnel active: byron.local" in done.out
    assert "https://byron.local" in done.out
    assert "--allow" in done.err
    assert ("expose", ExposeRequest(target=TcpAddress("127.0.0.1", 3000), name="byron")) in node.calls


def test_an_owner_is_no_machine_whether_or_not_a_daemon_runs(node, beam):
    for command in (("expose", "3000"), ("3000",)):
        done = beam(*command, "--allow", OWNER)
        assert (done.exit_code, node.calls) == (2, [])
        assert '"beam id" over there shows it in the line `peer`' in done.err


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
    assert f'Global: "beam forward {PEER} 8080" over there' in done.out
    assert beam("tunnels").out.startswith("t1\t-\t127.0.0.1:3000\t")
    done = beam("expose", "22", "--port", "22", "--allow", "everyone")
    assert f'"beam forward {PEER}:22 8080"' in done.out


def test_a_name_is_contested_as_it_is_offered(node, beam):
    node.contest("taken", "own", "own", "other", used=0)
    done = beam("expose", "3000", "--name", "taken", "--contest")
    assert [call[1].contest for call in node.calls if call[0] == "expose"] == [True]
    assert "others must choose before it opens" in done.err
    assert "others must choose" in beam("register", "taken", "--contest").err
    assert "others must choose" not in beam("register", "byron").err


def test_a_tunnel_whose_name_went_is_listed_as_that(node, beam):
    beam("expose", "3000", "--name", "byron")
    assert "not yours" not in beam("tunnels").out
    node.tunnel_rows["t1"] = attrs.evolve(node.tunnel_rows["t1"], yours=False)
    done = beam("tunnels")
    assert done.out.startswith("t1\tbyron.local (not yours any more)\t")
    assert "`beam unexpose t1` ends it" in done.err
    assert beam("tunnels", "--json").json["tunnels"][0]["yours"] is False


def test_a_tunnel_whose_name_another_key_of_the_owner_s_is_for_says_so_and_what_to_do(node, beam):
    beam("expose", "3000", "--name", "byron")
    node.tunnel_rows["t1"] = attrs.evolve(node.tunnel_rows["t1"], yours=False, replaced_by_era=2)
    done = beam("tunnels")
    assert done.out.startswith("t1\tbyron.local (key replaced)\t")
    assert "not yours" not in done.err
    assert "one of era 2" in done.err
    assert "`beam recover --era 2`" in done.err
    assert beam("tunnels", "--json").json["tunnels"][0]["replaced_by_era"] == 2
    assert beam("unexpose", "byron").err == ""  # there is no key to give it up with


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
    assert beam("unexpose", "3000").exit_code == 6
    beam("expose", "3000", "--name", "byron")
    done = beam("unexpose", "byron")
    assert done.out == "Withdrawn: byron.local (127.0.0.1:3000)\n"
    assert "`beam release byron`" in done.err
    beam("expose", "3000", "--name", "byron")
    (tunnel,) = node.tunnel_rows
    node.tunnel_rows[tunnel] = attrs.evolve(node.tunnel_rows[tunnel], yours=False)
    assert beam("unexpose", "byron").err == ""  # it was handed over: nothing is to be given up
    beam("expose", "3000")
    assert beam("unexpose", "3000").out == "Withdrawn: 127.0.0.1:3000, without a name\n"


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


def test_a_warning_about_a_forward_is_for_names_that_lead_nowhere(node, beam):
    assert "The forward stays" in beam("forward", "nobody", "0").err
    assert beam("forward", "byron", "0").err == ""


def test_the_forwards_say_whether_they_work_and_what_went_wrong_last(node, beam):
    beam("forward", OTHER, "8080")
    (key,) = node.forward_rows
    cells = {
        "unused": ("not used yet", "-"),
        "works": ("works", "2027-01-15 08:00:00Z: Nobody."),
        "fails": ("fails", "2027-01-15 08:00:00Z: Nobody."),
        "no-port": ("can't listen", "2027-01-15 08:00:00Z: Nobody."),
    }
    for state, shown in cells.items():
        failed = {} if state == "unused" else {"failure": "Nobody.", "failed_at": 1_800_000_000.0, "failed": 3}
        node.forward_rows[key] = attrs.evolve(node.forward_rows[key], state=state, **failed)
        assert tuple(beam("forwards").out.rstrip("\n").split("\t")[-2:]) == shown
    row = beam("forwards", "--json").json["forwards"][0]
    assert (row["state"], row["failed"], row["failed_at"], row["failure"]) == ("no-port", 3, 1_800_000_000.0, "Nobody.")


def test_tunnels_and_forwards_are_made_and_taken_back_by_what_was_pasted(node, beam):
    beam("expose", "http://localhost:3000/", "--name", "https://byron.local/")
    assert ("expose", ExposeRequest(target=TcpAddress("127.0.0.1", 3000), name="byron.local")) in node.calls
    assert beam("unexpose", "http://localhost:3000").exit_code == 0
    beam("forward", "https://byron.local:8443/page", "http://localhost:8080")
    request = ForwardRequest(destination="byron.local", port=None, listen=TcpAddress("127.0.0.1", 8080))
    assert ("forward", request) in node.calls
    assert beam("unforward", "localhost:8080").exit_code == 0
