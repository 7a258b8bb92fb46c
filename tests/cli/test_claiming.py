import pytest

from beam_actors.cli import claiming
from beam_actors.errors import ClaimRefused, NameNotFound, NotAllowed, StorageError


def test_a_terminal_shows_how_far_the_work_is(node, beam, monkeypatch):
    monkeypatch.setattr(claiming, "can_rewrite", lambda: True)
    monkeypatch.setattr(claiming, "pause", lambda _seconds: None)
    node.progress_each = 0.375
    done = beam("register", "byron", "--work", "14")
    assert done.out.startswith(
        "\r⏳ Doing the work for byron.local: 38%"
        "\r⏳ Doing the work for byron.local: 75%"
        "\r✅ Name registered: byron.local\n"
    )
    asked = [call for call in node.calls if call[0] in {"register", "progress"}]
    assert asked == [("register", "byron", False, True, 14), *[("progress", "byron")] * 2]


def test_a_program_waits_for_it_and_reads_nothing_else(node, beam, monkeypatch):
    monkeypatch.setattr(claiming, "can_rewrite", lambda: True)
    assert beam("register", "byron", "--json").json["work_s"] == 2.5
    monkeypatch.setattr(claiming, "can_rewrite", lambda: False)
    assert beam("register", "byron").out.startswith("✅ Yours already")
    assert [call for call in node.calls if call[0] == "register"] == [("register", "byron", False)] * 2


def test_whoever_stops_looking_is_told_that_it_goes_on(node, beam, monkeypatch):
    def stop(_seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(claiming, "can_rewrite", lambda: True)
    monkeypatch.setattr(claiming, "pause", stop)
    node.progress_each = 0.25
    done = beam("register", "byron")
    assert done.exit_code == 130
    assert "`beam release byron` gives it up" in done.err


def test_a_claim_that_cannot_be_stored_ends_the_looking(node, beam, monkeypatch):
    def fill_the_disk(_seconds):
        node.failure = StorageError("The disk is full.")

    monkeypatch.setattr(claiming, "can_rewrite", lambda: True)
    monkeypatch.setattr(claiming, "pause", fill_the_disk)
    node.progress_each = 0.25
    done = beam("register", "byron")
    assert (done.exit_code, done.err) == (1, "Error: The disk is full.\n")


def test_a_name_that_is_offered_before_it_is_claimed_says_so(node, beam, unused):
    node.unclaimed.add("mine")
    done = beam("expose", str(unused), "--name", "mine")
    assert "others can open it in some seconds" in done.err
    assert "being claimed" in beam("names").out
    assert beam("expose", str(unused), "--name", "mine", "--json").json["claimed"] is False
    node.unclaimed.clear()
    assert "some seconds" not in beam("expose", str(unused), "--name", "mine").err
    assert beam("expose", str(unused), "--name", "mine", "--json").json["claimed"] is True
    assert beam("expose", str(unused), "--port", "22", "--allow", "everyone", "--json").json["claimed"] is None


def test_on_a_terminal_an_offer_shows_the_work_and_when_others_can_open_it(node, beam, monkeypatch, unused):
    monkeypatch.setattr(claiming, "can_rewrite", lambda: True)
    monkeypatch.setattr(claiming, "pause", lambda _seconds: node.unclaimed.clear())
    node.unclaimed.add("mine")
    done = beam("expose", str(unused), "--name", "mine")
    assert "\r⏳ Doing the work for mine.local: 50%\r" in done.out
    assert done.err.endswith("The name is claimed: others can open mine.local now (2 peers told).\n")


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (KeyboardInterrupt(), "The work goes on"),
        (StorageError("The disk is full."), "not claimed yet: The disk is full."),
    ],
)
def test_an_offer_stands_whatever_becomes_of_the_looking(node, beam, monkeypatch, unused, trouble, said):
    def pause(_seconds):
        if isinstance(trouble, KeyboardInterrupt):
            raise trouble
        node.progress_failure = trouble

    monkeypatch.setattr(claiming, "can_rewrite", lambda: True)
    monkeypatch.setattr(claiming, "pause", pause)
    node.unclaimed.add("mine")
    done = beam("expose", str(unused), "--name", "mine")
    assert done.exit_code == 0
    assert said in done.err


@pytest.mark.parametrize(
    ("failure", "claimed"),
    [
        (NameNotFound("It is not yours."), None),
        (NotAllowed("The owner was revoked."), None),
        (ClaimRefused("work"), False),
        (StorageError("The disk is full."), False),
    ],
)
def test_each_way_to_offer_says_by_one_rule_whether_the_name_is_claimed(node, beam, unused, failure, claimed):
    node.progress_failure = failure
    assert beam("expose", str(unused), "--name", "mine", "--json").json["claimed"] is claimed
    done = beam("expose", str(unused), "--name", "mine")
    assert ("others can open it in some seconds" in done.err) is (claimed is False)


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("command", [("register", "byron"), ("expose", "3000", "--name", "byron")])
def test_it_is_said_which_name_made_room(node, beam, monkeypatch, terminal, command):
    monkeypatch.setattr(claiming, "can_rewrite", lambda: terminal)
    assert "to make room" not in beam(*command).err
    node.gave_up = "swift-beam-7k2m9qxa.local"
    assert "swift-beam-7k2m9qxa.local was released to make room, since you hold as many" in beam(*command).err
    assert beam(*command, "--json").json["gave_up"] == node.gave_up
