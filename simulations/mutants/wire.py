"""Bugs in what goes over the wire: nonces, keys, windows, frames and their order."""

from simulations.mutants.flow import ANY_ORDER
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
        test="wire/test_libp2p_noise.py::test_another_peer_than_expected",
        edits=(
            Edit(
                "wire/handshaking.py",
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
    Mutant(
        name="negotiations-not-counted-down",
        bug="A stream that was agreed to still counts as one in negotiation, until it ends.",
        plan="crowd",
        invariant="S9",
        edits=(
            Edit(
                "wire/services.py",
                "        self._negotiating.discard(stream.id)\n        if protocol not in _OWN",
                "        if protocol not in _OWN",
            ),
        ),
    ),
    Mutant(
        name="stream-number-reused",
        bug="A stream that ended gives its number to the next one.",
        plan="bulk",
        invariant="S18",
        edits=(
            Edit(
                "wire/stream_table.py",
                "        del self.streams[stream.id]\n",
                "        del self.streams[stream.id]\n"
                "        if stream.id == self._next_id - 2:\n            self._next_id -= 2\n",
            ),
        ),
    ),
    Mutant(
        name="window-grows-without-books",
        bug="Windows grow without taking from the budget of the session and the node.",
        plan="far",
        invariant="S10",
        edits=(
            Edit(
                "wire/windows.py",
                "if size > 0 and self._budget.take(size):",
                "if size > 0:",
            ),
        ),
    ),
    Mutant(
        name="replayed-record-accepted",
        bug="A record that was taken already is taken again when it is replayed.",
        test="wire/test_noise.py::test_a_nonce_advances_only_after_success[aes]",
        edits=(
            Edit(
                "wire/noise.py",
                '        except InvalidTag:\n            raise RemoteProtocolError("A message does not decrypt.") from None\n',
                "        except InvalidTag:\n"
                "            try:\n"
                "                self._aead.decrypt_into(self._pack_nonce(nonce - 1), ciphertext, ad, out)\n"
                "            except (InvalidTag, StructError):\n"
                '                raise RemoteProtocolError("A message does not decrypt.") from None\n'
                "            return\n",
            ),
            Edit(
                "wire/noise.py",
                "from struct import Struct\n",
                "from struct import Struct\nfrom struct import error as StructError\n",
            ),
        ),
    ),
    Mutant(
        name="nonce-of-sixteen-bits",
        bug="The counter of the nonce wraps after 65,536 records, at both ends alike.",
        test="wire/test_noise.py::test_the_nonce_is_the_whole_counter_behind_four_zeros",
        edits=(
            Edit(
                "wire/noise.py",
                "self._aead.encrypt_into(self._pack_nonce(nonce), plaintext, ad, out)",
                "self._aead.encrypt_into(self._pack_nonce(nonce & 0xFFFF), plaintext, ad, out)",
            ),
            Edit(
                "wire/noise.py",
                "self._aead.decrypt_into(self._pack_nonce(nonce), ciphertext, ad, out)",
                "self._aead.decrypt_into(self._pack_nonce(nonce & 0xFFFF), ciphertext, ad, out)",
            ),
        ),
    ),
    Mutant(
        name="nonce-exhaustion-not-seen",
        bug="A session goes on when the nonces of its key are used up.",
        test="wire/test_noise.py::test_the_last_nonce_is_never_used",
        edits=(
            Edit(
                "wire/noise.py",
                '        if nonce > LAST_NONCE:\n            raise LocalProtocolError("The nonces of this session are used up.")\n',
                "",
            ),
        ),
    ),
    Mutant(
        name="reset-is-sent-as-an-end",
        bug="A stream that is reset says so by a clean end.",
        plan="cuts",
        invariant="S9",
        edits=(
            Edit(
                "wire/mux.py",
                "self._remove(stream)\n                return None\n        return stream",
                "self._finished(stream)\n                return None\n        return stream",
            ),
            Edit(
                "wire/mux.py",
                "                self._tell_reset(stream)\n                self._finished",
                "                self._finished",
            ),
        ),
    ),
    Mutant(
        name="window-not-enforced",
        bug="A peer that sends more than its window allows is not refused.",
        test="wire/test_mux.py::test_what_ends_the_session[frames10]",
        edits=(
            Edit(
                "wire/mux.py",
                '            if size > stream.granted:\n                raise RemoteProtocolError(f"The peer sent more than the window of stream {stream_id} allows.")\n',
                "",
            ),
        ),
    ),
    Mutant(
        name="frames-change-their-streams",
        bug="While several streams have bytes to send, a frame may carry the number of the next one.",
        test=ANY_ORDER,
        edits=(
            Edit(
                "wire/outbox.py",
                "parts.append(pack_header(0, _DATA, flags | _FIN if last else flags, stream.id, size))",
                "other = next(iter(turns), stream)\n"
                "            number = stream.id if flags or last or other.flags else other.id\n"
                "            parts.append(pack_header(0, _DATA, flags | _FIN if last else flags, number, size))",
            ),
        ),
    ),
    Mutant(
        name="quiet-streams-never-finish",
        bug="A stream that has nothing to send can't say that this was all.",
        test=ANY_ORDER,
        edits=(
            Edit(
                "wire/mux.py",
                "            stream.finishing = True\n            self.outbox.make_ready(stream)\n",
                "            stream.finishing = True\n"
                "            if stream.queued:\n                self.outbox.make_ready(stream)\n",
            ),
        ),
    ),
)
