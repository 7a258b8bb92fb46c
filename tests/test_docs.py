"""Every example of docs/runtime.md runs in virtual time and prints what is below it; `UPDATE_DOCS=1` writes that."""

import os
import re
from pathlib import Path

import attrs
import pytest

import beam_actors.runtime
from beam_actors.testing.seeded import run_seeded

DOCUMENT = Path(__file__).parents[1] / "docs" / "runtime.md"
BLOCK = re.compile(r"^```python\n(?P<code>.*?)^```\n(?:```text\n(?P<printed>.*?)^```\n)?", re.DOTALL | re.MULTILINE)
MAIN = "async def main("


@attrs.frozen
class Example:
    line: int
    heading: str
    code: str
    printed: str | None

    def run_in(self, names):
        # With empty lines before it, so that a traceback points into the page.
        exec(compile("\n" * self.line + self.code, str(DOCUMENT), "exec"), names)


def examples():
    text = DOCUMENT.read_text()
    for match in BLOCK.finditer(text):
        before = text[: match.start()]
        heading = re.findall(r"^## (.*)$", before, re.MULTILINE)
        yield Example(before.count("\n") + 1, heading[-1] if heading else "", match["code"], match["printed"])


ALL = list(examples())
SHARED = [example for example in ALL if MAIN not in example.code]
RUN = [example for example in ALL if MAIN in example.code]


def run(example, seed, capsys):
    names = {"__name__": "example"}
    for shared in SHARED:
        if shared.line < example.line:
            shared.run_in(names)
    example.run_in(names)
    run_seeded(seed, names["main"])
    return capsys.readouterr().out


@pytest.mark.parametrize("example", RUN, ids=[f"{example.heading} (line {example.line})" for example in RUN])
def test_an_example_prints_what_the_page_says(example, capsys):
    printed = run(example, 0, capsys)
    if os.environ.get("UPDATE_DOCS"):
        text = DOCUMENT.read_text()
        DOCUMENT.write_text(
            text.replace(
                f"{example.code}```\n```text\n{example.printed}```", f"{example.code}```\n```text\n{printed}```"
            )
        )
        return
    assert printed == example.printed
    for seed in range(1, 8):  # in whatever order trio runs what could run at the same moment
        assert run(example, seed, capsys) == printed


def test_every_example_says_what_it_prints():
    assert len(RUN) > 10
    assert [example.line for example in RUN if not example.printed] == []
    assert [example.line for example in SHARED if example.printed is not None] == []
    assert DOCUMENT.read_text().count("```python") == len(ALL)


def test_the_page_names_everything_that_the_runtime_exports():
    text = DOCUMENT.read_text()
    missing = [name for name in beam_actors.runtime.__all__ if not re.search(rf"\b{name}\b", text)]
    assert missing == []
