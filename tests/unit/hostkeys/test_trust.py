"""Evidence for host keys: no way in but the publisher's list, a typed fingerprint, a commit."""

from __future__ import annotations

import base64
import hashlib
import shutil
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wizard.errors import ConflictError, RefusedError
from wizard.hostkeys.keys import HostKey, known_hosts_name
from wizard.hostkeys.published import published_keys
from wizard.hostkeys.trust import format_known_hosts, judge_host_keys, published_entries
from wizard.hostkeys.verdict import Evidence, HostKeyVerdict, KnownHost

HOST = "git.example.com"
NOW = {"by": "Ada Example", "date": "2026-11-21"}
GITHUB_RETIRED = (
    "AAAAB3NzaC1yc2EAAAABIwAAAQEAq2A7hRGmdnm9tUDbO9IDSwBK6TbQa+PXYPCPy6rbTrTtw7PHkccKrpp0yVhp5HdE"
    "IcKr6pLlVDBfOLX9QUsyCOV0wzfjIJNlGEYsdlLJizHhbn2mUjvSAHQqZETYP81eFzLQNnPHt4EVVUh7VfDESU84KezmD5"
    "QlWpXLmvU31/yMf+Se8xhHTvKSCZIFImWwoG6mbUoWf9nzpIoaSjB+weqqUUmpaaasXVal72J+UX2B+2RPW3RcT0eOzQgq"
    "lJL3RKrTJvdsjE3JEAvGq3lGHSZXy28G3skua2SmVi/w4yCE6gbODqnTWlg7+wC604ydGXA8VJiS5ap43JXiUFFAaQ=="
)


def ed25519(seed: str) -> HostKey:
    parts = (b"ssh-ed25519", hashlib.sha256(seed.encode()).digest())
    blob = b"".join(struct.pack(">I", len(part)) + part for part in parts)
    return HostKey("ssh-ed25519", base64.b64encode(blob).decode())


def rsa(seed: str) -> HostKey:
    modulus = b"\0\xc1" + hashlib.shake_256(seed.encode()).digest(254) + b"\x01"
    parts = (b"ssh-rsa", b"\1\0\1", modulus)
    blob = b"".join(struct.pack(">I", len(part)) + part for part in parts)
    return HostKey("ssh-rsa", base64.b64encode(blob).decode())


A, B, R = ed25519("a"), ed25519("b"), rsa("r")


def entry(key: HostKey, host: str = HOST, evidence: Evidence | None = None) -> KnownHost:
    return KnownHost(host, key.type, key.key, evidence)


def proven(
    key: HostKey,
    host: str = HOST,
    kind: Literal["published", "fingerprint"] = "fingerprint",
    source: str = "",
) -> KnownHost:
    return entry(key, host, Evidence(kind, key.fingerprint, "Grace", "2025-01-02", source))


def ask(
    entries: Sequence[KnownHost],
    typed: Sequence[str] = (),
    committed: Sequence[KnownHost] = (),
    host: str = HOST,
    port: int = 22,
) -> HostKeyVerdict:
    return judge_host_keys(entries, host=host, port=port, typed=typed, committed=committed, **NOW)


# --- the three reasons ----------------------------------------------------------------------------


def test_a_typed_fingerprint_is_evidence_with_author_and_date() -> None:
    verdict = ask([entry(A)], [A.fingerprint])
    assert verdict.ok
    assert verdict.require() == (
        entry(A, evidence=Evidence("fingerprint", A.fingerprint, "Ada Example", "2026-11-21")),
    )


def test_a_committed_entry_with_a_typed_fingerprint_keeps_its_bytes() -> None:
    for typed in ((), (A.fingerprint,)):
        verdict = ask([entry(A)], typed, [proven(A)])
        assert verdict.ok
        assert verdict.accepted == (proven(A),)


def test_published_keys_need_nothing_else() -> None:
    entries = published_entries("GitHub.com", 22)
    assert [item.type for item in entries] == ["ecdsa-sha2-nistp256", "ssh-ed25519", "ssh-rsa"]
    assert all(item.evidence is None for item in entries)
    verdict = ask(entries, host="github.com")
    assert verdict.ok
    for item in verdict.accepted:
        assert item.evidence is not None
        assert item.evidence.kind == "published"
        assert item.evidence.source.startswith("https://docs.github.com/")
        assert (item.evidence.by, item.evidence.date) == ("Ada Example", "2026-11-21")
    assert ask(entries[1:2], host="github.com").ok, "a part of the list is enough"


