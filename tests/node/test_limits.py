"""The limits file, and the list of all limits in docs/limits.md, which `UPDATE_DOCS=1` draws anew from the code."""

import ast
import importlib
import inspect
import os
import re
from pathlib import Path

import attrs
import pytest

from beam_actors.errors import UsageError
from beam_actors.node import NodeLimits, parse_limits

DOCUMENT = Path(__file__).parents[2] / "docs" / "limits.md"
BLOCK = re.compile(r"(<!-- limits -->\n)(.*?)(<!-- /limits -->)", re.DOTALL)


def test_a_file_changes_what_it_names_and_nothing_else():
    limits = parse_limits("[peers]\nsessions = 2000\ndial_timeout = 3\n[session]\nstreams = 5\n")
    assert (limits.peers.sessions, limits.peers.dial_timeout, limits.session.streams) == (2000, 3, 5)
    default = NodeLimits()
    assert limits == attrs.evolve(default, peers=limits.peers, session=limits.session)
    assert limits.peers == attrs.evolve(default.peers, sessions=2000, dial_timeout=3)
    assert parse_limits("") == default


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("peers", "not TOML"),
        ("[people]\na = 1", r"no table \[people\]; there are flow, session,"),
        ("peers = 1", r"no table \[peers\]"),
        ("[peers]\nsession = 1", "no limit peers.session;"),
        ("[peers]\n__class__ = 1", "no limit peers.__class__"),
        ("[peers]\nsessions = 0", "peers.sessions is greater than 0, not 0"),
        ("[peers]\nsessions = 1.5", "peers.sessions is a whole number, not 1.5"),
        ("[peers]\nsessions = true", "peers.sessions is a whole number, not True"),
        ("[peers]\ndial_timeout = '3'", "peers.dial_timeout is a number, not '3'"),
        ("[peers]\ndial_timeout = inf", "peers.dial_timeout is greater than 0, not inf"),
        ("[peers]\ndial_timeout = nan", "peers.dial_timeout is greater than 0, not nan"),
        ("[session]\nwindow = 1000", "limits of session are not acceptable: 'window' must be >= 262144"),
    ],
)
def test_what_is_not_acceptable_is_refused_in_words(text, words):
    with pytest.raises(UsageError, match=words):
        parse_limits(text)


def reasons(kind):
    """The text below each field of a class of limits."""
    (tree,) = ast.parse(inspect.getsource(kind)).body
    found, name = {}, ""
    for node in tree.body:
        if isinstance(node, ast.AnnAssign):
            name = node.target.id
        elif name and isinstance(node, ast.Expr):
            found[name], name = " ".join(node.value.value.split()), ""
    return found


def drawn():
    lines = []
    for room in attrs.fields(NodeLimits):
        kind = room.default.factory
        why = reasons(kind)
        module = importlib.import_module(kind.__module__)
        lines += [
            f"\n## `[{room.name}]`",
            "",
            module.__doc__.splitlines()[0],
            "",
            "| limit | default | |",
            "|---|---|---|",
        ]
        for field in attrs.fields(kind):
            shown = f"{field.default:,}" if isinstance(field.default, int) else f"{field.default:g}"
            lines.append(f"| `{field.name}` | {shown} | {why[field.name]} |")
    return "\n".join(lines)[1:] + "\n"


def test_the_list_in_the_documentation_is_the_code():
    text = DOCUMENT.read_text()
    if os.environ.get("UPDATE_DOCS"):
        text = BLOCK.sub(lambda match: match[1] + drawn() + match[3], text)
        DOCUMENT.write_text(text)
    found = BLOCK.search(text)
    assert found is not None
    assert found[2] == drawn()
