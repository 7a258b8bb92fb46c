from beam_actors.identity import PeerKey
from beam_actors.peers.sessions import SessionMaker, announced
from beam_actors.testing.entropy import SeededEntropy
from beam_actors.values import Multiaddr, TcpAddress
from beam_actors.wire import Role

KEY = PeerKey.from_seed(bytes(32))
LAN = TcpAddress("192.168.1.5", 50000)


def at(ip, port):
    return Multiaddr.from_address(TcpAddress(ip, port))


def test_a_wildcard_is_announced_as_the_address_by_which_the_peer_sees_us():
    listening = [TcpAddress("0.0.0.0", 4747), TcpAddress("10.0.0.1", 4748), TcpAddress("::", 4749)]
    assert announced(listening, LAN) == (at("192.168.1.5", 4747), at("10.0.0.1", 4748))
    assert announced(listening, TcpAddress("::1", 1)) == (at("10.0.0.1", 4748), at("::1", 4749))
    assert announced(listening, None) == (at("10.0.0.1", 4748),)


class CountingEntropy(SeededEntropy):
    def __init__(self):
        super().__init__(1)
        self.seeds = []

    def token(self, size):
        self.seeds.append(super().token(size))
        return self.seeds[-1]


def test_every_session_has_an_ephemeral_seed_of_its_own_and_all_one_static_key():
    entropy = CountingEntropy()
    maker = SessionMaker(key=KEY, entropy=entropy, protocols=["/b", "/a"], protocol_version="beam/test")
    for role in (Role.INITIATOR, Role.RESPONDER):
        maker.make(role, expected=None, local=LAN, remote=LAN, listening=[])
    assert len(entropy.seeds) == len(set(entropy.seeds)) == 3
    assert maker.us == KEY.peer_id
    assert not any(seed.hex() in repr(maker) for seed in entropy.seeds)
