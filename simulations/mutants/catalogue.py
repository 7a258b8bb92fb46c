"""All mutants, by room."""

from typing import Final

from simulations.mutants import (
    bindings,
    claims,
    dht,
    durability,
    flow,
    ingress,
    knowledge,
    lookups,
    node,
    owners,
    peers,
    quotas,
    runtime,
    seats,
    spread,
    supervision,
    tunnels,
    wire,
    work,
)
from simulations.mutants.mutant import Mutant

_ROOMS = (
    claims,
    quotas,
    work,
    bindings,
    owners,
    seats,
    knowledge,
    durability,
    spread,
    lookups,
    wire,
    flow,
    peers,
    dht,
    tunnels,
    supervision,
    runtime,
    node,
    ingress,
)
CATALOGUE: Final[tuple[Mutant, ...]] = tuple(mutant for room in _ROOMS for mutant in room.MUTANTS)
