"""Eight regions of the world, how far they are from each other, and how many nodes live in each.

One-way seconds and weights as libp2p's gossipsub-interop uses them for its simulations of up to 700 nodes
(libp2p/test-plans, gossipsub-interop/network_graph.py); the weights are counts of Ethereum nodes per region. It gives
195 and 190 ms for the two directions between South America and South Africa; here both are 195.
"""

REGIONS = (
    "australia",
    "east_asia",
    "europe",
    "na_west",
    "na_east",
    "south_america",
    "south_africa",
    "west_asia",
)

WEIGHTS = {
    "australia": 290,
    "east_asia": 1059,
    "europe": 5599,
    "na_west": 1240,
    "na_east": 2894,
    "south_america": 36,
    "south_africa": 47,
    "west_asia": 161,
}
"""Nodes per region, to draw a region by."""

_MILLISECONDS = (
    (2, 110, 165, 110, 150, 190, 220, 180),
    (110, 4, 125, 100, 140, 175, 175, 110),
    (165, 125, 2, 110, 70, 140, 95, 60),
    (110, 100, 110, 2, 60, 100, 160, 150),
    (150, 140, 70, 60, 2, 100, 130, 110),
    (190, 175, 140, 100, 100, 7, 195, 145),
    (220, 175, 95, 160, 130, 195, 7, 110),
    (180, 110, 60, 150, 110, 145, 110, 5),
)

JITTER = 0.05
"""Jitter between regions, as a share of the latency: queues on a path add a few per cent on a normal day."""


def latency_between(source: str, target: str) -> float:
    """One-way seconds between two regions; raise `KeyError` for one that is not in `REGIONS`."""
    return _LATENCY[source, target]


_LATENCY = {
    (source, target): _MILLISECONDS[row][column] / 1000
    for row, source in enumerate(REGIONS)
    for column, target in enumerate(REGIONS)
}

__all__ = ["JITTER", "REGIONS", "WEIGHTS", "latency_between"]
