"""Actors and supervision on pykka and trio. Knows nothing of beams; imports the package's errors alone.

docs/runtime.md is the manual, with examples and each difference from pykka; docs/supervision.md says what
supervisors promise.
"""

from beam_actors.runtime.actor import Actor
from beam_actors.runtime.children import Escalated, SignificantExit, TooManyRestarts
from beam_actors.runtime.exits import NORMAL, SHUTDOWN, Down, ExitKind, ExitReason, crashed, unwrap
from beam_actors.runtime.future import Future, Reply, WouldBlock
from beam_actors.runtime.graves import Grave, GraveLimits, PastExit
from beam_actors.runtime.groups import GroupChanged, GroupFull, GroupLimits
from beam_actors.runtime.handlers import receives
from beam_actors.runtime.links import LinkedExit, LinkRefused
from beam_actors.runtime.mailbox import Mailbox, Overflow
from beam_actors.runtime.patience import GONE, ask_patiently, persist
from beam_actors.runtime.ref import Ref
from beam_actors.runtime.restarts import AutoShutdown, Backoff, Decision, Intensity, Restart, Strategy
from beam_actors.runtime.snapshot import Snapshot
from beam_actors.runtime.specs import ChildSpec
from beam_actors.runtime.steps import StepLimit
from beam_actors.runtime.supervisor import ListMembers, Pool, StartMember, StopMember, Supervisor
from beam_actors.runtime.system import Event, System, SystemFailed
from beam_actors.runtime.trace import Trace, TraceLimits, TraceRecord
from beam_actors.runtime.tracing import TracesFull
from beam_actors.runtime.workers import Timer, Worker

__all__ = [
    "GONE",
    "NORMAL",
    "SHUTDOWN",
    "Actor",
    "AutoShutdown",
    "Backoff",
    "ChildSpec",
    "Decision",
    "Down",
    "Escalated",
    "Event",
    "ExitKind",
    "ExitReason",
    "Future",
    "Grave",
    "GraveLimits",
    "GroupChanged",
    "GroupFull",
    "GroupLimits",
    "Intensity",
    "LinkRefused",
    "LinkedExit",
    "ListMembers",
    "Mailbox",
    "Overflow",
    "PastExit",
    "Pool",
    "Ref",
    "Reply",
    "Restart",
    "SignificantExit",
    "Snapshot",
    "StartMember",
    "StepLimit",
    "StopMember",
    "Strategy",
    "Supervisor",
    "System",
    "SystemFailed",
    "Timer",
    "TooManyRestarts",
    "Trace",
    "TraceLimits",
    "TraceRecord",
    "TracesFull",
    "Worker",
    "WouldBlock",
    "ask_patiently",
    "crashed",
    "persist",
    "receives",
    "unwrap",
]
