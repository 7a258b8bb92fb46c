"""Every bound of this room in one place, with the reason beside each. Times in seconds."""

import attrs


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
    """Inbound streams whose request is being read or whose target is being dialled, at once."""
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
    forwards: int = 256
    """Held local ports of one node."""
    forward_opens: int = 256
    """Connections of one forward that wait for their tunnel, at once."""
    listen_retry: float = 5.0
    """How often a forward tries again when its local port is taken."""
