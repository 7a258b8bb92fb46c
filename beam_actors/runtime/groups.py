"""Groups: the actors that joined under a name, in the order in which they did, and who wants to know of changes.

Invariants: a membership is an incarnation's and ends with it, and so does a subscription; a group without members and
subscribers is nothing; groups, members and subscribers are bounded. A subscriber never has more than one notice of a
group waiting, whatever happens meanwhile: it is made up when it is handled, so its mailbox is bounded, too.
"""

from typing import TYPE_CHECKING

import attrs

from beam_actors.errors import ActorError

if TYPE_CHECKING:
    from beam_actors.runtime.cell import Cell
    from beam_actors.runtime.ref import Ref


class GroupFull(ActorError):
    """There are as many groups, members or subscribers as the system's limits allow."""

    code = "group-full"


@attrs.frozen(slots=True)
class GroupLimits:
    """How many groups a system has, and how many members and subscribers one of them."""

    groups: int = 1000
    members: int = 10_000
    subscribers: int = 1000


@attrs.frozen(slots=True)
class GroupChanged:
    """To a subscriber: who joined and who left since it last heard. A member that was restarted did both."""

    group: str
    joined: tuple["Ref", ...]
    left: tuple["Ref", ...]
    members: tuple["Ref", ...]
    """All members now, in the order in which they joined."""


Members = dict["Cell", int]
"""Each member's cell and the incarnation that joined."""


@attrs.define(slots=True, eq=False)
class _Group:
    members: Members = attrs.field(factory=dict)
    subscriptions: dict["Cell", "GroupNotice"] = attrs.field(factory=dict)


@attrs.define(slots=True, eq=False)
class GroupNotice:
    """On a subscriber's system lane, at most once: something changed."""

    name: str
    group: _Group
    known: Members
    waiting: bool = False

    def news(self) -> GroupChanged | None:
        """What it comes to now that it is handled; None when the changes undid each other."""
        self.waiting = False
        before, now = self.known, self.group.members
        joined = tuple(member.ref for member, number in now.items() if before.get(member) != number)
        left = tuple(member.ref for member, number in before.items() if now.get(member) != number)
        if not joined and not left:
            return None
        self.known = dict(now)
        return GroupChanged(self.name, joined, left, tuple(member.ref for member in now))


class Groups:
    """The groups of one system."""

    def __init__(self, limits: GroupLimits) -> None:
        self.limits = limits
        self._groups: dict[str, _Group] = {}
        self._of: dict[Cell, dict[str, None]] = {}

    def __repr__(self) -> str:
        return f"<Groups {len(self._groups)}>"

    def names(self) -> list[str]:
        """The groups that have members or subscribers, the oldest first."""
        return list(self._groups)

    def members(self, name: str) -> list["Ref"]:
        """The members, in the order in which they joined."""
        group = self._groups.get(name)
        return [cell.ref for cell in group.members] if group is not None else []

    def of(self, cell: "Cell") -> tuple[str, ...]:
        """The groups that the incarnation in `cell` is a member of."""
        return tuple(name for name in self._of.get(cell, ()) if cell in self._groups[name].members)

    def join(self, cell: "Cell", name: str) -> None:
        """Make the incarnation in `cell` a member; nothing happens if it is. Raise `GroupFull`."""
        group = self._group(name)
        if cell in group.members:
            return
        if len(group.members) >= self.limits.members:
            raise GroupFull(f"The group {name} has {self.limits.members} members, which is all it may have.")
        self._enter(cell, name, group)
        group.members[cell] = cell.incarnation
        self._changed(group)

    def leave(self, cell: "Cell", name: str) -> None:
        """End a membership; nothing happens if there is none."""
        group = self._groups.get(name)
        if group is not None and group.members.pop(cell, None) is not None:
            self._left(cell, name, group)
            self._changed(group)

    def subscribe(self, cell: "Cell", name: str) -> list["Ref"]:
        """Send the incarnation in `cell` a notice of each change from now on; the members now. Raise `GroupFull`."""
        group = self._group(name)
        if cell not in group.subscriptions:
            if len(group.subscriptions) >= self.limits.subscribers:
                raise GroupFull(
                    f"The group {name} has {self.limits.subscribers} subscribers, which is all it may have."
                )
            self._enter(cell, name, group)
            group.subscriptions[cell] = GroupNotice(name, group, dict(group.members))
        return self.members(name)

    def unsubscribe(self, cell: "Cell", name: str) -> None:
        """Send no more notices; nothing happens if there is no subscription."""
        group = self._groups.get(name)
        notice = group.subscriptions.pop(cell, None) if group is not None else None
        if group is not None and notice is not None:
            if notice.waiting and notice in cell.inbox.system:
                cell.inbox.system.remove(notice)
            self._left(cell, name, group)

    def forget(self, cell: "Cell") -> None:
        """The incarnation in `cell` is over: its memberships and subscriptions are, too."""
        for name in list(self._of.get(cell, ())):
            self.unsubscribe(cell, name)
            self.leave(cell, name)

    def _group(self, name: str) -> _Group:
        group = self._groups.get(name)
        if group is not None:
            return group
        if len(self._groups) >= self.limits.groups:
            raise GroupFull(
                f"There are {self.limits.groups} groups, which is all there may be, so {name} can't be one."
            )
        return _Group()

    def _enter(self, cell: "Cell", name: str, group: _Group) -> None:
        self._groups[name] = group
        self._of.setdefault(cell, {})[name] = None

    def _left(self, cell: "Cell", name: str, group: _Group) -> None:
        if cell not in group.members and cell not in group.subscriptions:
            names = self._of[cell]
            del names[name]
            if not names:
                del self._of[cell]
        if not group.members and not group.subscriptions:
            del self._groups[name]

    def _changed(self, group: _Group) -> None:
        for cell, notice in group.subscriptions.items():
            if not notice.waiting:
                notice.waiting = True
                cell.inbox.put_system(notice)
