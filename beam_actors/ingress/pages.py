"""What a client sees when its request cannot be served: a page for people, a few words or JSON for programs.

Invariants: everything that came from outside is escaped; the page loads nothing and runs nothing (its Content-Security-
Policy names the hash of its one style); it is never cached, and the connection is closed after it. A page never acts:
what changes something is a command that it shows (an action reachable from the contested name's own origin could be
triggered by whoever holds that name).
"""

import base64
import hashlib
import html
import http
import json

import attrs

from beam_actors.errors import (
    AskTimeout,
    BeamError,
    InvalidName,
    NameContested,
    NameNotFound,
    NetworkError,
    NotAllowed,
    PeerOffline,
    ResourceExhausted,
    TargetDown,
    TimedOut,
    TunnelNotFound,
    TunnelRefused,
)
from beam_actors.ingress.heads import BadHead

_STYLE = """\
:root{color-scheme:light dark;--ink:#1c2430;--soft:#5b6675;--ground:#f4f6f9;--card:#fff;--line:#dde3ea;--beam:#2f6bff}
@media(prefers-color-scheme:dark){:root{--ink:#e8ecf2;--soft:#9aa6b5;--ground:#11151b;--card:#191f28;--line:#2a323e;\
--beam:#7aa2ff}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.5rem;background:var(--ground);\
color:var(--ink);font:1rem/1.55 system-ui,sans-serif}
main{width:min(36rem,100%);background:var(--card);border:1px solid var(--line);border-top:4px solid var(--beam);\
border-radius:12px;padding:2rem 2.25rem;box-shadow:0 12px 40px rgb(0 0 0/.08)}
.status{margin:0;color:var(--beam);font-weight:600;letter-spacing:.04em}
h1{margin:.2rem 0 1rem;font-size:1.55rem;line-height:1.25;overflow-wrap:anywhere}
p{margin:.6rem 0;overflow-wrap:anywhere}
h2{margin:1.6rem 0 .4rem;font-size:.95rem;color:var(--soft)}
ul{margin:0;padding:0;list-style:none}
li{margin:.5rem 0}
code{display:block;padding:.55rem .8rem;background:var(--ground);border:1px solid var(--line);border-radius:8px;\
font:.9rem/1.4 ui-monospace,monospace;overflow-wrap:anywhere}
footer{margin-top:1.8rem;padding-top:.9rem;border-top:1px solid var(--line);color:var(--soft);font-size:.85rem}"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_MAX_TEXT = 2000
_REASONS = {421: "Misdirected Request", 431: "Request Header Fields Too Large"}


@attrs.frozen(slots=True)
class Page:
    """Why a request cannot be served, for both kinds of reader."""

    status: int
    code: str
    """The stable word for programs, as in `--json` elsewhere."""
    title: str
    message: str
    commands: tuple[str, ...] = ()
    """What a person can type to see more or to change it."""

    def render(self, *, accept: str = "", head_only: bool = False) -> bytes:
        """The whole response: HTML if `accept` names text/html, JSON if it names that, else plain text."""
        kinds = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
        if "text/html" in kinds:
            kind, body = "text/html", self._html()
        elif "application/json" in kinds:
            kind, body = "application/json", self._json()
        else:
            kind, body = "text/plain", self._text()
        content = body.encode()
        fields = [
            f"HTTP/1.1 {self.status} {_REASONS.get(self.status) or http.HTTPStatus(self.status).phrase}",
            f"Content-Type: {kind}; charset=utf-8",
            f"Content-Length: {len(content)}",
            "Connection: close",
            "Cache-Control: no-store",
            f"Content-Security-Policy: {_POLICY}",
            "X-Content-Type-Options: nosniff",
            "Referrer-Policy: no-referrer",
            "Server: beam-actors",
            "",
            "",
        ]
        return "\r\n".join(fields).encode("ascii") + (b"" if head_only else content)

    def _html(self) -> str:
        escaped = [f"<li><code>{html.escape(command)}</code></li>" for command in self.commands]
        advice = f"<h2>What you can do</h2><ul>{''.join(escaped)}</ul>" if escaped else ""
        title, message = html.escape(self.title), html.escape(self.message[:_MAX_TEXT])
        return (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{title}</title><style>{_STYLE}</style></head><body><main>"
            f'<p class="status">{self.status}</p><h1>{title}</h1><p>{message}</p>{advice}'
            "<footer>This page comes from the Beam daemon on this machine, not from the site.</footer>"
            "</main></body></html>\n"
        )

    def _json(self) -> str:
        fields = {"schema": 1, "status": self.status, "error": self.code, "message": self.message[:_MAX_TEXT]}
        return json.dumps(fields) + "\n"

    def _text(self) -> str:
        lines = [
            f"{self.status} {self.title}",
            self.message[:_MAX_TEXT],
            *(f"  {command}" for command in self.commands),
        ]
        return "\n".join(lines) + "\n"


@attrs.frozen(slots=True)
class _Fault:
    """How an error looks from outside. `{host}` stands for the name; an error without words gets `otherwise`."""

    errors: tuple[type[BeamError], ...]
    status: int
    code: str
    title: str
    otherwise: str
    commands: tuple[str, ...] = ()


_FAULTS = (  # the first row that fits an error wins: subclasses stand before their bases
    _Fault(
        (NameNotFound, InvalidName),
        404,
        "name-not-found",
        "{host} is not known",
        "Nobody is known to hold this name.",
        ("beam resolve {host}",),
    ),
    _Fault(
        (NameContested,),
        409,
        "name-contested",
        "{host} is contested",
        "Several owners claim this name and no rule decides between them, so none is used.",
        ("beam names conflicts", "beam pin {host} OWNER"),
    ),
    _Fault(
        (TunnelNotFound,),
        404,
        "tunnel-not-found",
        "{host} offers nothing here",
        "The owner's machine offers no such port.",
    ),
    _Fault(
        (TunnelRefused, NotAllowed),
        403,
        "tunnel-refused",
        "{host} does not let you in",
        "Its owner restricts who may open it.",
    ),
    _Fault(
        (TargetDown,),
        502,
        "target-down",
        "The app behind {host} is down",
        "Nothing listens on the port that is exposed.",
    ),
    _Fault(
        (PeerOffline,),
        504,
        "peer-offline",
        "{host} is offline",
        "Its owner's machine can't be reached now.",
        ("beam ping {host}",),
    ),
    _Fault(
        (TimedOut, AskTimeout),
        504,
        "timed-out",
        "{host} did not answer",
        "Its owner's machine did not answer in time.",
        ("beam ping {host}",),
    ),
    _Fault(
        (ResourceExhausted,),
        503,
        "resource-exhausted",
        "Too busy",
        "This daemon holds as many connections as it may.",
    ),
    _Fault(
        (NetworkError,),
        502,
        "network-error",
        "The connection to {host} broke",
        "It was cut while it was being opened.",
    ),
)


def page_for(error: BeamError, host: str) -> Page:
    """The page for an error that came up while `host` was opened (`host` may be empty if it is not known yet)."""
    said = str(error)
    if isinstance(error, BadHead):
        return Page(error.status, error.code, "This request makes no sense", said)
    for fault in _FAULTS:
        if isinstance(error, fault.errors):
            commands = tuple(command.format(host=host) for command in fault.commands)
            return Page(fault.status, fault.code, fault.title.format(host=host), said or fault.otherwise, commands)
    return Page(503, error.code, "The daemon could not do this", "It failed inside; its log says why.", ("beam logs",))


def misdirected(host: str, served: str) -> Page:
    """The page when the Host is not what TLS was set up for, or is no name of ours (RFC 9110 section 15.5.20)."""
    if served:
        message = f"The connection was made for {served}, and the request is for {host}."
    else:
        message = f"{host} is not a name that this daemon serves."
    return Page(421, "misdirected", "This request went astray", message)


def too_slow() -> Page:
    """The page when no complete request came in time."""
    return Page(408, "timed-out", "The request did not arrive", "No complete request came in time.")
