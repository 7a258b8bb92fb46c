from beam_actors.cli import inspect_commands
from beam_actors.cli.inspect_commands import log_line_for_people


def append(path, text):
    with path.open("a") as file:
        file.write(text)


def test_following_the_log_across_pieces_and_a_rotation(tmp_path, monkeypatch):
    path = tmp_path / "beam.log"
    path.write_text("old\n")
    events = iter(
        [
            lambda: append(path, "one\nhal"),
            lambda: append(path, "f\n"),
            lambda: path.rename(tmp_path / "beam.log.1"),
            lambda: path.write_text("n\n"),
        ]
    )
    monkeypatch.setattr(inspect_commands, "pause", lambda _seconds: next(events)())
    lines = inspect_commands._follow(path, path.stat().st_size)
    assert [next(lines) for _ in range(3)] == ["one", "half", "n"]


def test_a_log_line_with_a_traceback_keeps_its_lines():
    line = '{"event": "boom", "level": "error", "timestamp": "T", "exception": "Traceback\\n  File"}'
    assert log_line_for_people(line) == "T error    boom\nTraceback\n  File"
    assert log_line_for_people("[1]") == "[1]"


def test_a_log_lines_fields_can_be_told_apart():
    line = '{"event": "ended", "level": "error", "timestamp": "T", "why": "Is é full.", "path": "", "x": "a=b"}'
    assert log_line_for_people(line) == 'T error    ended why="Is é full." path="" x=a=b'
