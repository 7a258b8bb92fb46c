"""Whether others can open a name yet: the one rule for every answer that says so.

Invariant: true once it is claimed; false while its work goes on, or its claim is to be tried again, or nobody can say
for a moment; none where there is nothing to wait for, since it is no name of this owner's here.
"""

from beam_actors.control.api import NodeApi
from beam_actors.control.names import Progress
from beam_actors.errors import BeamError, NameNotFound, NotAllowed


async def progress_of(api: NodeApi, name: str | None) -> Progress | None:
    """How far the work for the name is; None if there is none, or it can't be claimed here (any more)."""
    if name is None:
        return None
    try:
        return await api.progress(name)
    except (NameNotFound, NotAllowed):
        return None
    except BeamError:  # it could not be claimed when that was tried last, and is tried again; or a part restarts
        return Progress(name=name, full=name, progress=0.0, told=0)


def is_claimed(progress: Progress | None) -> bool | None:
    """What is said of it."""
    return None if progress is None else progress.progress >= 1
