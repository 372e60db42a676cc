"""What two installations of one repository may not both own."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.scenarios import NEEDED, Scenario
from wizard.answers import presets
from wizard.answers.files import merge_layers, require_valid_answers
from wizard.errors import AnswersError
from wizard.plan.claims import Claims, derive_claims
from wizard.workspace.neighbours import require_disjoint_claims

ALL = {
    "installation.namespace": "two",
    "delivery.argocd.project": "airflow-two",
    "secrets.vault.role": "external-secrets-airflow-two",
}
REMOTE = "https://api.two.example:6443"
OTHER_VAULT = "https://vault.two.example:8200"
TWO = {"installation.name": "two"}


class _At:
    def __init__(self, prefix: str) -> None:
        self.prefix = prefix


def _data(more: dict[str, Any]) -> dict[str, Any]:
    return Scenario({**NEEDED, **more}).data


def _first(more: dict[str, Any] | None = None, folder: str = "") -> Claims:
    return derive_claims(_data(more or {}), folder)


def _taken(more: dict[str, Any], *others: Claims, folder: str = "") -> AnswersError:
    with pytest.raises(AnswersError) as caught:
        _plan(more, *others, folder=folder)
    return caught.value


def _plan(more: dict[str, Any], *others: Claims, folder: str = "") -> None:
    answers, _ = require_valid_answers(_data(more))
    require_disjoint_claims(answers, None, _At(folder), lambda: others)  # type: ignore[arg-type]


def test_a_second_one_with_the_defaults_takes_everything_and_is_told_what_to_add() -> None:
    error = _taken(TWO, _first())

    assert [problem.key for problem in error.problems] == list(ALL)
    assert str(error.problems[1]) == (
        "delivery.argocd.project: AppProject airflow belongs to installation airflow; give "
        "a different value, such as airflow-two"
    )
    options = " ".join(f"--set {key}={value}" for key, value in ALL.items())
    assert error.hint.splitlines()[0] == f"add {options}"
    _plan({**TWO, **ALL}, _first())


def test_what_is_proposed_is_nobodys() -> None:
    third = _first({**ALL, "installation.name": "x"})
    error = _taken(TWO, _first(), third)
    assert "installation.namespace=two-2" in error.hint
    assert "delivery.argocd.project=airflow-two-2" in error.hint
    assert "role=external-secrets-airflow-two-2" in error.hint


@pytest.mark.parametrize(
    ("more", "other", "keys"),
    [
        ({"installation.release": "r"}, {}, list(ALL)[1:]),
        ({**ALL, "secrets.vault.path": "a/b"}, {"secrets.vault.path": "a/b"},
         ["secrets.vault.path"]),
        # Another cluster: Vault's policy is one for its whole server, and one Argo CD may serve
        # both clusters.
        ({"delivery.argocd.destination": REMOTE}, {},
         ["delivery.argocd.project", "secrets.vault.role"]),
        ({"secrets.vault.auth_mount": "two"}, {}, ["secrets.vault.role"]),
        ({"cluster.uid": "2"}, {"cluster.uid": "1"}, ["secrets.vault.role"]),
        ({"delivery.argocd.destination": REMOTE, "secrets.vault.server": OTHER_VAULT}, {},
         ["delivery.argocd.project"]),
        ({"secrets.vault.namespace": "ns"}, {}, list(ALL)[:2]),
        ({"cluster.server": REMOTE}, {}, list(ALL)),
        ({"delivery.argocd.namespace": "argo"}, {},
         ["installation.namespace", "secrets.vault.role"]),
    ],
)  # fmt: skip
def test_what_belongs_to_the_other(
    more: dict[str, Any], other: dict[str, Any], keys: list[str]
) -> None:
    given, first = {**TWO, **more}, _first(other)
    if keys:
        assert [problem.key for problem in _taken(given, first).problems] == keys
    else:
        _plan(given, first)


STORE = {"delivery.argocd.credential": "store"}
VAULT = "delivery.argocd.vault"
APART = {**TWO, **ALL}
HUB = {
    "delivery.argocd.destination": REMOTE,
    f"{VAULT}.auth_mount": "hub",
    "secrets.vault.auth_mount": "two",
}


def test_a_second_credential_for_one_repository_is_known_already() -> None:
    error = _taken({**APART, **STORE}, _first(STORE))

    assert [str(one) for one in error.problems] == [
        "delivery.argocd.credential: Argo CD's credential for this repository belongs to "
        "installation airflow; Argo CD has one for each repository; set it to known"
    ]
    assert error.hint.splitlines()[0] == "add --set delivery.argocd.credential=known"
    _plan(APART, _first(STORE))
    _plan({**APART, **STORE}, _first())


@pytest.mark.parametrize(
    ("more", "other", "keys"),
    [
        # The same repository in another spelling; another repository; another Argo CD.
        ({"delivery.argocd.repo_url": "git@git.example.com:platform/K8s-infra"}, STORE,
         ["delivery.argocd.credential"]),
        ({"delivery.argocd.repo_url": "ssh://git@git.example.com/other.git"}, STORE, []),
        ({"delivery.argocd.namespace": "argo"}, STORE, []),
        # A hub of two clusters has one auth mount in Vault.
        (HUB, {**STORE, f"{VAULT}.auth_mount": "hub", "delivery.argocd.destination": "https://one"},
         ["delivery.argocd.credential"]),
        (HUB, STORE, []),
        ({f"{VAULT}.role": "external-secrets-airflow"}, {}, [f"{VAULT}.role"]),
        ({f"{VAULT}.role": "theirs"}, {**STORE, f"{VAULT}.role": "theirs",
          "delivery.argocd.repo_url": "ssh://git@git.example.com/other.git"}, [f"{VAULT}.role"]),
        ({"secrets.vault.role": "external-secrets-airflow-argocd",
          "delivery.argocd.credential": "known"}, STORE, ["secrets.vault.role"]),
        ({f"{VAULT}.path": "airflow-install/airflow/config"}, {}, [f"{VAULT}.path"]),
        ({"secrets.vault.path": "airflow-install/airflow/argocd",
          "delivery.argocd.credential": "known"}, STORE, ["secrets.vault.path"]),
    ],
)  # fmt: skip
def test_roles_and_paths_of_a_credential_are_one_installations(
    more: dict[str, Any], other: dict[str, Any], keys: list[str]
) -> None:
    given, first = {**APART, **STORE, **more}, _first(other)
    if keys:
        assert [problem.key for problem in _taken(given, first).problems] == keys
    else:
        _plan(given, first)


def test_folders_are_clusters_of_their_own_unless_vault_says_otherwise() -> None:
    first = _first({"secrets.vault.server": OTHER_VAULT}, "clusters/one")
    _plan({}, first, folder="clusters/two")

    error = _taken({}, _first(folder="clusters/one"), folder="clusters/two")

    assert "installation airflow in clusters/one" in str(error.problems[0])
    assert [problem.key for problem in error.problems] == [
        "installation.name", *ALL, "secrets.vault.path",
    ]  # fmt: skip
    assert "secrets.vault.auth_mount=MOUNT" in error.hint
    assert "--set installation.name=airflow-2" in error.hint


def test_one_hub_for_two_clusters_keeps_one_application_of_a_name() -> None:
    hub = {"delivery.argocd.destination": REMOTE, "secrets.vault.server": OTHER_VAULT}
    first = _first({"delivery.argocd.destination": "https://api.one.example:6443"}, "clusters/one")

    error = _taken(hub, first, folder="clusters/two")

    assert [str(one) for one in error.problems] == [
        "installation.name: Application airflow belongs to installation airflow in clusters/one; "
        "give a different value, such as airflow-2",
        "delivery.argocd.project: AppProject airflow belongs to installation airflow in "
        "clusters/one; give a different value, such as airflow-2",
    ]
    assert error.hint == (
        "add --set installation.name=airflow-2 --set delivery.argocd.project=airflow-2"
    )
    _plan({**hub, "delivery.argocd.namespace": "argo"}, first, folder="clusters/two")


PAIR = {"installation.name": "data", "delivery.argocd.applications": "two"}
ONE = {"delivery.argocd.applications": "one"}


@pytest.mark.parametrize(
    ("more", "other", "key", "free"),
    [
        ({**ONE, "installation.name": "data-parent"}, PAIR, "installation.name", "data-parent-2"),
        ({**ONE, "installation.name": "data-secrets"}, PAIR, "installation.name",
         "data-secrets-2"),
        (PAIR, {**ONE, "installation.name": "data-secrets"}, "installation.name", "data-2"),
        ({**ONE, "installation.name": "x-bootstrap", "delivery.argocd.project": "two-bootstrap"},
         {**PAIR, "delivery.argocd.project": "two"}, "delivery.argocd.project",
         "airflow-x-bootstrap"),
    ],
)  # fmt: skip
def test_names_that_come_of_a_name_are_taken_too(
    more: dict[str, Any], other: dict[str, Any], key: str, free: str
) -> None:
    apart = {"installation.namespace": "two", "secrets.vault.role": "external-secrets-two"}
    given = {**apart, "delivery.argocd.project": "own", **more}
    error = _taken(given, _first(other))

    assert [problem.key for problem in error.problems] == [key]
    assert error.hint.splitlines()[0] == f"add --set {key}={free}"
    _plan({**given, key: free}, _first(other))
    _plan({**given, **ONE}, _first({**other, **ONE}))


def test_a_local_cluster_is_its_own() -> None:
    local = presets.load_preset("local").answers
    answers, _ = require_valid_answers(merge_layers(local, {"installation": {"name": "two"}}))
    others = [derive_claims(local, ""), _first()]
    require_disjoint_claims(answers, None, _At(""), lambda: others)  # type: ignore[arg-type]


def test_one_that_keeps_what_it_has_reads_no_other() -> None:
    answers, _ = require_valid_answers(_data({"executor.workers.replicas": 3, "cluster.uid": "1"}))

    def never() -> list[Claims]:
        raise AssertionError("the others were read")

    require_disjoint_claims(answers, _data({}), _At(""), never)  # type: ignore[arg-type]
    with pytest.raises(AssertionError):
        require_disjoint_claims(answers, _data({"installation.release": "r"}), _At(""), never)  # type: ignore[arg-type]


BACKEND = {"secrets.backend.kind": "vault"}
FOLDERS = "secrets.backend.connections_path"


@pytest.mark.parametrize(
    ("more", "other", "keys"),
    [
        (BACKEND, BACKEND, []),
        # Connections may be shared; a role and its policy may not.
        ({**BACKEND, FOLDERS: "dags/c"}, {**BACKEND, FOLDERS: "dags/c"}, []),
        ({**BACKEND, "secrets.backend.role": "flows"}, {**BACKEND, "secrets.backend.role": "flows"},
         ["secrets.backend.role"]),
        ({**BACKEND, "secrets.backend.role": "external-secrets-airflow"}, {},
         ["secrets.backend.role"]),
        ({"secrets.vault.role": "flows"}, {**BACKEND, "secrets.backend.role": "flows"},
         ["secrets.vault.role"]),
        # The payload of the other one is out of reach, too.
        ({**BACKEND, FOLDERS: "team"}, {"secrets.vault.path": "team/airflow"}, [FOLDERS]),
        ({**BACKEND, FOLDERS: "team", "secrets.backend.mount": "kv"},
         {"secrets.vault.path": "team/airflow"}, []),
    ],
)  # fmt: skip
def test_the_role_at_runtime_is_of_one_installation(
    more: dict[str, Any], other: dict[str, Any], keys: list[str]
) -> None:
    given, first = {**APART, **more}, _first(other)
    if keys:
        assert [problem.key for problem in _taken(given, first).problems] == keys
    else:
        _plan(given, first)
