"""All mutants, by room."""

from simulations.mutants import flow, naming, peers, runtime, second, storage, tunnels, wire
from simulations.mutants.mutant import Mutant

CATALOGUE: tuple[Mutant, ...] = (
    *naming.MUTANTS,
    *wire.MUTANTS,
    *flow.MUTANTS,
    *peers.MUTANTS,
    *tunnels.MUTANTS,
    *runtime.MUTANTS,
    *storage.MUTANTS,
)
"""The list."""

SECOND: tuple[Mutant, ...] = second.MUTANTS
"""The second set."""


def all_mutants() -> tuple[Mutant, ...]:
    """Both."""
    return (*CATALOGUE, *SECOND)
