"""Names: who holds one, by which claim, and how claims spread between peers. The rules: docs/naming.md.

Pure: grammar, claims, work, registry, admission, ranking, bindings, knowledge, answers, records, the protocol. Its
actors (`registrar`, `names`, `lookups`, `spread`, `custody`) are made by `compose_naming`; rooms above call `Naming`.
"""

from beam_actors.naming.claim import Claim, Kind, Terms
from beam_actors.naming.events import Event, Happening
from beam_actors.naming.facade import Naming
from beam_actors.naming.grammar import DEFAULT_SUFFIXES, Query
from beam_actors.naming.limits import Limits
from beam_actors.naming.messages import Changed
from beam_actors.naming.offline import (
    Acquaintance,
    EraNames,
    acquaintance,
    check_heir,
    hand_over,
    is_of_no_network,
    is_revoked,
    names_in_era,
    networks_in,
    owned,
    spoken_era,
)
from beam_actors.naming.pins import Pin
from beam_actors.naming.protocol import PROTOCOL
from beam_actors.naming.records import Handing
from beam_actors.naming.results import (
    Choice,
    Conflict,
    Held,
    OwnerState,
    Progress,
    Registered,
    RegistryStatistics,
    Resolution,
)
from beam_actors.naming.room import NamingRoom, compose_naming, custodian_of, spread_ref
from beam_actors.naming.terms import MAX_NETWORK
from beam_actors.naming.work import NO_WORK, Difficulty

__all__ = [
    "DEFAULT_SUFFIXES",
    "MAX_NETWORK",
    "NO_WORK",
    "PROTOCOL",
    "Acquaintance",
    "Changed",
    "Choice",
    "Claim",
    "Conflict",
    "Difficulty",
    "EraNames",
    "Event",
    "Handing",
    "Happening",
    "Held",
    "Kind",
    "Limits",
    "Naming",
    "NamingRoom",
    "OwnerState",
    "Pin",
    "Progress",
    "Query",
    "Registered",
    "RegistryStatistics",
    "Resolution",
    "Terms",
    "acquaintance",
    "check_heir",
    "compose_naming",
    "custodian_of",
    "hand_over",
    "is_of_no_network",
    "is_revoked",
    "names_in_era",
    "networks_in",
    "owned",
    "spoken_era",
    "spread_ref",
]
