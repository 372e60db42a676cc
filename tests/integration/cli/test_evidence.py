"""Nothing but a typed fingerprint, the published list or our own commit makes a key trusted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import ACCEPT_ALL, Wizard, answers_file, aw
from tests.support.scenarios import OWN_REPO, host_key
from wizard.hostkeys import trust
from wizard.hostkeys.keys import HostKey
from wizard.hostkeys.published import published_keys
from wizard.hostkeys.verdict import Evidence, HostKeyVerdict, KnownHost

__all__ = ["aw"]

KEY, OTHER = host_key(1), host_key(2)
VALUES = "apps/airflow/airflow-values.yaml"
ANSWERS = ".airflow-wizard/airflow/answers.yaml"


def entry(key: HostKey, host: str = "git.example.com", **evidence: str) -> dict[str, Any]:
    claimed = {
        "kind": "fingerprint",
        "sha256": key.fingerprint,
        "by": "Mallory",
        "date": "2020-01-01",
    }
    return {"host": host, "type": key.type, "key": key.key, "evidence": claimed | evidence}


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., str]:
    def write(*keys: dict[str, Any], **changes: Any) -> str:
        given = {"dags.repo": OWN_REPO, "dags.host_keys": list(keys), **changes}
        return str(answers_file(tmp_path / "answers.yaml", given))

    return write


def known_hosts(aw: Wizard) -> str:
    text = aw.git.git("show", f"HEAD:{VALUES}", ok=(0, 128))
    return text if "knownHosts" in text else ""


CLAIMS = {
    "typed by somebody": {},
    "published": {"kind": "published", "source": "https://example.com"},
    "of another key": {"sha256": OTHER.fingerprint},
}


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=CLAIMS)
def test_a_file_cannot_vouch_for_its_own_keys(
    aw: Wizard, file: Callable[..., str], claim: dict[str, str]
) -> None:
    done = aw("commit", "--yes", "--answers", file(entry(KEY, **claim)))

    assert done.code == 4
    assert KEY.fingerprint in done.err
    assert "--host-key-fingerprint" in done.err
    assert aw.git.git("rev-parse", "-q", "--verify", "HEAD", ok=(1,)) == ""
    assert list(aw.folder.iterdir()) == [aw.folder / ".git"]


def test_the_matching_fingerprint_makes_the_key_trusted(
    aw: Wizard, file: Callable[..., str]
) -> None:
    wrong = aw(
        "commit",
        "--yes",
        "--answers",
        file(entry(KEY)),
        "--host-key-fingerprint",
        OTHER.fingerprint,
    )
    assert wrong.code == 4
    assert "does not match any key" in wrong.err

    aw.ok(
        "commit", "--yes", "--answers", file(entry(KEY)), "--host-key-fingerprint", KEY.fingerprint
    )

    assert f"[git.example.com]:2222 {KEY.type} {KEY.key}" in known_hosts(aw)
    saved = (aw.folder / ANSWERS).read_text()
    assert "Ada Example" in saved
    assert "Mallory" not in saved
    aw.ok("plan", "--detailed-exitcode")
    aw.ok("set", "executor.workers.replicas=2", "--yes")


def test_yes_accepts_no_key(aw: Wizard, file: Callable[..., str]) -> None:
    assert aw("commit", "--yes", "--json", "--answers", file(entry(KEY))).code == 4


HTTPS = {"dags.repo": "https://git.example.com/a/dags.git"}


def test_a_fingerprint_that_nothing_needs_is_told(aw: Wizard, file: Callable[..., str]) -> None:
    # Neither the DAGs nor the config repository are over SSH.
    repo_url = {"delivery.argocd.repo_url": "https://git.example.com/platform/k8s-infra.git"}
    given = ("plan", "--answers", file(**{"dags.host_keys": [], **HTTPS, **repo_url}))
    bogus = aw(*given, "--host-key-fingerprint", "bogus")
    unused = aw.ok(*given, "--host-key-fingerprint", KEY.fingerprint)

    assert bogus.code == 3
    assert "--host-key-fingerprint: " in bogus.err
    assert "--host-key-fingerprint is not used: these answers need no host key" in unused.out
    assert "is not used" not in aw.ok(*given).out


def test_a_plan_without_evidence_says_so_on_both_streams(
    aw: Wizard, file: Callable[..., str]
) -> None:
    done = aw("plan", "--answers", file(entry(KEY)))

    assert done.code == 4
    assert "error: evidence is missing:" in done.err
    assert KEY.fingerprint in done.err


def test_a_text_that_is_no_fingerprint_is_named(aw: Wizard, file: Callable[..., str]) -> None:
    done = aw("plan", "--answers", file(entry(KEY)), "--host-key-fingerprint", "MD5:aa:bb")

    assert done.code == 3
    assert "--host-key-fingerprint: " in done.err


def test_a_hand_edit_that_is_committed_is_no_evidence(aw: Wizard, file: Callable[..., str]) -> None:
    aw.ok(
        "commit", "--yes", "--answers", file(entry(KEY)), "--host-key-fingerprint", KEY.fingerprint
    )
    text = (aw.folder / ANSWERS).read_text()
    forged = text.replace(KEY.key, OTHER.key).replace(KEY.fingerprint, OTHER.fingerprint)
    aw.git.commit({ANSWERS: forged}, "by hand")

    for command in (["plan"], ["commit", "--yes"], ["check"], ["set", "dags.depth=2", "--yes"]):
        done = aw(*command)
        assert done.code in {4, 5}, done
        assert OTHER.fingerprint in done.out + done.err
    assert OTHER.key not in known_hosts(aw)


def test_evidence_on_another_branch_does_not_count(aw: Wizard, file: Callable[..., str]) -> None:
    aw.ok("commit", "--yes", "--answers", file(), "--set", "dags.source=image",
          "--set", "installation.image.repository=r.example/a",
          "--set", "installation.image.tag=1")  # fmt: skip
    aw.git.git("switch", "-q", "-c", "work")
    typed = ("--host-key-fingerprint", KEY.fingerprint, "--branch", "work")
    aw.ok("commit", "--yes", "--answers", file(entry(KEY)), *typed, *ACCEPT_ALL)
    assert KEY.key in known_hosts(aw)

    done = aw("plan")

    assert done.code in {4, 5}
    assert f"nothing proves that this key is the host's; its fingerprint is {KEY.fingerprint}" in (
        done.out
    )


def test_a_changed_key_stops_everything_until_the_new_one_is_typed(
    aw: Wizard, file: Callable[..., str]
) -> None:
    aw.ok(
        "commit", "--yes", "--answers", file(entry(KEY)), "--host-key-fingerprint", KEY.fingerprint
    )
    changed = file(entry(OTHER))

    for command in (["plan"], ["commit", "--yes"]):
        done = aw(*command, "--answers", changed)
        assert done.code == 5
        assert KEY.fingerprint in done.err
        assert OTHER.fingerprint in done.err
    assert aw(
        "commit", "--yes", "--answers", changed, "--host-key-fingerprint", KEY.fingerprint
    ).code in {4, 5}
    assert OTHER.key not in known_hosts(aw)

    aw.ok("commit", "--yes", "--answers", changed, "--host-key-fingerprint", OTHER.fingerprint)

    assert OTHER.key in known_hosts(aw)
    assert KEY.key not in known_hosts(aw)


def test_a_key_of_another_host_is_not_taken(aw: Wizard, file: Callable[..., str]) -> None:
    answers = file(entry(KEY, host="evil.example.com"))

    done = aw("commit", "--yes", "--answers", answers, "--host-key-fingerprint", KEY.fingerprint)

    assert done.code == 4
    assert "a host other than" in done.err


def test_a_published_host_needs_nothing_typed(aw: Wizard, tmp_path: Path) -> None:
    answers = answers_file(
        tmp_path / "a.yaml", {"dags.repo": "ssh://git@github.com/example/dags.git"}
    )

    aw.ok("commit", "--yes", "--answers", str(answers))

    assert known_hosts(aw).count("github.com ") >= 3


def test_a_published_host_with_one_other_key_is_refused(aw: Wizard, tmp_path: Path) -> None:
    given = {"dags.repo": "ssh://git@github.com/example/dags.git"}
    listed = [one.key for one in published_keys("github.com", 22)]
    for others in ([], listed):
        keys = [entry(key, host="github.com", kind="published") for key in [*others, KEY]]
        answers = answers_file(tmp_path / "a.yaml", {**given, "dags.host_keys": keys})

        assert aw("commit", "--yes", "--answers", str(answers)).code == 4
        assert known_hosts(aw) == ""


@pytest.mark.parametrize(
    "values",
    [
        {"dags": {"gitSync": {"knownHosts": "git.example.com ssh-ed25519 AAAA"}}},
        {"dags": {"gitSync": {"knownHosts": None}}},
        {"dags": {"gitSync": None}},
        {"dags": None},
        {"dags": {"gitSync": {"sshKeySecret": "other"}}},
    ],
)
def test_values_cannot_bring_a_key_in(
    aw: Wizard, file: Callable[..., str], values: dict[str, Any]
) -> None:
    answers = file(entry(KEY), values=values)

    done = aw("commit", "--yes", "--answers", answers, "--host-key-fingerprint", KEY.fingerprint)

    assert done.code == 3
    assert "values.dags.gitSync." in done.err


def test_a_hand_edit_of_known_hosts_is_not_kept(aw: Wizard, file: Callable[..., str]) -> None:
    aw.ok(
        "commit", "--yes", "--answers", file(entry(KEY)), "--host-key-fingerprint", KEY.fingerprint
    )
    aw.edit(VALUES, KEY.key, OTHER.key)

    for command in (["plan"], ["check"], ["set", "dags.depth=2", "--yes"]):
        done = aw(*command)
        assert done.code == 5, done
        assert "dags.gitSync.knownHosts was edited by hand" in done.out


def test_these_tests_notice_when_keys_are_not_judged(
    aw: Wizard, file: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the judge gone, a file vouches for itself: what the tests above say does not happen."""

    def believes_all(entries: Any, **_: Any) -> HostKeyVerdict:
        accepted = tuple(
            KnownHost(
                e.host,
                e.type,
                e.key,
                Evidence("fingerprint", HostKey(e.type, e.key).fingerprint, "", ""),
            )
            for e in entries
        )
        return HostKeyVerdict("git.example.com", accepted)

    monkeypatch.setattr("wizard.workspace.host_keys.judge_host_keys", believes_all)

    assert trust.judge_host_keys is not believes_all
    aw.ok("commit", "--yes", "--answers", file(entry(KEY)))
    assert KEY.key in known_hosts(aw)
