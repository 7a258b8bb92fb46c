import inspect

from beam_actors.node import run_node
from beam_actors.wire import AES, CHACHA, NOISE, Role, Security, Session
from beam_actors.wire.libp2p_noise import SecureHandshake
from tests.wire.support import ALICE


def test_what_a_daemon_speaks_is_noise_in_two_suites():
    assert Security() == NOISE
    assert NOISE.suites == (AES, CHACHA)
    assert [(suite.protocol, suite.beam) for suite in NOISE.suites] == [("/beam/noise-aes/1", True), ("/noise", False)]
    begun = NOISE.handshake(
        AES, Role.INITIATOR, key=ALICE, static_seed=b"1" * 32, ephemeral_seed=b"2" * 32, expected=None, muxers=()
    )
    assert isinstance(begun, SecureHandshake)


def test_who_runs_a_daemon_cannot_choose_and_a_session_is_noise_unless_it_is_told():
    assert "security" not in inspect.signature(run_node).parameters
    assert inspect.signature(Session).parameters["security"].default is NOISE
