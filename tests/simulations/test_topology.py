import pytest

from beam_actors.testing.entropy import SeededEntropy
from simulations.topology import mesh, star, tree


@pytest.mark.parametrize("shape", [tree, star, lambda index: mesh(index, 3, SeededEntropy(b"mesh"))])
def test_each_machine_knows_some_that_came_before_it(shape):
    assert shape(0) == ()
    for index in range(1, 1000):
        known = shape(index)
        assert known
        assert list(known) == sorted(set(known))
        assert all(0 <= other < index for other in known)


@pytest.mark.parametrize("shape", [tree, star])
def test_nobody_is_known_to_more_than_a_node_serves_as_guests(shape):
    known = [other for index in range(3000) for other in shape(index)]
    assert max(known.count(other) for other in (0, 1, 2, 200, 400)) <= 220


def test_a_mesh_has_links_by_chance_beside_those_of_the_tree():
    entropy = SeededEntropy(b"mesh")
    some = [mesh(index, 3, entropy) for index in range(1000)]
    assert all(set(tree(index)) <= set(known) for index, known in enumerate(some))
    assert 4.5 < sum(map(len, some)) / 1000 < 5.0
