"""Host keys of the bundles: each Git host is pinned by its own keys, with its own evidence."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.support.host_keys import verify
from tests.support.rendered import PEM, filled, findings, objections
from tests.support.scenarios import host_key
from wizard.answers.files import answers_data, validate_answers
from wizard.answers.model import Answers
from wizard.errors import ConflictError
from wizard.formats.nested import get_value
from wizard.hostkeys.scan import Scan
from wizard.plan.render import render
from wizard.workspace.committed import select_rendered_entries
from wizard.workspace.git_hosts import committed_entries, list_git_hosts
from wizard.workspace.host_keys import judge_answers

OWN, OTHER = host_key(7), host_key(8)
HOST = "git.example.com"
LINE = f"[{HOST}]:2222 {OWN.type} {OWN.key}\n"
MAIN = "ssh://git@github.com/acme/airflow-dags.git"


def bundle(repo: str, **more: object) -> dict[str, object]:
    return {"name": "fin", "repo": repo, "login": {"env": "FIN_KEY"}, **more}


PUBLISHED = bundle("ssh://git@gitlab.com/acme/fin.git")
PRIVATE = bundle(f"ssh://git@{HOST}:2222/fin/dags.git", host_keys=LINE)
EMPTY = bundle(f"ssh://git@{HOST}:2222/fin/dags.git")


def given(*bundles: object, repo: str = MAIN) -> Answers:
    changes = {"dags.source": "bundle", "dags.repo": repo, "dags.bundles": list(bundles)}
    found = validate_answers(filled("production", changes))
    assert found.answers is not None, [str(one) for one in found.problems]
    return found.answers


def test_published_keys_of_each_host_are_pinned() -> None:
    settled = verify(given(PUBLISHED))
    assert settled.missing == ()
    made = render(settled.answers)
    config_map = yaml.safe_load(made.tree.by_logical("secrets/git-known-hosts").text)
    hosts = [line.split()[0] for line in config_map["data"]["known_hosts"].splitlines()]
    assert set(hosts) == {"github.com", "gitlab.com"}
    assert len(hosts) == len(set(config_map["data"]["known_hosts"].splitlines()))
    [saved] = get_value(answers_data(settled.answers), ("dags", "bundles"))
    assert {one["evidence"]["kind"] for one in saved["host_keys"]} == {"published"}
    assert not [str(one) for one in findings(made) if one.is_error]


def test_a_bundle_at_the_first_host_shares_its_keys() -> None:
    settled = verify(given(bundle("ssh://git@github.com/acme/fin.git")))
    [saved] = get_value(answers_data(settled.answers), ("dags", "bundles"))
    assert "host_keys" not in saved
    assert settled.answers.dags.known_hosts == settled.answers.dags.own_known_hosts


def test_pasted_keys_need_a_fingerprint_typed_now() -> None:
    claimed = {
        "host": HOST, "type": OWN.type, "key": OWN.key,
        "evidence": {"kind": "fingerprint", "sha256": OWN.fingerprint, "by": "Eve", "date": "1"},
    }  # fmt: skip
    for one in (PRIVATE, {**PRIVATE, "host_keys": [claimed]}):
        refused = verify(given(one))
        assert HOST not in refused.answers.dags.known_hosts
        assert any(OWN.fingerprint in line for line in refused.missing)
        settled = verify(given(one), OWN.fingerprint)
        assert settled.missing == ()
        assert LINE in settled.answers.dags.known_hosts
        [saved] = get_value(answers_data(settled.answers), ("dags", "bundles"))
        assert saved["host_keys"][0]["evidence"]["by"] == "Ada Example"


def test_a_fingerprint_of_no_host_is_named_once() -> None:
    answers = given(PRIVATE)
    settled = verify(answers, OWN.fingerprint, OTHER.fingerprint)
    assert [line for line in settled.missing if OTHER.fingerprint in line] == list(settled.missing)
    assert len(settled.missing) == 1
    who: dict[str, Any] = {"committed": (), "by": "", "date": ""}
    first, *rest = judge_answers(answers, typed=[OWN.fingerprint, OTHER.fingerprint], **who)
    assert first.unused == (OTHER.fingerprint,)
    assert not any(one.unused for one in rest)


def test_committed_evidence_counts_for_the_rendered_key_only() -> None:
    first = verify(given(PRIVATE), OWN.fingerprint).answers
    data = answers_data(first)
    made = render(first)
    base = {
        ".airflow-wizard/airflow/base/secrets/git-known-hosts.base":
            made.tree.by_logical("secrets/git-known-hosts").data
    }  # fmt: skip
    known = select_rendered_entries(data, base, "airflow")
    assert OWN.key in {one.key for one in known}
    again = verify(given(PRIVATE), committed=known)
    assert again.missing == ()
    assert again.answers.dags.known_hosts == first.dags.known_hosts
    # Without its line in the last rendering, the record proves nothing.
    assert OWN.key not in {one.key for one in select_rendered_entries(data, {}, "airflow")}

    swapped = {**PRIVATE, "host_keys": LINE.replace(OWN.key, OTHER.key)}
    with pytest.raises(ConflictError, match="not the one that was accepted before"):
        verify(given(swapped), committed=committed_entries(data))


def test_only_a_host_without_known_keys_is_scanned() -> None:
    scanned: list[tuple[str, int]] = []

    def scanner(host: str, port: int) -> Scan:
        scanned.append((host, port))
        return Scan(host, port, (OWN,))

    refused = verify(given(EMPTY, {**PUBLISHED, "name": "lab"}), scanner=scanner)
    assert scanned == [(HOST, 2222)]
    assert any(OWN.fingerprint in line for line in refused.missing)
    settled = verify(given(EMPTY), OWN.fingerprint, scanner=scanner)
    assert settled.missing == ()
    assert LINE in settled.answers.dags.known_hosts


def test_without_any_key_the_place_to_paste_it_is_named() -> None:
    [line] = verify(given(EMPTY)).missing
    assert f"no host key of [{HOST}]:2222 is known" in line
    assert "host_keys of its bundle" in line


def test_the_first_repository_may_be_over_https() -> None:
    answers = given(PRIVATE, repo="https://git.example.com/a/b.git")
    assert [one.name for one in list_git_hosts(answers) if one.required] == [f"[{HOST}]:2222"]
    settled = verify(answers, OWN.fingerprint)
    assert settled.verdict_on("git.example.com") is not None
    made = render(settled.answers)
    assert made.release.known_hosts == LINE
    assert "/etc/airflow-git" in made.tree.by_logical("values").text
    assert not [str(one) for one in findings(made) if one.is_error]


def test_a_private_ca_stays_beside_the_host_keys() -> None:
    repo = "https://git.example.com/a/b.git"
    changes = {"dags.source": "bundle", "dags.repo": repo, "dags.bundles": [PUBLISHED],
               "dags.ca.file": "git.pem"}  # fmt: skip
    found = validate_answers(filled("production", changes))
    assert found.answers is not None, [str(one) for one in found.problems]
    made = render(verify(found.answers).answers, {"dags.ca.file": PEM})
    assert {"secrets/git-known-hosts", "secrets/git-ca"} <= {
        one.logical for one in made.tree.values()
    }
    text = made.tree.by_logical("values").text
    assert "mountPath: /etc/airflow-git-ca\n" in text
    assert "mountPath: /etc/airflow-git\n" in text


def test_a_bundle_over_https_has_no_host_keys() -> None:
    https = {"name": "a", "repo": "https://git.example.com/a.git", "host_keys": LINE}
    changes: dict[str, object] = {"dags.source": "bundle", "dags.bundles": [https]}
    [problem] = objections("production", changes)
    assert "remove host_keys" in problem
    wrong = {**PRIVATE, "host_keys": LINE.replace(HOST, "other.example.com")}
    [problem] = objections("production", {**changes, "dags.bundles": [wrong]})
    assert problem.startswith("dags.bundles.0.host_keys")
