"""The random names that this machine made up, each for a purpose, such as a local port that is offered without a name.

They are own names like others, and there is no end of purposes; so the one that was not asked for for the longest time
is the first to make room when its owner may hold no more. Invariant: a name that a person asked for by itself is that
person's to give up. Which of them something is offered under now, or about to be, is not known here. Pure: the time is
an argument, in seconds since 1970.
"""

from collections.abc import Callable

from beam_actors.naming import records
from beam_actors.naming.records import Made
from beam_actors.ports import Change
from beam_actors.values import Name


class MadeNames:
    """By purpose; whether they are still own, `Knowledge.own` says. One holder."""

    __slots__ = ("_by_purpose", "_record")

    def __init__(self, record: Callable[[Change], None]) -> None:
        """`record` is given the store's changes."""
        self._record = record
        self._by_purpose: dict[str, Made] = {}  # in the order of use, within the second that is noted

    def __repr__(self) -> str:
        return f"<MadeNames for {len(self._by_purpose)} purposes>"

    def name_for(self, purpose: str) -> Name | None:
        """The one that was made for the purpose, if there is one."""
        made = self._by_purpose.get(purpose)
        return None if made is None else made.name

    def keep(self, purpose: str, name: Name, now: float) -> None:
        """The name was made for the purpose, now or before, and somebody asks for it now."""
        before = self._by_purpose.get(purpose)
        chosen = before is not None and before.name == name and before.used is None
        self._put(purpose, Made(name, None if chosen else int(now)))

    def choose(self, name: Name) -> None:
        """A person asks for the name by itself, for whatever it was made."""
        for purpose, made in list(self._by_purpose.items()):
            if made.name == name and made.used is not None:
                self._put(purpose, Made(name, None))

    def _put(self, purpose: str, made: Made) -> None:
        self._by_purpose.pop(purpose, None)
        self._by_purpose[purpose] = made
        self._record(records.put_made(purpose, made))

    def unchosen(self) -> list[Name]:
        """Those that nobody asked for by itself; the one that was asked for longest ago first."""
        made = [(one.used, one.name) for one in self._by_purpose.values() if one.used is not None]
        return [name for _used, name in sorted(made, key=lambda one: one[0])]

    # --- from the store -----------------------------------------------------------------------------------------------

    def load(self, purpose: str, made: Made) -> None:
        """Take one back."""
        self._by_purpose[purpose] = made
