import socket

import pytest

from beam_actors.world.probe import answers


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_service_answers_while_it_listens(family, host):
    with socket.socket(family) as listener:
        try:
            listener.bind((host, 0))
        except OSError:
            pytest.skip("no such loopback here")
        port = listener.getsockname()[1]
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        assert not answers(address)
        listener.listen()
        assert answers(address)
    assert not answers(address)
