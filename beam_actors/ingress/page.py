"""A page, and how it is rendered: HTML for people, JSON or a few lines of text for programs.

Invariants: everything that came from outside is escaped; the page loads nothing and runs nothing (its Content-Security-
Policy names the hash of its one style); it is never cached, and the connection is closed after it. A page never acts:
what changes something is a command that it shows (an action reachable from the contested name's own origin could be
triggered by whoever holds that name). Its only links lead to the choices of a contested name,
and to whoever else holds a pinned one.
"""

import base64
import enum
import hashlib
import html
import http
import json
from typing import Any

import attrs

_STYLE = """\
:root{color-scheme:light dark;--ink:#1c2430;--soft:#566172;--ground:#f3f5f8;--card:#fff;--line:#dde3ea;--beam:#1f5bd8;\
--good:#1a7f4b;--bad:#c0362c}
@media(prefers-color-scheme:dark){:root{--ink:#e8ecf2;--soft:#a0abba;--ground:#0f1318;--card:#181e26;--line:#2c3541;\
--beam:#8ab0ff;--good:#5ccf92;--bad:#ff8b80}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:clamp(.75rem,4vw,2rem);\
background:var(--ground);color:var(--ink);font:1rem/1.55 system-ui,sans-serif}
main{width:min(38rem,100%);min-width:0;background:var(--card);border:1px solid var(--line);border-radius:14px;\
padding:clamp(1.25rem,5vw,2.25rem);box-shadow:0 12px 40px rgb(0 0 0/.07)}
p,h1,li{overflow-wrap:anywhere}
h1{margin:0 0 .75rem;font-size:clamp(1.3rem,5vw,1.6rem);line-height:1.25}
p{margin:.5rem 0}
h2{margin:1.6rem 0 .5rem;font-size:1rem}
ul,ol{margin:0;padding:0;list-style:none}
li{margin:.65rem 0}
code{display:block;margin-top:.35rem;padding:.55rem .8rem;background:var(--ground);border:1px solid var(--line);\
border-radius:8px;font:.875rem/1.45 ui-monospace,monospace;overflow-wrap:anywhere;user-select:all}
a{color:var(--beam)}
.way{display:flex;flex-wrap:wrap;gap:.4rem;margin:0 0 1.4rem;font-size:.85rem}
.way li{margin:0;padding:.15rem .7rem;border:1px solid var(--line);border-radius:99px;color:var(--soft)}
.way .good{color:var(--good)}
.way .bad{color:var(--bad);border-color:currentcolor;font-weight:600}
.good::before{content:"\\2713\\a0"}
.bad::before{content:"\\2717\\a0"}
.choice{margin:.8rem 0;padding:.9rem 1rem;border:1px solid var(--line);border-radius:10px}
.choice p{margin:.15rem 0}
.soft{color:var(--soft);font-size:.875rem}
footer{margin-top:1.8rem;padding-top:.9rem;border-top:1px solid var(--line);color:var(--soft);font-size:.85rem}"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_MAX_TEXT = 2000
_REASONS = {421: "Misdirected Request", 431: "Request Header Fields Too Large"}


class Hop(enum.Enum):
    """What a request passes on its way, in this order; the value is what a person calls it."""

    NAME = "Name"
    MACHINE = "Owner's machine"
    APP = "App"


PROGRAM = "beam"
OF_ANOTHER_HOME = f"{PROGRAM} --home '<DIR>'"
"""How a person calls the program for a daemon whose home is not the platform's. The path itself stands on no page,
since scripts of the site could read it there; quoted, or a shell would write to a file named by the next word."""
_WHICH_HOME = "<DIR> is the folder of this machine's Beam daemon: what it was started with as --home or BEAM_HOME."


@attrs.frozen(slots=True)
class Step:
    """Something that a person can do next, and what to type for it."""

    text: str
    command: str = ""
    over_there: bool = False
    """Whether it is to be typed on another machine."""


@attrs.frozen(slots=True, kw_only=True)
class Option:
    """One of the owners of a contested name, or one who holds a pinned name that its owner holds no longer."""

    owner: str
    """The whole owner id."""
    short: str
    """Its first characters, for people."""
    since: str
    """When this machine first saw the owner hold the name, in words."""
    url: str
    """Where this owner's site is, whatever the others claim."""
    pin: str
    """The command that decides for this owner."""
    equivocates: bool


