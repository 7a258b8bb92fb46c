import sys

import pytest

from beam_actors.cli import main, platform_refusal


@pytest.mark.parametrize("platform", ["win32", "cygwin"])
def test_windows_is_refused_in_one_sentence(platform, monkeypatch, capsys):
    monkeypatch.setattr(sys, "platform", platform)
    assert main(["status"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "Windows" in captured.err


@pytest.mark.parametrize("platform", ["linux", "darwin", "freebsd14"])
def test_others_are_let_through(platform):
    assert platform_refusal(platform) is None
