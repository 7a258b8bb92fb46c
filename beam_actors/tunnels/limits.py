"""Every bound of this room in one place, with the reason beside each. Times in seconds."""

import attrs

_SHARES = {"live": 3 / 4, "live_of_peers": 1 / 2, "live_per_tunnel": 3 / 8, "live_per_peer": 3 / 10}


@attrs.frozen(slots=True, kw_only=True)
class TunnelsLimits:
    """What one node spends on tunnels at most."""

    open_timeout: float = 4.5
    """From asking for a tunnel to its status; a silent owner must end in an answer to the user within 5 s."""
    request_timeout: float = 5.0
    """From an inbound stream to its whole request."""
    target_timeout: float = 3.0
    """For the local service to accept: below `open_timeout`, so that the visitor hears why."""
    requests: int = 1024
    """Inbound streams whose request is being read, at once, and for each tunnel those whose target is being dialled."""
    requests_per_peer: int = 256
    """The same for one peer."""
    refusals: int = 128
    """Requests beyond those that are read and answered "busy", at once; what exceeds them is reset."""
    refusals_per_peer: int = 32
    """The same for one peer."""
    local_requests: int = 1024
    """Programs of this machine that wait for the target of one tunnel, at once: as many as a web server here holds."""
    tunnels: int = 256
    """Offered services of one node."""
    return_time: float = 60.0
    """After a start, for the commands whose tunnels ended with the run before to come back: no random name of theirs
    makes room for another name."""
    forwards: int = 256
    """Held local ports of one node."""
    forward_opens: int = 1024
    """Connections of one forward that wait for their tunnel, at once: as many as a web server here holds."""
    listen_retry: float = 5.0
    """How often a forward tries again when its local port is taken."""
    failure_log: float = 60.0
    """Between two lines of the log about failed connections of one forward; the next says how many there were."""
    live: int = 16_384
    """Connections through tunnels, forwards and web servers at once, in all; and at most 3/4 of the sockets that this
    process may open, since each needs one or two, and sessions, listeners and DNS need some, too."""
    live_of_peers: int = 12_288
    """Those of them that peers have to tunnels offered here (or 1/2 of the sockets): the rest is for this machine."""
    live_per_tunnel: int = 8_192
    """The same for one tunnel (or 3/8 of the sockets), so that one that everybody visits leaves room for the others."""
    live_per_peer: int = 6_144
    """The same for one peer (or 3/10 of the sockets): a browser has hundreds, and many may sit behind one peer."""

    def within(self, sockets: int) -> "TunnelsLimits":
        """These limits in a process that may open so many sockets."""
        shares = {name: min(getattr(self, name), max(1, int(sockets * share))) for name, share in _SHARES.items()}
        return attrs.evolve(self, **shares)
