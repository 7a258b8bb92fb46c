import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from beam_actors.cli import output
from beam_actors.cli.output import Output, amount, clean, counted, duration, is_colourful, program_at


def test_clean_leaves_text_and_takes_control():
    assert clean("plain ⚡ text") == "plain ⚡ text"
    assert clean("a\x1b[31mb\x07\u202ec\r\nd") == "a\ufffd[31mb\ufffd\ufffdc\ufffd\nd"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (86400 * 30, "30 d")],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (9_949, "9.9 kB"), (12_345, "12 kB"), (999_499, "999 kB"),
     (999_500, "1.0 MB"), (3_400_000, "3.4 MB"), (5 * 10**9, "5.0 GB"), (2 * 10**12, "2.0 TB")],
)  # fmt: skip
def test_amounts_of_bytes(size, text):
    assert amount(size) == text


def test_a_hint_is_of_the_program_as_it_was_called(capsys):
    Output(as_json=False, program=program_at(Path("/my home"))).note("Try `beam names` or `beam-actors`.")
    assert capsys.readouterr().err == "Try `beam --home '/my home' names` or `beam-actors`.\n"


def test_a_hint_for_another_machine_stands_in_quotes_and_is_not_of_the_program_here():
    out = Output(as_json=False, program=program_at(Path("/h")))
    for theirs in ('their "beam id"', 'On each other machine of yours: "beam stop"', 'over there: "beam register x"'):
        assert out.hinted(f"`beam id`. {theirs}, `beam id`") == f"`beam --home /h id`. {theirs}, `beam --home /h id`"
    assert out.hinted("`beam --help` lists them.") == "`beam --help` lists them."


def test_no_word_of_another_machine_comes_with_a_hint_for_this_one():
    """What says "over there" in words says so by quotes as well, or it would be told to be typed here."""
    theirs = re.compile(r"(their |over there[:,] |machine of yours[:,a-z ]*)`beam |`beam [^`]*` over there")
    texts = {path: path.read_text("utf-8") for path in (Path(output.__file__).parents[1]).rglob("*.py")}
    assert len(texts) > 300
    assert [str(path) for path, text in texts.items() if theirs.search(text)] == []


class Screen(io.StringIO):
    def isatty(self):
        return True


def test_prose_fits_a_terminal_and_is_whole_in_a_pipe(monkeypatch, capsys):
    out, text = Output(as_json=False), "A remark that is longer than that terminal is wide."
    monkeypatch.setenv("COLUMNS", "30")
    for say in (out.note, out.prose, out.line):
        say(text)
    assert capsys.readouterr() == (f"{text}\n" * 2, f"{text}\n")
    screen = Screen()
    for stream in ("stdout", "stderr"):
        monkeypatch.setattr(sys, stream, screen)
    for say in (out.note, out.prose, out.line):
        say(text)
    broken = "A remark that is longer than\nthat terminal is wide.\n"
    assert screen.getvalue() == f"{broken * 2}{text}\n"
    monkeypatch.delenv("COLUMNS")
    assert output.to_fit(text, screen) == text  # it knows no size


def test_counted():
    assert [counted(n, "peer") for n in (0, 1, 2)] == ["0 peers", "1 peer", "2 peers"]


@pytest.mark.parametrize(
    ("terminal", "environment", "colourful"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
    ],
)
def test_colour_is_for_terminals_that_want_it(monkeypatch, terminal, environment, colourful):
    monkeypatch.setattr(output, "is_terminal", lambda: terminal)
    for key in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(key, raising=False)
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    assert is_colourful() is colourful


ROWS = [("byron", "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq", "-"), ("x", "[bold]y[/bold]\x1b[31m", "z z")]


@pytest.fixture
def show(monkeypatch, capsys):
    """What a table of `ROWS` looks like on a terminal of so many columns."""

    def call(columns):
        monkeypatch.setattr(output, "is_terminal", lambda: True)
        monkeypatch.setenv("NO_COLOR", "1")
        monkeypatch.setenv("COLUMNS", str(columns))
        Output(as_json=False).table(("name", "peer", "note"), ROWS, empty="none")
        return capsys.readouterr().out

    return call


def test_a_table_that_fits_has_headings_and_no_markup_from_others(show):
    heading, first, second = show(67).splitlines()
    assert heading.split() == ["name", "peer", "note"]
    assert first == f"byron   {ROWS[0][1]}   -"
    assert second.startswith("x       [bold]y[/bold]\ufffd[31m ")
    assert second.index("z z") == heading.index("note")


def test_where_there_is_less_room_an_id_is_shortened(show):
    heading, first, _second = show(40).splitlines()
    assert heading.split() == ["name", "peer", "note"]
    name, peer, note = first.split()
    assert (name, peer[:9], note) == ("byron", "12D3KooW…", "-")
    assert ROWS[0][1].endswith(peer[9:])
    assert len(first) <= 40


