"""How programs on this machine reach names: DNS, HTTPS with a local CA, and HTTP."""

from beam_actors.ingress.addresses import NETWORK
from beam_actors.ingress.answers import Located
from beam_actors.ingress.binding import Binding
from beam_actors.ingress.composition import compose_ingress, resolver_ref
from beam_actors.ingress.facade import Bound, Ingress
from beam_actors.ingress.limits import IngressLimits
from beam_actors.ingress.messages import RootCertificate
from beam_actors.ingress.page import OF_ANOTHER_HOME, PROGRAM
from beam_actors.ingress.zone import Zone

__all__ = [
    "NETWORK",
    "OF_ANOTHER_HOME",
    "PROGRAM",
    "Binding",
    "Bound",
    "Ingress",
    "IngressLimits",
    "Located",
    "RootCertificate",
    "Zone",
    "compose_ingress",
    "resolver_ref",
]