def test_published_evidence_is_found_again_and_keeps_who_and_when() -> None:
    entries = published_entries("github.com", 22)
    before = [
        replace(item, evidence=Evidence("published", HostKey(item.type, item.key).fingerprint,
                                        "Grace", "2025-01-02", "http://elsewhere"))
        for item in entries
    ]  # fmt: skip
    for item in ask(entries, committed=before, host="github.com").require():
        assert item.evidence is not None
        assert (item.evidence.by, item.evidence.date) == ("Grace", "2025-01-02")
        assert item.evidence.source.startswith("https://docs.github.com/")


def test_a_host_off_the_list_has_no_published_entries() -> None:
    assert published_entries(HOST, 22) == ()
    assert published_entries("github.com", 2222) == ()
    assert published_entries("altssh.gitlab.com", 443) == ()


# --- what is no reason ----------------------------------------------------------------------------


def test_evidence_in_the_input_is_ignored() -> None:
    verdict = ask([proven(A), proven(R, kind="published")])
    assert verdict.accepted == ()
    assert {item.entry for item in verdict.refused} == {entry(A), entry(R)}
    with pytest.raises(RefusedError, match=r"nothing proves") as caught:
        verdict.require()
    assert A.fingerprint in caught.value.hint
    assert "--host-key-fingerprint" in caught.value.hint


@pytest.mark.parametrize(
    "committed",
    [
        entry(A),
        proven(A, host="other.example.com"),
        proven(A, host=f"[{HOST}]:2222"),
        proven(A, kind="published"),
        replace(proven(A), type="ssh-rsa"),
        entry(A, evidence=Evidence("fingerprint", B.fingerprint, "Grace", "2025-01-02")),
    ],
    ids=["no evidence", "other host", "other port", "published", "other type", "other fingerprint"],
)
def test_a_committed_entry_that_is_not_exactly_this_one_proves_nothing(
    committed: KnownHost,
) -> None:
    assert ask([entry(A)], committed=[committed]).accepted == ()


def test_a_committed_key_that_was_swapped_under_its_evidence_proves_nothing() -> None:
    swapped = replace(proven(A), key=B.key)
    assert ask([entry(B)], committed=[swapped]).accepted == ()


def test_the_committed_entry_of_the_same_port_counts_in_either_spelling() -> None:
    for host in (HOST, f"[{HOST}]:2222", "Git.Example.com."):
        verdict = ask([entry(A)], committed=[proven(A, host=host)], port=2222)
        assert verdict.accepted == (proven(A),), host


def test_a_key_of_another_host_is_refused_even_when_typed() -> None:
    verdict = ask([entry(A, "evil.example.com")], [A.fingerprint])
    assert verdict.accepted == ()
    assert "a host other than" in verdict.refused[0].reason


@pytest.mark.parametrize(
    "bad",
    [
        KnownHost(HOST, "ssh-dss", "AAAA"),
        KnownHost(HOST, "ssh-ed25519", R.key),
        KnownHost(HOST, "ssh-ed25519", "hunter2"),
        KnownHost("a b\n", "ssh-ed25519", A.key),
        KnownHost("", "", ""),
    ],
)
def test_what_is_no_key_is_refused_and_not_repeated(bad: KnownHost) -> None:
    verdict = ask([entry(A), bad], [A.fingerprint], [bad])
    assert [item.entry for item in verdict.refused] == [bad]
    with pytest.raises(RefusedError) as caught:
        verdict.require()
    assert "hunter2" not in caught.value.message + caught.value.hint


def test_a_typed_fingerprint_that_matches_nothing_is_a_problem() -> None:
    verdict = ask([entry(A)], [B.fingerprint, B.fingerprint], [proven(A)])
    assert verdict.accepted == (proven(A),)
    assert verdict.unused == (B.fingerprint,)
    assert not verdict.ok
    with pytest.raises(RefusedError, match="matches no given key"):
        verdict.require()
    assert verdict.require(used_elsewhere={B.fingerprint}) == (proven(A),)


def test_what_is_typed_must_be_a_fingerprint() -> None:
    with pytest.raises(ValueError, match="MD5"):
        ask([entry(A)], ["f1:d0:fb:46:73:7a:70:92:5a:ab:5d:ef:43:e2:1c:35"])


