"""Bugs in what goes over the wire: nonces, keys, windows, frames and their order."""

from simulations.mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        name="nonce-reused-after-reconnect",
        bug="Each session of a process begins with the same ephemeral key, so a reconnect uses keys and nonces again.",
        plan="silence",
        invariant="S7",
        edits=(
            Edit(
                "peers/sessions.py",
                "ephemeral_seed=self._entropy.token(32),",
                "ephemeral_seed=self._static_seed,",
            ),
        ),
    ),
    Mutant(
        name="nonce-wraps",
        bug="The counter of the nonce wraps after 64 records, at both ends alike.",
        plan="bulk",
        invariant="S7",
        edits=(
            Edit(
                "wire/noise.py",
                "self._aead.encrypt_into(self._pack_nonce(nonce), plaintext, ad, out)",
                "self._aead.encrypt_into(self._pack_nonce(nonce % 64), plaintext, ad, out)",
            ),
            Edit(
                "wire/noise.py",
                "self._aead.decrypt_into(self._pack_nonce(nonce), ciphertext, ad, out)",
                "self._aead.decrypt_into(self._pack_nonce(nonce % 64), ciphertext, ad, out)",
            ),
        ),
    ),
    Mutant(
        name="one-key-for-both-ways",
        bug="Both directions of a session are sealed with one key, so each nonce is used twice.",
        plan="bulk",
        invariant="S7",
        edits=(
            Edit(
                "wire/noise.py",
                "return CipherState(self._suite, first), CipherState(self._suite, second)",
                "return CipherState(self._suite, first), CipherState(self._suite, first)",
            ),
        ),
    ),
    Mutant(
        name="records-not-sealed",
        bug="Records leave as plaintext with a tag of zeros, and are taken so.",
        plan="bulk",
        invariant="S6",
        edits=(
            Edit(
                "wire/records.py",
                "            cipher.encrypt_into(view[start : start + size], view[start : start + size + TAG_SIZE])\n",
                "            cipher.nonce += 1\n",
            ),
            Edit("wire/records.py", "cipher.decrypt_into(body, plaintext)", "cipher.nonce += 1"),
        ),
    ),
    Mutant(
        name="wrong-peer-accepted",
        bug="A dialled session accepts whoever answers at the address.",
        edits=(
            Edit(
                "wire/libp2p_noise.py",
                "if self._expected is not None and self.remote.peer != self._expected:",
                "if self._expected is not None and self.remote is None:",
            ),
        ),
    ),
    Mutant(
        name="identity-not-proved",
        bug="The signature by which a peer's identity vouches for its static key is not checked.",
        plan="intruders",
        invariant="S20",
        edits=(
            Edit(
                "wire/libp2p_noise.py",
                "if not verify(peer.public_key, SIGNATURE_DOMAIN + static_public, signature):",
                "if not signature:",
            ),
        ),
    ),
    Mutant(
        name="fin-overtakes-data",
        bug="A finished stream says so with the first of its last frames, and what is queued comes behind the end.",
        plan="bulk",
        invariant="S9",
        edits=(
            Edit(
                "wire/outbox.py",
                "last = stream.finishing and size == stream.queued",
                "last = stream.finishing",
            ),
        ),
    ),
    Mutant(
        name="partial-chunk-sent-twice",
        bug="When a queued piece does not fit into a frame, its beginning is sent again with the next one.",
        plan="bulk",
        invariant="S9",
        edits=(
            Edit(
                "wire/stream.py",
                "                parts.append(view[:size])\n                self.queue[0] = view[size:]",
                "                parts.append(view[:size])\n                self.queue[0] = view[: len(view) - size]",
            ),
        ),
    ),
    Mutant(
        name="window-update-wakes-nobody",
        bug="A stream that waits for its peer's window is not told when that opens.",
        plan="bulk",
        invariant="S9",
        edits=(
            Edit(
                "wire/mux.py",
                "            self.outbox.reconsider(stream)\n        if flags & _FIN:",
                "        if flags & _FIN:",
            ),
        ),
    ),
    Mutant(
        name="window-not-given-back",
        bug="What the application took of a stream is not granted to the peer again.",
        plan="bulk",
        invariant="S9",
        edits=(
            Edit(
                "wire/windows.py",
                "        if stream.taken * 2 >= stream.window:",
                "        if stream.taken * 2 > stream.window * 2:",
            ),
        ),
    ),
)
