"""How this room's actors hang together: the supervisor's spec and the facade, made once per node.

Invariant: what must outlive an incarnation (a server's `Binding`) is made here, outside of the factories.
"""

from collections.abc import Callable, Sequence

from beam_actors.flow import Flow
from beam_actors.ingress.binding import Binding, shared_address
from beam_actors.ingress.devices import Devices
from beam_actors.ingress.dns import DnsServer
from beam_actors.ingress.facade import Ingress, Server
from beam_actors.ingress.http import HttpServer
from beam_actors.ingress.https import HttpsServer
from beam_actors.ingress.limits import IngressLimits
from beam_actors.ingress.messages import WebKind
from beam_actors.ingress.neighbours import Names, TunnelOpener
from beam_actors.ingress.page import PROGRAM
from beam_actors.ingress.resolver import Resolver
from beam_actors.ingress.zone import Zone
from beam_actors.ports import Clock, Entropy, Files, Store, TlsPort
from beam_actors.runtime import ChildSpec, Ref, Strategy, Supervisor, System


def resolver_ref(system: System, path: str) -> Ref:
    """Who must hear of claims that are new here (`naming.Changed`), given the path of this room."""
    return system.ref(f"{path}/resolver")


def compose_ingress(
    system: System,
    path: str,
    *,
    flow: Flow,
    names: Names,
    tunnels: TunnelOpener,
    store: Store,
    files: Files,
    tls: TlsPort,
    clock: Clock,
    entropy: Entropy,
    zone: Zone,
    dns: Binding | None,
    https: Binding | None,
    http: Binding | None,
    interfaces: Callable[[], Sequence[str]] | None = None,
    limits: IngressLimits | None = None,
    program: str = PROGRAM,
) -> tuple[ChildSpec, Ingress]:
    """The spec of the supervisor that will run at `path`, and the facade over its actors; a server may be None: off.

    `interfaces` gives this machine's addresses, by which devices of the LAN are asked for names; None: they are not.
    `program` is how a person calls the program for this daemon, in the commands that pages show.
    one_for_one: the five know each other by ref only, and each one's clients try again.
    """
    limits = limits or IngressLimits()
    web = _web_refs(system, path, https, http)
    resolver = resolver_ref(system, path)
    dns_ref = system.ref(f"{path}/dns") if dns is not None else None
    shared = shared_address(https, http)
    devices = system.ref(f"{path}/devices") if interfaces is not None else None
    children = [
        ChildSpec(
            "resolver",
            lambda: Resolver(
                names, store, clock, servers=web, dns=dns_ref, devices=devices, shared=shared, limits=limits
            ),
        )
    ]
    if interfaces is not None:
        children.append(
            ChildSpec(
                "devices",
                lambda: Devices(flow, clock, entropy, resolver=resolver, interfaces=interfaces, limits=limits),
            )
        )
    if https is not None:
        children.append(
            ChildSpec(
                "https",
                lambda: HttpsServer(
                    flow,
                    tunnels,
                    names,
                    resolver=resolver,
                    zone=zone,
                    binding=https,
                    tls=tls,
                    files=files,
                    clock=clock,
                    entropy=entropy,
                    limits=limits,
                    program=program,
                ),
            )
        )
    if http is not None:
        children.append(
            ChildSpec(
                "http",
                lambda: HttpServer(
                    flow, tunnels, names, resolver=resolver, zone=zone, binding=http, limits=limits, program=program
                ),
            )
        )
    if dns is not None:
        children.append(
            ChildSpec("dns", lambda: DnsServer(flow, resolver, clock, zone=zone, binding=dns, limits=limits))
        )
    spec = ChildSpec(path.rpartition("/")[2], lambda: Supervisor(children, strategy=Strategy.ONE_FOR_ONE))
    facade = Ingress(
        zone=zone,
        resolver=resolver,
        dns=Server(dns_ref, dns) if dns is not None and dns_ref is not None else None,
        https=Server(web["https"], https) if https is not None else None,
        http=Server(web["http"], http) if http is not None else None,
    )
    return spec, facade


def _web_refs(system: System, path: str, https: Binding | None, http: Binding | None) -> dict[WebKind, Ref]:
    refs: dict[WebKind, Ref] = {}
    if https is not None:
        refs["https"] = system.ref(f"{path}/https")
    if http is not None:
        refs["http"] = system.ref(f"{path}/http")
    return refs