def test_no_key_at_all_is_refused() -> None:
    verdict = ask([])
    assert not verdict.ok
    with pytest.raises(RefusedError, match="no key was given"):
        verdict.require()


# --- published hosts ------------------------------------------------------------------------------


def test_one_unknown_key_on_a_published_host_refuses_all() -> None:
    known = published_entries("github.com", 22)
    extra = entry(A, "github.com")
    for typed in ([], [A.fingerprint]):
        verdict = ask([*known, extra], typed, host="github.com")
        assert verdict.accepted == ()
        assert len(verdict.refused) == 4
        with pytest.raises(RefusedError, match="publishes its keys"):
            verdict.require()


def test_keys_newer_than_this_version_count_when_every_one_is_typed() -> None:
    known = published_entries("github.com", 22)
    typed = [HostKey(item.type, item.key).fingerprint for item in known]
    verdict = ask(
        [*known[:2], entry(R, "github.com")], [*typed[:2], R.fingerprint], host="github.com"
    )
    assert {item.evidence.kind for item in verdict.require() if item.evidence} == {"fingerprint"}


@pytest.mark.parametrize("host", ["github.com", "ssh.github.com", HOST])
def test_a_retired_key_is_refused_by_name_whatever_else_speaks_for_it(host: str) -> None:
    key = HostKey("ssh-rsa", GITHUB_RETIRED)
    verdict = ask([entry(key, host)], [key.fingerprint], [proven(key, host)], host=host)
    assert verdict.accepted == ()
    assert "replaced 2023-03-24" in verdict.refused[0].reason


# --- changed keys ---------------------------------------------------------------------------------


def test_a_changed_key_stops_and_shows_both_fingerprints() -> None:
    verdict = ask([entry(B), entry(R)], committed=[proven(A), proven(R)])
    assert verdict.accepted == (proven(R),)
    for confirmed in (False, True):
        with pytest.raises(ConflictError) as caught:
            verdict.require(replace_changed=confirmed)
        assert A.fingerprint in caught.value.message
        assert B.fingerprint in caught.value.message


def test_a_changed_key_needs_its_fingerprint_and_a_yes() -> None:
    verdict = ask([entry(B)], [B.fingerprint], [proven(A)])
    assert not verdict.ok
    with pytest.raises(ConflictError):
        verdict.require()
    (item,) = verdict.require(replace_changed=True)
    assert item.key == B.key
    assert item.evidence == Evidence("fingerprint", B.fingerprint, **NOW)


def test_a_published_key_in_the_place_of_another_is_a_change_too() -> None:
    entries = published_entries("github.com", 22)
    old = proven(HostKey("ssh-rsa", GITHUB_RETIRED), "github.com", kind="published")
    verdict = ask(entries, committed=[*entries[:2], old], host="github.com")
    assert verdict.accepted == ()
    with pytest.raises(ConflictError):
        verdict.require(replace_changed=True)
    typed = [HostKey(entries[2].type, entries[2].key).fingerprint]
    verdict = ask(entries, typed, committed=[*entries[:2], old], host="github.com")
    assert len(verdict.require(replace_changed=True)) == 3


def test_a_yes_to_a_change_does_not_let_other_keys_through() -> None:
    verdict = ask([entry(B), entry(R)], [B.fingerprint], [proven(A)])
    with pytest.raises(RefusedError):
        verdict.require(replace_changed=True)


def test_a_second_key_of_a_type_beside_the_committed_one_is_a_change() -> None:
    assert ask([entry(A), entry(B)], [B.fingerprint], [proven(A)]).changed[0].new == B.fingerprint


# --- the property ---------------------------------------------------------------------------------

