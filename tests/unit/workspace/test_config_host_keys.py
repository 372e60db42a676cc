"""Host keys of the config repository: verified as those of the DAGs, and optional without them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.host_keys import verify
from tests.support.rendered import filled, findings
from tests.support.scenarios import host_key
from wizard.answers.files import answers_data, answers_text, parse_answers, validate_answers
from wizard.answers.model import Answers
from wizard.errors import ConflictError
from wizard.formats.nested import get_value
from wizard.hostkeys.scan import Scan
from wizard.plan.render import render
from wizard.workspace.committed import select_rendered_entries
from wizard.workspace.config_host_keys import verified_host_keys, verified_known_hosts
from wizard.workspace.git_hosts import find_config_host, key_answers, list_git_hosts
from wizard.workspace.host_keys import VerifiedAnswers
from wizard.workspace.ownership import render_paths

OWN, OTHER = host_key(7), host_key(8)
HOST = "git.example.com"
CONFIG = f"ssh://git@{HOST}:2222/platform/k8s-infra.git"
LINE = f"[{HOST}]:2222 {OWN.type} {OWN.key}\n"
KEYS = "delivery.argocd.host_keys"
FILE = ".airflow-wizard/airflow/base/argocd-known-hosts.base"


def given(host_keys: object = (), **more: object) -> Answers:
    changes = {"delivery.argocd.repo_url": CONFIG, KEYS: host_keys or [], **more}
    found = validate_answers(filled("production", changes))
    assert found.answers is not None, [str(one) for one in found.problems]
    return found.answers


def saved_keys(settled: VerifiedAnswers) -> Any:
    return get_value(answers_data(settled.answers), tuple(KEYS.split(".")))


def test_every_host_over_ssh_is_in_one_list() -> None:
    bundle = {"name": "fin", "repo": "ssh://git@gitlab.com/a/fin.git", "login": {"env": "KEY"}}
    answers = given(**{"dags.source": "bundle", "dags.bundles": [bundle]})
    assert [(one.name, one.question, one.required) for one in list_git_hosts(answers)] == [
        ("github.com", "dags.host_keys", True),
        ("gitlab.com", "dags.bundles", True),
        (f"[{HOST}]:2222", KEYS, False),
    ]


def test_without_keys_nothing_is_missing_and_nothing_is_trusted() -> None:
    settled = verify(given())
    assert settled.missing == ()
    assert saved_keys(settled) == []
    assert verified_known_hosts(settled.answers) == ""


def test_a_given_key_needs_a_fingerprint_typed_now() -> None:
    claimed = {
        "host": HOST, "type": OWN.type, "key": OWN.key,
        "evidence": {"kind": "fingerprint", "sha256": OWN.fingerprint, "by": "Eve", "date": "1"},
    }  # fmt: skip
    for one in (LINE, [claimed]):
        refused = verify(given(one))
        assert any(OWN.fingerprint in line for line in refused.missing)
        assert saved_keys(refused) == []
        settled = verify(given(one), OWN.fingerprint)
        assert settled.missing == ()
        assert verified_known_hosts(settled.answers) == LINE
        assert verified_host_keys(settled.answers) == (OWN,)
        assert saved_keys(settled)[0]["evidence"]["by"] == "Ada Example"


def test_committed_evidence_counts_for_the_rendered_key_only() -> None:
    first = verify(given(LINE), OWN.fingerprint).answers
    made = render(first)
    assert made.tree["docs/airflow/argocd-known-hosts"].text == LINE
    runbook = made.tree.by_logical("runbook").text
    assert "argocd cert add-ssh --batch --from docs/airflow/argocd-known-hosts" in runbook
    assert not [str(one) for one in findings(made) if one.is_error]
    data = parse_answers(answers_text(first), "saved")
    base = {FILE: made.tree.by_logical("argocd-known-hosts").data}
    known = select_rendered_entries(data, base, "airflow")
    again = verify(given(LINE), committed=known)
    assert again.missing == ()
    assert verified_known_hosts(again.answers) == LINE
    # Without its line in the last rendering, the record proves nothing.
    assert OWN.key not in {one.key for one in select_rendered_entries(data, {}, "airflow")}

    with pytest.raises(ConflictError, match="not the one that was accepted before"):
        verify(given(LINE.replace(OWN.key, OTHER.key)), committed=known)


def test_the_file_belongs_to_the_installation_whatever_evidence_the_answers_claim() -> None:
    data = answers_data(verify(given(LINE), OWN.fingerprint).answers)
    data["delivery"]["argocd"]["host_keys"][0]["evidence"]["sha256"] = "SHA256:forged"

    def load(answers: Answers) -> tuple[Answers, dict[str, str]]:
        return answers, {}

    assert "docs/airflow/argocd-known-hosts" in render_paths("airflow", lambda: data, load)


def test_only_a_fingerprint_of_no_other_host_leads_to_a_scan() -> None:
    scanned: list[str] = []

    def scanner(host: str, port: int) -> Scan:
        scanned.append(host)
        return Scan(host, port, (OWN,) if host == HOST else ())

    assert verify(given(), scanner=scanner).missing == ()
    assert scanned == []
    settled = verify(given(), OWN.fingerprint, scanner=scanner)
    assert settled.missing == ()
    assert verified_known_hosts(settled.answers) == LINE
    wrong = verify(given(), OTHER.fingerprint, scanner=scanner)
    assert wrong.missing == (f"the fingerprint {OTHER.fingerprint} does not match any key",)


def test_a_host_shared_with_the_dags_has_its_keys_once() -> None:
    repo = f"ssh://git@{HOST}:2222/data/dags.git"
    answers = given(**{"dags.repo": repo, "dags.host_keys": LINE})
    [host] = list_git_hosts(answers)
    assert host.repositories == ("dags.repo", "delivery.argocd.repo_url")
    assert host.required
    settled = verify(answers, OWN.fingerprint)
    assert saved_keys(settled) == []
    assert verified_known_hosts(settled.answers) == LINE


def test_published_keys_are_used_and_not_recorded() -> None:
    answers = given(**{"delivery.argocd.repo_url": "ssh://git@gitlab.com/a/b.git"})
    settled = verify(answers)
    assert saved_keys(settled) == []
    assert len(verified_host_keys(settled.answers)) == 3


def test_pasted_keys_go_where_their_host_belongs() -> None:
    place = f"ssh://git@{HOST}:2222/fin/dags.git"
    two: Any = [
        {"name": "fin", "repo": place, "login": {"env": "A"}, "host_keys": LINE},
        {"name": "hr", "repo": place, "login": {"env": "B"}, "host_keys": LINE},
    ]
    changes = {"dags.source": "bundle", "dags.bundles": two, "delivery.argocd.repo_url": CONFIG}
    data = filled("production", changes)
    answers = validate_answers(data).answers
    assert answers is not None
    host = find_config_host(answers)
    assert host is not None
    assert host.question == "dags.bundles"
    found: Any = key_answers(data, answers, host, [OTHER])
    assert found[KEYS] == []
    assert [one.get("host_keys") for one in found["dags.bundles"]] == [
        [{"host": HOST, "type": OTHER.type, "key": OTHER.key}],
        None,
    ]
    assert [one["repo"] for one in found["dags.bundles"]] == [place, place]
