"""What docs/architecture.md says of all rooms and no linter checks: their doors, and where each module is tested."""

import ast
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "beam_actors"
TESTS = Path(__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
ROOMS = {path.parent.name for path in MODULES if path.name == "__init__.py" and path.parent != PACKAGE}

# `world` and `testing` are sets of implementations: whoever may import them chooses one module at a time.
OPEN = {"world", "testing"}
# A module that is an export: `cbor.decode` reads better than `decode_cbor`.
EXPORTED_MODULES = {"values": {"cbor"}}

LONG = 120  # lines, from which on a module has a test file of its own name, or a row here with the file that tests it
TESTED_IN = {
    "control/api.py": "node/test_api.py",  # a protocol and its rows, which the node implements
    "control/names.py": "node/test_rows.py",
    "control/results.py": "node/test_api.py",
    "control/sharing.py": "control/test_serving.py",
    "flow/facade.py": "flow/test_actor.py",
    "flow/sockets.py": "flow/test_pump.py",
    "naming/limits.py": "node/test_limits.py",
    "naming/link.py": "naming/test_spread.py",
    "naming/messages.py": "naming/test_registrar.py",
    "naming/results.py": "naming/test_facade.py",
    "naming/tending.py": "naming/test_names.py",
    "peers/kad/questions.py": "peers/kad/test_dht.py",
    "peers/kad/walking.py": "peers/kad/test_dht.py",
    "peers/live.py": "peers/test_facade.py",
    "peers/messages.py": "peers/test_facade.py",
    "peers/room.py": "peers/test_facade.py",
    "testing/daemons.py": "e2e/test_homes.py",
    "testing/network/endpoint.py": "ports/test_network_endpoints.py",
    "testing/process.py": "testing/test_machine.py",
    "testing/store.py": "ports/test_store.py",
    "testing/tls.py": "ports/test_tls.py",
    "tunnels/room.py": "tunnels/test_facade.py",
}


def exports(room):
    """The names in a room's `__all__`."""
    for node in ast.parse((PACKAGE / room / "__init__.py").read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


def imports(source):
    """Each import of this package in `source`: its dotted module's parts, and the names taken from it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            assert not node.level, "Imports are absolute."
            found = [((node.module or "").split("."), {alias.name for alias in node.names})]
        elif isinstance(node, ast.Import):
            found = [(alias.name.split("."), set()) for alias in node.names]
        else:
            continue
        yield from ((module, names) for module, names in found if module[0] == "beam_actors")


def past_the_door(room, source):
    """What a module of `room` takes from other rooms that they do not export."""
    for (_, *where), names in imports(source):
        other, *inner = where or [""]
        if other not in ROOMS or other in {room, *OPEN}:
            continue
        hidden = names - exports(other) - EXPORTED_MODULES.get(other, set())
        if inner or hidden:
            yield f"{'.'.join(where)}: {', '.join(sorted(names))}"


def test_rooms_are_imported_and_not_their_modules():
    found = {
        str(path.relative_to(PACKAGE)): wrong
        for path in MODULES
        if (wrong := list(past_the_door(path.relative_to(PACKAGE).parts[0], path.read_text())))
    }
    assert found == {}


def test_the_rule_sees_what_it_forbids():
    assert list(past_the_door("flow", "from beam_actors.ports.network import Buffer")) == ["ports.network: Buffer"]
    assert list(past_the_door("flow", "from beam_actors.ports import network")) == ["ports: network"]
    assert list(past_the_door("flow", "def f():\n    import beam_actors.ports.network")) == ["ports.network: "]
    assert not list(past_the_door("ports", "from beam_actors.ports.network import Buffer"))
    assert not list(
        past_the_door("naming", "from beam_actors.ports import Buffer\nfrom beam_actors.values import cbor")
    )
    assert not list(
        past_the_door("cli", "from beam_actors import __version__\nfrom beam_actors.errors import BeamError")
    )


def test_kademlia_is_imported_by_the_dht_alone():
    """Its parts are what we make classes from; its network, its storage and its asyncio are nobody's business."""
    users = {
        str(path.relative_to(PACKAGE).parent)
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom) and "kademlia" in ast.unparse(node).split()[1].split(".")
    }
    assert users == {"peers/kad"}
    code = "import sys, beam_actors.peers.kad.contacts, beam_actors.peers.kad.search; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    theirs = {name for name in done.stdout.split() if name.split(".")[0] in {"kademlia", "rpcudp"}}
    assert theirs == {"kademlia", "kademlia.node", "kademlia.routing", "kademlia.utils"}


def test_every_long_module_has_a_test():
    missing = [
        name
        for path in MODULES
        if len(path.read_text().splitlines()) > LONG
        and not (TESTS / path.relative_to(PACKAGE).parent / f"test_{path.name}").exists()
        and (name := str(path.relative_to(PACKAGE))) not in TESTED_IN
    ]
    assert missing == []


def test_the_table_names_files_that_are_there():
    gone = [row for row in TESTED_IN.items() if not (PACKAGE / row[0]).exists() or not (TESTS / row[1]).exists()]
    assert gone == []


def test_the_table_has_no_module_whose_test_is_found_by_its_name():
    found = [name for name in TESTED_IN if (TESTS / Path(name).parent / f"test_{Path(name).name}").exists()]
    assert found == []
