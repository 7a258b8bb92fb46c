"""No secret of a real daemon is in anything that it or its commands print, log or show in the process list."""

from pathlib import Path

import pytest

from beam_actors.cli.home import PHRASE
from beam_actors.identity import OwnerChain, Secret, unseal
from beam_actors.node import keys

PASSPHRASE = "correct-horse-battery-staple"
OPTIONS = ("--listen", "/ip4/127.0.0.1/tcp/0", "--dns", "off", "--https", "127.0.0.1:0", "--http", "off", "--chaos")
COMMANDS = (
    "id", "status", "peers", "expose 3000 --name secretive", "tunnels", "names", "tree", "ca", "resolve secretive",
    "crash node/core/services/registry", "tree --json", "logs", "logs --json", "names conflicts",
)  # fmt: skip


@pytest.mark.e2e
def test_secrets_stay_in_their_files(home, beam, tmp_path):
    passphrase = tmp_path / "passphrase"
    passphrase.write_text(PASSPHRASE)
    started = beam("start", "--detach", "--json", "--passphrase-file", passphrase, *OPTIONS)
    assert started.exit_code == 0, started.err
    seen = [started.out, started.err, Path(f"/proc/{started.json['pid']}/cmdline").read_text()]
    try:
        for command in COMMANDS:
            done = beam(*command.split())
            assert done.exit_code in {0, 1}, done.err  # some may meet the registry between two incarnations
            seen += [done.out, done.err]
    finally:
        assert beam("stop").exit_code == 0
    seen += [home.file(name).read_text() for name in ("beam.log", "console.log")]
    phrase = home.file(PHRASE).read_text().strip()
    keyring = unseal(home.file(keys.KEYSTORE).read_bytes(), Secret.passphrase(PASSPHRASE))
    owner = OwnerChain.from_phrase(phrase).era_key(0)
    text = "\n".join(seen)
    assert str(keyring.peer.peer_id) in text
    hidden = [PASSPHRASE, phrase, " ".join(phrase.split()[:3]), keyring.peer.seed.hex(), owner.seed.hex()]
    hidden += [repr(keyring.peer.seed)[2:-1], repr(owner.seed)[2:-1]]
    assert [secret for secret in hidden if secret in text] == []
