"""The JSON at the edge: request bodies read field by field, results and errors written.

Every reply is one object with `schema` (of this API) and `version` (of the daemon). A field of the wrong type, an
unknown field or a value outside its bounds is a `UsageError` in words; nothing here reaches a node unchecked.
"""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import attrs

from beam_actors import __version__
from beam_actors.errors import BeamError, UsageError

SCHEMA = 1
MAX_TEXT = 512
MAX_ITEMS = 256
_MAX_DEPTH_CHARS = 64
_PLAIN = {str, int, float, bool}
T = TypeVar("T")

_STATUS_BY_CODE = {
    "unknown-command": 404,
    "name-taken": 409, "name-contested": 409, "address-in-use": 409, "home-in-use": 409,
    "quota-exceeded": 429, "resource-exhausted": 429,
    "peer-offline": 502, "target-down": 502, "connection-refused": 502, "unreachable": 502, "connection-lost": 502,
    "actor-unavailable": 503, "actor-dead": 503, "mailbox-full": 503,
}  # fmt: skip
_STATUS_BY_EXIT = {1: 500, 2: 400, 3: 503, 4: 403, 5: 504, 6: 404}


class Fields:
    """A request's body as an object whose fields are taken one by one; `done` refuses what nobody took."""

    def __init__(self, body: bytes) -> None:
        self._values = _parse_object(body)

    def text(self, key: str) -> str:
        """A required text of 1 to 512 printable characters."""
        value = self.optional_text(key)
        if value is None:
            raise UsageError(f"{key!r} is missing.")
        return value

    def optional_text(self, key: str) -> str | None:
        """Like `text`, or None when it is absent or null."""
        value = self._values.pop(key, None)
        return None if value is None else _check_text(key, value)

    def parsed(self, key: str, parse: Callable[[str], T]) -> T:
        """A required text, as the value that `parse` makes of it (raising `UsageError` or a subclass)."""
        return parse(self.text(key))

    def optional_parsed(self, key: str, parse: Callable[[str], T]) -> T | None:
        """Like `parsed`, or None when it is absent."""
        text = self.optional_text(key)
        return None if text is None else parse(text)

    def data(self, key: str, most: int) -> bytes:
        """Required bytes, at most `most` of them, written in base64 (RFC 4648 section 4)."""
        value = self._values.pop(key, None)
        if not isinstance(value, str) or len(value) > 4 * (most // 3 + 1):
            raise UsageError(f"{key!r} is not base64 of at most {most} bytes.")
        try:
            found = base64.b64decode(value, validate=True)
        except ValueError:
            raise UsageError(f"{key!r} is not base64.") from None
        if not 0 < len(found) <= most:
            raise UsageError(f"{key!r} is not base64 of 1 to {most} bytes.")
        return found

    def optional_port(self, key: str) -> int | None:
        """A port from 1 to 65535 as a number, or None."""
        value = self._values.pop(key, None)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= 65535:
            raise UsageError(f"{key!r} is not a port (1 to 65535).")
        return value

    def number(self, key: str, default: int, most: int) -> int:
        """A whole number from 1 to `most`; `default` when it is absent."""
        value = self._values.pop(key, None)
        if value is None:
            return default
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= most:
            raise UsageError(f"{key!r} is not a whole number from 1 to {most}.")
        return value

    def optional_number(self, key: str, most: int) -> int | None:
        """A whole number from 1 to `most`, or None when it is absent."""
        return self.number(key, 0, most) or None

    def flag(self, key: str) -> bool:
        """True or false; false when absent."""
        value = self._values.pop(key, False)
        if not isinstance(value, bool):
            raise UsageError(f"{key!r} is neither true nor false.")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of at most 256 texts; empty when absent."""
        value = self._values.pop(key, None)
        if value is None:
            return ()
        if not isinstance(value, list) or len(value) > MAX_ITEMS:
            raise UsageError(f"{key!r} is not a list of at most {MAX_ITEMS} texts.")
        return tuple(_check_text(key, item) for item in value)

    def done(self) -> None:
        """Raise `UsageError` if a field is left that this daemon does not know."""
        if self._values:
            raise UsageError(f"This daemon (version {__version__}) knows no field {min(self._values)[:60]!r}.")


def _parse_object(body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    if body.count(b"[") + body.count(b"{") > _MAX_DEPTH_CHARS:  # bounds the depth of the parser's recursion
        raise UsageError("The request's JSON is too deep.")
    try:
        value = json.loads(body, parse_int=_small_int)
    except (ValueError, RecursionError):
        raise UsageError("The request's body is not JSON.") from None
    if not isinstance(value, dict):
        raise UsageError("The request's body is not a JSON object.")
    return value


def _small_int(digits: str) -> int:
    if len(digits) > 20:
        raise ValueError("an integer of absurd length")
    return int(digits)


def _check_text(key: str, value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT or not value.isprintable():
        raise UsageError(f"{key!r} is not a text of 1 to {MAX_TEXT} printable characters.")
    return value


def as_json(result: Any) -> Any:
    """A result, or a tuple of them, as what `json` writes."""
    # A tree may have thousands of rows: `attrs.asdict` asks each value what it might be, and takes three times as long.
    if isinstance(result, tuple):
        return [as_json(item) for item in result]
    kind = type(result)
    if not attrs.has(kind):
        return result
    content = {}
    for field in attrs.fields(kind):
        value = getattr(result, field.name)
        content[field.name] = value if value is None or type(value) in _PLAIN else as_json(value)
    return content


def write_reply(content: Mapping[str, Any]) -> bytes:
    """An answer's body: `schema`, `version`, then the content."""
    return json.dumps({"schema": SCHEMA, "version": __version__, **content}, ensure_ascii=False).encode()


def write_error(code: str, message: str, exit_code: int) -> bytes:
    """An error's body."""
    return write_reply({"error": {"code": code, "message": message, "exit_code": exit_code}})


def status_of(error: BeamError) -> int:
    """The HTTP status that an error is answered with."""
    return _STATUS_BY_CODE.get(error.code) or _STATUS_BY_EXIT.get(error.exit_code, 500)
