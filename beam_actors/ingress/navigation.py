"""Whether a request is a page that a person opened: then the name in its address is one that a person saw and meant.

Invariant: what a page of another site loads, prefetches, frames or leads to is never one, whatever it does, since a
browser writes these fields itself and lets no page write them: it is an address that was typed, or a bookmark, or a
link within the site. They come over HTTPS only; who sends none is no browser, or an old one, and opens nothing here. A
program of this user could send them, too, but it could as well run `beam pin`.

Sources: W3C Fetch Metadata Request Headers, sections 2.1 to 2.4; WHATWG Fetch, `Sec-Purpose`.
"""

from collections.abc import Mapping, Sequence
from typing import Final

_WANTED: Final = {
    b"sec-fetch-mode": b"navigate",  # no image, script or fetch()
    b"sec-fetch-dest": b"document",  # no frame, embed or object
    b"sec-fetch-user": b"?1",  # a key, a click, or the address bar; not a script or a refresh
}
_SITES: Final = ([b"none"], [b"same-origin"])
"""Nobody led there but the person, or the site itself. A click on another page can be made into anything."""
_UNWANTED: Final = (b"sec-purpose", b"purpose", b"x-purpose", b"x-moz")
"""Who sends one of them fetches ahead, and shows nothing yet."""


def is_navigation(method: str, fields: Mapping[bytes, Sequence[bytes]]) -> bool:
    """Judge a request by its method and its fields: lower-case names with all their values, in order."""
    return (
        method == "GET"
        and all(list(fields.get(name, ())) == [value] for name, value in _WANTED.items())
        and list(fields.get(b"sec-fetch-site", ())) in _SITES
        and not any(name in fields for name in _UNWANTED)
    )
