"""Who knows whom at the beginning: for each machine the machines before it whose addresses it is given.

Invariant: whoever goes down, the others know somebody else, and nobody is known to more machines than a node serves
as guests, however many machines there are.
"""

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
