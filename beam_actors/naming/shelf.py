"""Values by two keys, as claims are by name and owner: all of a group, or one of its members.

Nearly all names have one owner, and many owners one name: a dictionary for each would take as much memory as a claim.
Invariant: a group holds at most one value for each member, in the order in which the members came; an empty group is
none. What is kept here is no dictionary itself.
"""

from collections.abc import Callable, Collection, Hashable, Iterator, KeysView
from typing import Generic, TypeVar

Group = TypeVar("Group", bound=Hashable)
Member = TypeVar("Member", bound=Hashable)
Value = TypeVar("Value")


class Shelf(Generic[Group, Member, Value]):
    """Each value says by itself which `member` of its group it belongs to."""

    __slots__ = ("_groups", "_member")

    def __init__(self, member: Callable[[Value], Member]) -> None:
        self._member = member
        self._groups: dict[Group, Value | dict[Member, Value]] = {}

    def __len__(self) -> int:
        return len(self._groups)

    def __contains__(self, group: Group) -> bool:
        return group in self._groups

    def groups(self) -> KeysView[Group]:
        """All that have a member, in the order in which they came."""
        return self._groups.keys()

    def of(self, group: Group) -> Collection[Value]:
        """The values of a group."""
        here = self._groups.get(group)
        if here is None:
            return ()
        return here.values() if isinstance(here, dict) else (here,)

    def values(self) -> Iterator[Value]:
        """All that is here, group after group; nothing may come or go before the end of it."""
        for here in self._groups.values():
            if isinstance(here, dict):
                yield from here.values()
            else:
                yield here

    def get(self, group: Group, member: Member) -> Value | None:
        """One value."""
        here = self._groups.get(group)
        if isinstance(here, dict):
            return here.get(member)
        return here if here is not None and self._member(here) == member else None

    def put(self, group: Group, value: Value) -> bool:
        """Keep it, in the place of the one of the same member; whether there was none."""
        here = self._groups.get(group)
        if here is None:
            self._groups[group] = value
            return True
        member = self._member(value)
        if isinstance(here, dict):
            count = len(here)
            here[member] = value
            return len(here) > count
        other = self._member(here)
        self._groups[group] = value if other == member else {other: here, member: value}
        return other != member

    def pop(self, group: Group, member: Member) -> Value | None:
        """Keep one no longer; the value, if there was one."""
        found = self.get(group, member)
        if found is None:
            return None
        here = self._groups[group]
        if not isinstance(here, dict):
            del self._groups[group]
            return found
        del here[member]
        if len(here) == 1:
            [self._groups[group]] = here.values()
        return found

    def __repr__(self) -> str:
        return f"<Shelf of {len(self._groups)} groups>"