@attrs.frozen(slots=True)
class Page:
    """Why a request cannot be served, for each kind of reader."""

    status: int
    code: str
    """The stable word for programs, as in `--json` elsewhere."""
    title: str
    message: str
    """What happened, in words for a person who knows nothing of this program."""
    detail: str = ""
    """What the daemon said itself."""
    broke_at: Hop | None = None
    """How far the request came, if it was for a name."""
    steps: tuple[Step, ...] = ()
    options: tuple[Option, ...] = ()
    retry_after: int | None = None
    """Seconds after which asking again may help; programs read it (RFC 9110 section 10.2.3)."""
    program: str = PROGRAM
    """How the commands call this program, in what people read."""

    def render(self, *, accept: str = "", head_only: bool = False) -> bytes:
        """The whole response: HTML if `accept` names text/html, JSON if it names that, else plain text."""
        kinds = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
        for_people = "text/html" in kinds or "application/json" not in kinds
        if for_people and self.program != PROGRAM:
            return self._as_called().render(accept=accept, head_only=head_only)
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
            *([] if self.retry_after is None else [f"Retry-After: {self.retry_after}"]),
            "Cache-Control: no-store",
            f"Content-Security-Policy: {_POLICY}",
            "X-Content-Type-Options: nosniff",
            "Referrer-Policy: no-referrer",
            "Server: beam-actors",
            "",
            "",
        ]
        return "\r\n".join(fields).encode("ascii") + (b"" if head_only else content)

    def _as_called(self) -> "Page":
        """The same page, its commands of this machine as they must be typed."""
        steps = [
            step if step.over_there else attrs.evolve(step, command=self._call(step.command)) for step in self.steps
        ]
        options = [attrs.evolve(option, pin=self._call(option.pin)) for option in self.options]
        detail = self.detail.replace(f"`{PROGRAM} ", f"`{self.program} ")
        if options or detail != self.detail or any(step.command and not step.over_there for step in steps):
            steps.append(Step(_WHICH_HOME))
        return attrs.evolve(self, detail=detail, steps=tuple(steps), options=tuple(options), program=PROGRAM)

    def _call(self, command: str) -> str:
        return command.replace(PROGRAM, self.program, 1)

    def _html(self) -> str:
        title = html.escape(self.title)
        parts = [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}</title><style>{_STYLE}</style></head><body><main>",
            self._way(),
            f"<h1>{title}</h1><p>{_escape(self.message)}</p>",
            *(_option(option) for option in self.options),
        ]
        if self.steps:
            parts += ["<h2>What you can do</h2><ul>", *(_step(step) for step in self.steps), "</ul>"]
        if self.detail:
            parts.append(f'<h2>Details</h2><p class="soft">{_escape(self.detail)}</p>')
        parts.append(
            f"<footer>{self.status} · {html.escape(self.code)} · This page comes from Beam on this machine, "
            "not from the site.</footer></main></body></html>\n"
        )
        return "".join(parts)

    def _way(self) -> str:
        if self.broke_at is None:
            return ""
        hops = list(Hop)
        broken = hops.index(self.broke_at)
        classes = [' class="good"'] * broken + [' class="bad"'] + [""] * (len(hops) - broken - 1)
        items = "".join(f"<li{kind}>{hop.value}</li>" for hop, kind in zip(hops, classes, strict=True))
        return f'<ol class="way">{items}</ol>'

    def _json(self) -> str:
        fields: dict[str, Any] = {"schema": 1, "status": self.status, "error": self.code}
        fields |= {"message": self.message[:_MAX_TEXT], "detail": self.detail[:_MAX_TEXT]}
        if self.options:
            fields["choices"] = [
                {"owner": one.owner, "url": one.url, "equivocates": one.equivocates} for one in self.options
            ]
        return json.dumps(fields) + "\n"

    def _text(self) -> str:
        lines = [f"{self.status} {self.title}", self.message[:_MAX_TEXT]]
        for option in self.options:
            lines += [f"- {option.owner}, {option.since}", f"    {option.url}", f"    {option.pin}"]
        for step in self.steps:
            lines += [f"- {step.text}", *([f"    {step.command}"] if step.command else [])]
        if self.detail:
            lines.append(f"({self.detail[:_MAX_TEXT]})")
        return "\n".join(lines) + "\n"


def _escape(text: str) -> str:
    return html.escape(text[:_MAX_TEXT])


def _step(step: Step) -> str:
    command = f"<code>{html.escape(step.command)}</code>" if step.command else ""
    return f"<li>{html.escape(step.text)}{command}</li>"


def _option(option: Option) -> str:
    url = html.escape(option.url)
    doubt = "<p>It signed two different claims at once: be careful.</p>" if option.equivocates else ""
    return (
        f'<div class="choice"><p>Owner <b>{html.escape(option.short)}</b>, {html.escape(option.since)}</p>{doubt}'
        f'<p class="soft">Open it this once: <a rel="noreferrer" href="{url}">{url}</a></p>'
        f'<p class="soft">Always use it on this machine:</p><code>{html.escape(option.pin)}</code></div>'
    )
