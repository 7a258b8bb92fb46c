import pytest

from beam_actors.cli.options import StartOptions
from beam_actors.errors import UsageError

PEER = "/p2p/12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq"


def test_options_become_arguments_again():
    options = StartOptions(
        listen=("/ip4/127.0.0.1/tcp/0", "/ip6/::1/tcp/0"),
        bootstrap=("/ip4/192.0.2.1/tcp/4747" + PEER,),
        dns="127.0.0.1:0",
        http="off",
        network="test",
        mdns=False,
        chaos=True,
    )
    options.check()
    assert options.arguments() == [
        *("--listen", "/ip4/127.0.0.1/tcp/0", "--listen", "/ip6/::1/tcp/0"),
        *("--bootstrap", "/ip4/192.0.2.1/tcp/4747" + PEER),
        *("--dns", "127.0.0.1:0", "--http", "off", "--network", "test", "--chaos", "--no-mdns"),
    ]
    assert StartOptions().arguments() == []


@pytest.mark.parametrize(
    "bad",
    [
        {"listen": ("127.0.0.1:80",)},
        {"listen": ("/dns/example.com/tcp/80",)},
        {"bootstrap": ("/ip4/192.0.2.1/tcp/4747",)},
        {"bootstrap": ("nonsense",)},
        {"dns": "0.0.0.0:53"},
        {"https": "192.0.2.1:443"},
        {"http": "8080"},
        {"network": "x" * 33},
        {"network": ""},
        {"network": "é"},
    ],
)
def test_bad_options(bad):
    with pytest.raises(UsageError):
        StartOptions(**bad).check()