LISTED = [item.key for name in ("github.com", "gitlab.com") for item in published_keys(name, 22)]
KEYS = (A, B, R, HostKey("ssh-rsa", GITHUB_RETIRED), *LISTED)
HOSTS = (HOST, "github.com", "gitlab.com", "ssh.github.com", f"[{HOST}]:22", "GitHub.com.", "x y")
EVIDENCE = st.none() | st.builds(
    Evidence,
    st.sampled_from(["published", "fingerprint"]),
    st.sampled_from([key.fingerprint for key in KEYS]),
    st.sampled_from(["Ada Example", "Mallory"]),
    st.sampled_from(["2026-11-21", "2025-01-02"]),
)
ENTRIES = st.lists(
    st.builds(
        lambda host, key, evidence, name: KnownHost(host, name or key.type, key.key, evidence),
        st.sampled_from(HOSTS),
        st.sampled_from(KEYS),
        EVIDENCE,
        st.sampled_from(["", "", "", "", "ssh-dss", "ssh-rsa"]),
    ),
    max_size=5,
)
TYPED = st.lists(st.sampled_from([key.fingerprint for key in KEYS]), max_size=3)
PLACES = st.sampled_from([(HOST, 22), ("github.com", 22), ("ssh.github.com", 443), (HOST, 2222)])


def same_host(item: KnownHost, host: str) -> bool:
    return item.host.lower().rstrip(".") in {host, f"[{host}]:22"}


@settings(max_examples=600)
@given(ENTRIES, TYPED, ENTRIES, PLACES)
def test_nothing_is_accepted_without_a_reason(
    entries: list[KnownHost], typed: list[str], committed: list[KnownHost], place: tuple[str, int]
) -> None:
    host, port = place
    verdict = ask(entries, typed, committed, host, port)
    listed = {item.key for item in published_keys(host, port)}
    all_listed = all((item.type, item.key) in {(k.type, k.key) for k in listed} for item in entries)
    for item in verdict.accepted:
        key = HostKey(item.type, item.key)
        assert item.host == host
        assert key.fingerprint != HostKey("ssh-rsa", GITHUB_RETIRED).fingerprint
        assert item.evidence is not None
        assert item.evidence.sha256 == key.fingerprint
        reasons = {
            "published": key in listed and all_listed,
            "fingerprint": key.fingerprint in typed
            or any(
                (old.type, old.key) == (item.type, item.key)
                and old.evidence == item.evidence
                and same_host(old, host)
                for old in committed
            ),
        }
        assert reasons[item.evidence.kind]
    # The evidence that came in changes nothing at all.
    bare = [replace(item, evidence=None) for item in entries]
    assert ask(bare, typed, committed, host, port).accepted == verdict.accepted
    if not typed and not committed and not listed:
        assert verdict.accepted == ()


@settings(max_examples=200)
@given(ENTRIES, TYPED, ENTRIES, PLACES)
def test_what_was_accepted_is_accepted_again_byte_for_byte(
    entries: list[KnownHost], typed: list[str], committed: list[KnownHost], place: tuple[str, int]
) -> None:
    host, port = place
    first = ask(entries, typed, committed, host, port)
    if first.ok:
        again = judge_host_keys(
            first.accepted, host=host, port=port, typed=(), committed=first.accepted,
            by="Somebody Else", date="2030-01-01",
        )  # fmt: skip
        assert again.require() == first.accepted


# --- known_hosts ----------------------------------------------------------------------------------


def test_known_hosts_text_is_ours_and_in_a_fixed_order() -> None:
    accepted = [proven(R), proven(B), proven(A)]
    text = format_known_hosts(accepted, port=2222)
    assert text == format_known_hosts(accepted[::-1], port=2222)
    assert text.endswith("\n")
    assert "\r" not in text
    assert [line.split()[:2] for line in text.splitlines()] == [
        [f"[{HOST}]:2222", "ssh-ed25519"],
        [f"[{HOST}]:2222", "ssh-ed25519"],
        [f"[{HOST}]:2222", "ssh-rsa"],
    ]
    assert format_known_hosts([proven(A)], port=22) == f"{HOST} ssh-ed25519 {A.key}\n"


def test_known_hosts_is_never_empty_and_never_without_evidence() -> None:
    with pytest.raises(ValueError, match="at least one"):
        format_known_hosts([], port=22)
    for bad in (entry(A), replace(proven(A), key=B.key)):
        with pytest.raises(ValueError, match="no evidence"):
            format_known_hosts([proven(R), bad], port=22)


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")
@pytest.mark.parametrize(("host", "port"), [(HOST, 22), (HOST, 2222), ("2001:db8::1", 2222)])
def test_openssh_finds_every_line(tmp_path: Path, host: str, port: int) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(format_known_hosts([proven(A, host), proven(R, host)], port=port))
    found = subprocess.run(
        ["ssh-keygen", "-F", known_hosts_name(host, port), "-f", str(path)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert found.count("found: line") == 2
