"""The living splices of a pump by their tags, and what went through those that ended.

Invariant: whoever asks pays. A splice counts its own bytes as it moves them; sums are made when somebody wants them, of
the splices that carry one tag, and what a splice moved is added to its tags' accounts when it ends. Accounts are kept
only for tags that somebody opened one for, so strangers' tags leave nothing behind.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

import attrs

from beam_actors.flow.splice import Splice


@attrs.frozen(slots=True)
class Traffic:
    """What went through the splices of a tag since its account was opened, in this run of the pump."""

    live: int = 0
    """Splices now."""
    opened: int = 0
    """Splices in all."""
    forth: int = 0
    """Bytes from their first links to their second."""
    back: int = 0
    """Bytes from their second links to their first."""


NO_TRAFFIC = Traffic()


@attrs.define(slots=True)
class _Account:
    """What a tag's splices were, and what those moved that ended."""

    opened: int = 0
    forth: int = 0
    back: int = 0


_NONE: Mapping[Splice, None] = MappingProxyType({})


class Splices:
    """All of them, in the order of their making."""

    def __init__(self) -> None:
        self._all: dict[Splice, None] = {}
        self._tagged: dict[str, dict[Splice, None]] = {}
        self._accounts: dict[str, _Account] = {}
        self.total = 0
        """How many there ever were."""

    def add(self, splice: Splice) -> Splice:
        """Enter a new one."""
        self._all[splice] = None
        for tag in set(splice.tag):
            self._tagged.setdefault(tag, {})[splice] = None
            if tag in self._accounts:
                self._accounts[tag].opened += 1
        self.total += 1
        return splice

    def remove(self, splice: Splice) -> None:
        """Forget one that ended."""
        if splice not in self._all:
            return
        del self._all[splice]
        for tag in set(splice.tag):
            tagged = self._tagged[tag]
            del tagged[splice]
            if not tagged:
                del self._tagged[tag]
            if tag in self._accounts:
                account, (forth, back) = self._accounts[tag], splice.bytes
                account.forth += forth
                account.back += back

    def count(self, tag: str) -> int:
        """How many carry the tag, at no cost however many there are."""
        return len(self._tagged.get(tag, _NONE))

    def find(self, tag: str) -> list[Splice]:
        """Those that carry the tag."""
        return list(self._tagged.get(tag, _NONE))

    def abort(self, tag: str) -> int:
        """Reset those that carry the tag: how many there were."""
        found = self.find(tag)
        for splice in found:
            splice.abort()
        return len(found)

    # --- what went through them ---

    def open_account(self, tag: str) -> None:
        """Keep account of the tag from now on, if that is not done yet."""
        self._accounts.setdefault(tag, _Account())

    @property
    def accounts(self) -> tuple[str, ...]:
        """The tags that account is kept of."""
        return tuple(self._accounts)

    def close_account(self, tag: str) -> None:
        """Forget what went through; nothing happens if nobody kept account."""
        self._accounts.pop(tag, None)

    def traffic(self, tag: str) -> Traffic:
        """What went through the splices of the tag, those that live included."""
        account = self._accounts.get(tag) or _Account()
        forth, back = account.forth, account.back
        for splice in self._tagged.get(tag, _NONE):
            there, here = splice.bytes
            forth += there
            back += here
        return Traffic(self.count(tag), account.opened, forth, back)

    def __iter__(self) -> Iterator[Splice]:
        return iter(list(self._all))

    def __len__(self) -> int:
        return len(self._all)

    def __repr__(self) -> str:
        return f"<Splices {len(self)} alive of {self.total}>"
