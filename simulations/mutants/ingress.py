"""Bugs in what programs on this machine are told of names."""

from simulations.mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        name="unknown-name-is-nodata",
        bug="A name that nobody holds is answered with NODATA instead of NXDOMAIN.",
        test="ingress/test_answers.py::test_an_unknown_name",
        edits=(
            Edit(
                "ingress/answers.py",
                "return _pack(question, Rcode.NXDOMAIN, limit,",
                "return _pack(question, Rcode.NOERROR, limit,",
            ),
        ),
    ),
    Mutant(
        name="dns-answers-kept-too-long",
        bug="A packed reply is given out after its time is over.",
        test="ingress/test_dns.py::test_a_repeated_question_is_answered_in_the_pump",
        edits=(Edit("ingress/replies.py", "if entry is None or entry[0] <= now:", "if entry is None:"),),
    ),
    Mutant(
        name="dns-answer-with-another-id",
        bug="A kept reply has the id of the question that it was made for.",
        test="ingress/test_dns.py::test_a_repeated_question_is_answered_in_the_pump",
        edits=(
            Edit(
                "ingress/replies.py",
                "self._entries[key] = (expires, reply[_ID:], name)",
                "self._entries[key] = (expires, reply, name)",
            ),
            Edit("ingress/replies.py", "return question[:_ID] + entry[1]", "return entry[1]"),
        ),
    ),
    Mutant(
        name="question-sent-back-with-the-replies",
        bug="A question that has no reply is sent to whoever asked it, in the batch of replies around it.",
        test="world/test_batches.py::test_a_batch_is_answered_as_one_datagram_after_the_other",
        edits=(Edit("world/batches.py", "first = number + 1", "first = number"),),
    ),
    Mutant(
        name="changed-name-answered-from-memory",
        bug="A claim that is new does not void what was answered about its name before.",
        test="ingress/test_dns.py::test_a_name_that_changed_is_asked_for_anew",
        edits=(Edit("ingress/dns.py", "            self._table.forget(label)\n", ""),),
    ),
    Mutant(
        name="look-up-older-than-the-change",
        bug="What changed while a name was looked up is not looked up again.",
        test="ingress/test_resolver.py::test_a_name_that_keeps_changing_is_answered_all_the_same",
        edits=(
            Edit(
                "ingress/resolver.py",
                "            lookup for lookup in self._under_way if labels is None",
                "            lookup for lookup in () if labels is None",
            ),
        ),
    ),
    Mutant(
        name="two-names-share-an-address",
        bug="A loopback address that another name has is given to a new one.",
        test="ingress/test_addresses.py::test_ten_thousand_names_have_ten_thousand_addresses",
        edits=(
            Edit(
                "ingress/addresses.py",
                "        while slot in self._taken:\n            slot = (slot + 1) % _SLOTS\n",
                "",
            ),
        ),
    ),
    Mutant(
        name="device-before-a-pin",
        bug="Whoever answers on the LAN takes over a name that a person pinned.",
        plan="lan",
        invariant="S25",
        edits=(
            Edit("ingress/resolver.py", '_FIRM = frozenset({"own", "petname", "pin"})', '_FIRM = frozenset({"own"})'),
        ),
    ),
    Mutant(
        name="any-mdns-answer-counts",
        bug="A device is believed that answers another question, or none.",
        test="ingress/test_devices.py::test_what_does_not_count",
        edits=(
            Edit(
                "ingress/devices.py",
                "if asked is None or asked.id != answer.id or answer.ttl <= 0:",
                "if asked is None or answer.ttl <= 0:",
            ),
            Edit("ingress/devices.py", "if bytes(data[:2]) in expected and ", "if "),
        ),
    ),
    Mutant(
        name="picture-makes-a-pin",
        bug="A page can have a name pinned by showing a picture of it.",
        plan="pages",
        invariant="S23",
        edits=(
            Edit(
                "ingress/gate.py",
                'seen=head.navigates and self.kind == "https"',
                'seen=self.kind == "https"',
            ),
        ),
    ),
    Mutant(
        name="prefetch-makes-a-pin",
        bug="What a browser fetches ahead counts as a page that a person saw.",
        plan="pages",
        invariant="S23",
        edits=(Edit("ingress/navigation.py", '(b"sec-purpose", b"purpose", b"x-purpose", b"x-moz")', '(b"x-moz",)'),),
    ),
    Mutant(
        name="link-makes-a-pin",
        bug="A page of another site can have a name pinned by a link.",
        plan="pages",
        invariant="S23",
        edits=(
            Edit(
                "ingress/navigation.py",
                '([b"none"], [b"same-origin"])',
                '([b"none"], [b"same-origin"], [b"cross-site"])',
            ),
        ),
    ),
    Mutant(
        name="page-makes-no-pin",
        bug="A name that a person opened is not pinned.",
        plan="pages",
        invariant="S23",
        edits=(
            Edit(
                "tunnels/opening.py",
                "        if seen is not None and holder is not None:\n",
                "        if seen is not None and holder is None:\n",
            ),
        ),
    ),
    Mutant(
        name="claim-captures-a-device",
        bug="A claim goes before a device of the LAN that has the name.",
        plan="lan",
        invariant="S25",
        edits=(
            Edit(
                "ingress/resolver.py",
                "            if resolution.source in _FIRM:\n",
                "            if resolution.source:\n",
            ),
        ),
    ),
    Mutant(
        name="half-served-address-is-kept",
        bug="Where one web server finds its port taken by another home's, the other one goes on to listen.",
        test="ingress/test_serving.py::test_where_one_server_finds_its_port_taken_the_other_leaves_the_address",
        edits=(
            Edit(
                "ingress/serving.py",
                "                self.leave(ip)\n",
                "                pass\n",
            ),
        ),
    ),
)
