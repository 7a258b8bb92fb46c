import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.cli.tree_view import count, describe, describe_dead, find, fit, precise, style_of, walk
from beam_actors.errors import ActorNotFound, UsageError


def node(path, *children, **facts):
    return {
        "path": path, "kind": "X", "state": "running", "incarnation": 1, "restarts": 0, "last_exit": None,
        "mailbox": 0, "uptime_s": 3.0, "message": None, "busy_s": 0.0, "cpu_s": 0.0, "waits_for": None, "workers": 0,
        "children": list(children), **facts,
    }  # fmt: skip


def test_a_quiet_actor_is_a_short_line():
    assert describe(node("node/a")) == "a · running · up 3 s"


def test_all_that_is_the_matter_is_said():
    busy = node(
        "node/a", restarts=2, incarnation=3, last_exit="crashed; ValueError: boom", mailbox=12, stashed=3,
        capacity=1000, message="Resolve", busy_s=1.25, waits_for="node/b", workers_wait_for=["node/c"],
        links=["node/d"], groups=["caches"], cpu_s=4.2, exits=[{"incarnation": 2, "reason": "x", "ago_s": 7.0}],
    )  # fmt: skip
    assert describe(busy) == (
        "a · running · 2 restarts (incarnation 3) · last exit 7 s ago: crashed; ValueError: boom · "
        "12 of 1000 waiting · 3 stashed · handling Resolve for 1.2 s · waits for node/b · "
        "its workers wait for node/c · linked with node/d · in caches · cpu 4.2 s · up 3 s"
    )


def test_an_older_daemon_says_less():
    assert describe(node("node/a", mailbox=2, message="X")) == "a · running · 2 waiting · handling X · up 3 s"
    assert describe(node("node/a", stashed=2, capacity=5)) == "a · running · 2 of 5 stashed · up 3 s"


def test_an_error_of_several_lines_takes_one():
    torn = node("node/a", last_exit="crashed; ValueError: one\ntwo\r\n\tthree")
    assert "last exit: crashed; ValueError: one two three" in describe(torn)
    row = {"path": "node/a", "reason": "one\ntwo", "ago_s": 2.0, "last_messages": []}
    assert describe_dead(row) == "node/a · one two · 2 s ago"


def test_the_dead_have_their_whole_path_and_last_messages():
    row = {"path": "node/a", "reason": "shutdown", "ago_s": 2.0, "last_messages": []}
    assert describe_dead(row) == "node/a · shutdown · 2 s ago"
    assert describe_dead({**row, "last_messages": ["A", "B"]}).endswith("last messages A, B")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 µs"), (85e-6, "85 µs"), (0.0032, "3.2 ms"), (0.042, "42 ms"), (0.4, "0.4 s"), (12, "12 s"), (240, "4 min")],
)  # fmt: skip
def test_short_times(seconds, text):
    assert precise(seconds) == text


def test_colours_say_what_is_the_matter():
    assert style_of(node("a")) == "green"
    assert style_of(node("a", state="waiting")) == "yellow"
    assert style_of(node("a", state="dead")) == "red"
    assert style_of(node("a", mailbox=3)) == "bold yellow"


def test_a_part_of_the_tree_is_found_by_the_end_of_its_path():
    tree = node("node", node("node/x", node("node/x/list")), node("node/y", node("node/y/list")))
    tree["dead"] = [{"path": "node/x/old"}, {"path": "node/xy"}]
    assert find(tree, "node/x/")["dead"] == [{"path": "node/x/old"}]
    assert find(tree, "y")["path"] == "node/y"
    with pytest.raises(UsageError, match="2 actors are called 'list'"):
        find(tree, "list")
    with pytest.raises(ActorNotFound, match="No actor"):
        find(tree, "ist")


def test_a_tree_in_numbers():
    tree = node("node", node("node/x", restarts=2, mailbox=3), node("node/y", state="waiting", stashed=1))
    assert count(tree) == (3, 2, 4, 1)


FACTS = ({}, {}, {"restarts": 1}, {"mailbox": 1}, {"state": "waiting"})


@st.composite
def trees(draw, facts=FACTS):
    def grow(path, depth):
        children = [grow(f"{path}/{n}", depth - 1) for n in range(draw(st.integers(0, 5)) if depth else 0)]
        return node(path, *children, **draw(st.sampled_from(facts)))

    return grow("node", draw(st.integers(0, 3)))


@given(trees(), st.integers(2, 60))
def test_what_is_shown_fits_and_what_is_not_is_counted(tree, lines):
    shown = fit(tree, lines)
    nodes = {one["path"]: one for _, one in walk(tree)}
    assert len(shown) + sum(number > 0 for number in shown.values()) <= lines
    assert tree["path"] in shown
    for path, left_out in shown.items():
        children = [child["path"] for child in nodes[path]["children"]]
        assert left_out == sum(child not in shown for child in children)
        if path != tree["path"]:
            assert path.rpartition("/")[0] in shown
    if len(nodes) <= lines:
        assert shown == dict.fromkeys(nodes, 0)


@given(trees(facts=({}, {"restarts": 1}, {"mailbox": 1})))
def test_trouble_is_shown_before_all_that_is_calm(tree):
    calm = [node(f"node/calm{n}") for n in range(50)]
    trouble = node("node/deep", node("node/deep/er", node("node/deep/er/waits", state="waiting")))
    shown = fit({**tree, "children": [*calm, *tree["children"], trouble]}, 8)
    assert "node/deep/er/waits" in shown
    assert shown["node"] >= 50 - 8
