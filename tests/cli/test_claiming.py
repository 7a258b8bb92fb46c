from beam_actors.cli import claiming
from beam_actors.errors import StorageError


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
    node.unclaimed.clear()
    assert "some seconds" not in beam("expose", str(unused), "--name", "mine").err
