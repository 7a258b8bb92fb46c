"""Who knows whom at the beginning: for each machine the machines before it whose addresses it is given.

Invariant: whoever goes down, the others know somebody else, and nobody is known to more machines than a node serves
as guests, however many machines there are.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from beam_actors.ports import Entropy

_STAR = 200
"""Machines up to which one bootstrap node may be everybody's: well below the guests that a node takes."""


def tree(index: int) -> tuple[int, ...]:
    """A binary tree with a second way up: the root in small worlds, the grandparent in large ones."""
    if index == 0:
        return ()
    parent = (index - 1) // 2
    other = 0 if index < _STAR else (parent - 1) // 2
    return tuple(sorted({parent, other}))


def star(index: int) -> tuple[int, ...]:
    """One bootstrap node for all; in large worlds one for each two hundred, which are given the first."""
    if index == 0:
        return ()
    return (index - index % _STAR,) if index % _STAR else (0,)


def mesh(index: int, links: int, entropy: "Entropy") -> tuple[int, ...]:
    """The tree, and `links` others by chance, as of people who came to know each other in the course of time."""
    drawn = {int(entropy.uniform() * index) for _ in range(links)} if index else set()
    return tuple(sorted(drawn.union(tree(index))))
