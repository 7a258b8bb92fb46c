"""The data plane: one pump per node moves all bytes; actors hold handles and decide."""

from beam_actors.flow.actor import PumpActor
from beam_actors.flow.budget import Budget
from beam_actors.flow.facade import DatagramHandle, Flow, ListenerHandle
from beam_actors.flow.frames import read_frame
from beam_actors.flow.joining import AnswerJoining
from beam_actors.flow.limits import FlowLimits
from beam_actors.flow.messages import Accepted, IncomingStream, SessionDown, SessionUp
from beam_actors.flow.owner import Owner
from beam_actors.flow.pump import Pump, PumpStatistics
from beam_actors.flow.remembered import RememberedPorts
from beam_actors.flow.session import LinkStatistics, SessionHandle, Taker
from beam_actors.flow.splice import Splice
from beam_actors.flow.splices import NO_TRAFFIC, Splices, Traffic
from beam_actors.flow.stream import Stream

__all__ = [
    "NO_TRAFFIC",
    "Accepted",
    "AnswerJoining",
    "Budget",
    "DatagramHandle",
    "Flow",
    "FlowLimits",
    "IncomingStream",
    "LinkStatistics",
    "ListenerHandle",
    "Owner",
    "Pump",
    "PumpActor",
    "PumpStatistics",
    "RememberedPorts",
    "SessionDown",
    "SessionHandle",
    "SessionUp",
    "Splice",
    "Splices",
    "Stream",
    "Taker",
    "Traffic",
    "read_frame",
]