def test_what_is_left_out_is_said(monkeypatch, capsys):
    monkeypatch.setattr(output, "is_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "10")
    Output(as_json=False).table(("a", "b"), [("1234567", "1234567")], empty="none", spare=("b",))
    captured = capsys.readouterr()
    assert "b" not in captured.out
    assert captured.err == "Left out for want of width: b (a pipe shows all).\n"


def test_a_table_that_does_not_fit_breaks_no_value(show):
    assert show(30).splitlines() == [
        "name  byron",
        f"peer  {ROWS[0][1]}",
        "",
        "name  x",
        "peer  [bold]y[/bold]\ufffd[31m",
        "note  z z",
    ]


def test_a_column_that_no_row_fills_is_left_out_on_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr(output, "is_terminal", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    Output(as_json=False).table(("a", "b"), [("1", "-"), ("2", "-")], empty="none")
    assert capsys.readouterr().out == "a\n1\n2\n"


def test_a_table_in_a_pipe_is_for_cut_and_awk(capsys):
    Output(as_json=False).table(("a", "b"), [("1", "2")], empty="none")
    Output(as_json=False).table(("a", "b"), [], empty="none")
    captured = capsys.readouterr()
    assert captured.out == "1\t2\n"
    assert captured.err == "none\n"


def test_a_person_who_looks_on_finds_the_headings_of_a_piped_table_on_stderr(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    Output(as_json=False).table(("a", "b"), [("1", "2")], empty="none")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("1\t2\n", "a   b\n")


def program(arguments, *, closed="", **streams):
    """Run the program with streams of its own; `closed` is what a shell writes to close one."""
    line = f'exec "$0" -m beam_actors "$@" {closed}'
    return subprocess.run(
        ["/bin/sh", "-c", line, sys.executable, *arguments], check=False, timeout=50, stderr=subprocess.PIPE, **streams
    )


@pytest.mark.parametrize("arguments", [["--help"], ["start", "--help"], ["logs", "--json"], ["logs"], ["--version"]])
def test_output_that_can_not_be_written_is_one_sentence(tmp_path, arguments):
    (tmp_path / "beam.log").write_text("{}\n" * 3)
    with Path("/dev/full").open("wb") as full:
        done = program(["--home", str(tmp_path), *arguments], stdout=full)
    assert done.returncode == 1
    said = done.stderr.decode()
    assert said.startswith("Error: The output can't be written (No space left on device)")
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(("closed", "exit_code"), [("2>/dev/full", 0), ("2>&-", 0), ("<&-", 0)])
def test_a_stream_that_is_not_there_and_not_needed_is_no_error(tmp_path, closed, exit_code):
    (tmp_path / "beam.log").write_text("{}\n")
    done = program(["--home", str(tmp_path), "logs"], closed=closed, stdout=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (exit_code, b"")


@pytest.mark.parametrize("closed", [">&-", ">&- <&-", ">&- 2>&- <&-"])
@pytest.mark.parametrize("arguments", [["--help"], ["logs", "--json"], ["logs"]])
def test_data_that_nobody_can_get_is_an_error(tmp_path, closed, arguments):
    (tmp_path / "beam.log").write_text("{}\n")
    done = program(["--home", str(tmp_path), *arguments], closed=closed)
    assert done.returncode == 1
    heard = [] if "2>&-" in closed else ["Error: The output can't be written (Bad file descriptor): send it elsewhere"]
    assert [line.partition(",")[0] for line in done.stderr.decode().splitlines()] == heard


def test_what_writes_nothing_misses_no_stdout(tmp_path):
    assert program(["--home", str(tmp_path), "logs"], closed=">&-").returncode == 0


@pytest.mark.parametrize("closed", [">&-", ">/dev/full", "| true"])
@pytest.mark.parametrize(("arguments", "exit_code"), [(["status"], 3), (["names", "--nope"], 2)])
def test_an_error_keeps_its_exit_code_and_sentence_though_its_object_is_lost(tmp_path, closed, arguments, exit_code):
    line = f'{{ "$0" -m beam_actors --home "$1" {" ".join(arguments)} --json; echo $? >&2; }} {closed}'
    done = subprocess.run(
        ["/bin/sh", "-c", line, sys.executable, tmp_path], check=False, timeout=50, stderr=subprocess.PIPE, text=True
    )
    said = done.stderr.splitlines()
    assert (said[-1], "Traceback" in done.stderr) == (str(exit_code), False)
    assert "Error: " in done.stderr


def test_an_error_that_nobody_hears_keeps_its_exit_code(tmp_path):
    assert program(["--home", str(tmp_path), "status"], closed=">&- 2>/dev/full").returncode == 3


def test_a_pipe_that_says_later_gets_everything(monkeypatch):
    """As programs with an event loop hand them out, who read when they find the time."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    got = bytearray()

    def full(_read, _write, _error):  # now the parent finds the time
        got.extend(os.read(reader, 1 << 20))

    with os.fdopen(writer, "w", encoding="utf-8") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        monkeypatch.setattr(output.select, "select", full)
        output.wait_for_readers()
        text = "".join(f"line {number}\n" for number in range(100_000))
        output.write(text, nl=False)
        assert got  # it was full, more than once
        sys.stdout.flush()
        got.extend(os.read(reader, 1 << 20))
        assert bytes(got).decode() == text
    os.close(reader)


def test_streams_that_wait_are_left_alone(capfd):
    before = sys.stdout, sys.stderr
    output.wait_for_readers()
    assert (sys.stdout, sys.stderr) == before
