import socket
import threading
from contextlib import closing, contextmanager

import pytest

from benchmarks import load as module
from benchmarks.load import ROLES, Load, State, Stuck, perform
from benchmarks.target import SMALL, serving


@pytest.fixture(scope="module")
def target():
    """The real target, and loads that warm up in no time."""
    with pytest.MonkeyPatch.context() as patch, serving() as port:
        patch.setattr(module, "WARM_UP", 0.0)
        yield port


def do(role, port, target, connections=1):
    return perform(Load(role=role, port=port, target=target, seconds=0.02, connections=connections))


@pytest.mark.parametrize("connections", [1, 5])
@pytest.mark.parametrize("role", ROLES)
def test_each_role_measures_something_and_leaves_nothing_behind(target, role, connections):
    figures = do(role, target, target, connections)
    assert figures.pop("drained") == 1.0
    assert all(value > 0 for value in figures.values())
    with closing(State(target)) as state:
        assert state.before == 1


def test_half_of_the_requests_take_no_longer_than_the_slowest_hundredth(target):
    figures = do("requests", target, target, 3)
    assert figures["p50_us"] <= figures["p99_us"]


@contextmanager
def stranger(answer):
    """A service that says this to one client and ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            with listener.accept()[0] as client:
                client.recv(1000)
                client.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


@pytest.mark.parametrize("answer", [b"", SMALL + b"more", SMALL[:-1]], ids=["nothing", "too much", "cut"])
@pytest.mark.parametrize("role", ["requests", "connects"])
def test_an_answer_that_is_not_the_targets_is_no_answer(target, role, answer):
    with stranger(answer) as port, pytest.raises(OSError, match=r"the target's|reset|Broken pipe"):
        do(role, port, target)


def test_a_download_that_ends_is_no_download(target):
    with stranger(b"HTTP/1.1 200 OK\r\n\r\n") as port, pytest.raises(OSError, match=r"ended|reset"):
        do("bulk down", port, target)


def test_an_upload_counts_where_it_arrives(target, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.1)  # a hole takes all and passes on nothing
    with socket.create_server(("127.0.0.1", 0)) as hole, pytest.raises(Stuck):
        do("bulk up", hole.getsockname()[1], target)


def test_who_has_it_run_hears_why_it_failed(target):
    with pytest.raises(Stuck, match="KeyError: 'juggle'"):
        module.run(Load(role="juggle", port=target, target=target, seconds=0.01))


def test_a_process_of_its_own_gives_the_same_figures(target):
    figures = module.run(Load(role="connects", port=target, target=target, seconds=0.01, connections=2))
    assert set(figures) == {"per_s", "drained"}
