"""Several repositories as bundles: one list, and a connection of its own for each login."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.rendered import answers, findings, objections, objects, rendering, values
from wizard.workspace.consent import new_references
from wizard.workspace.deploy_keys import git_key

FIN = {"name": "fin-ops", "repo": "ssh://git@github.com/acme/fin.git", "login": {"env": "FIN_KEY"}}
ML = {
    "name": "ml", "repo": "https://git.example.com/ml/dags.git", "ref": "v2", "subpath": "",
    "period": "5m", "username": "reader", "login": {"store": True},
}  # fmt: skip
OPEN = {"name": "open", "repo": "https://github.com/acme/open.git"}
CHANGES: dict[str, object] = {
    "dags.source": "bundle",
    "dags.bundles": [FIN, ML, OPEN],
    "environment.network_policies": True,
}


def test_every_repository_is_a_bundle_with_its_own_connection() -> None:
    made = rendering(changes=CHANGES)

    bundles = values(made)["dagProcessor"]["dagBundleConfigList"]
    assert [one["name"] for one in bundles] == ["dags", "fin-ops", "ml", "open"]
    assert {one["classpath"].rpartition(".")[2] for one in bundles} == {"GitDagBundle"}
    assert [one["kwargs"].get("git_conn_id") for one in bundles] == [
        "airflow_dags", "airflow_dags_fin_ops", "airflow_dags_ml", None,
    ]  # fmt: skip
    assert bundles[2]["kwargs"] == {
        "tracking_ref": "v2", "refresh_interval": 300, "git_conn_id": "airflow_dags_ml",
    }  # fmt: skip
    assert bundles[3]["kwargs"]["repo_url"] == OPEN["repo"]
    env = {
        one["name"]: one["valueFrom"]["secretKeyRef"] for one in values(made)["triggerer"]["env"]
    }
    assert env["AIRFLOW_CONN_AIRFLOW_DAGS_FIN_OPS"] == {
        "name": "airflow-git-connection-fin-ops", "key": "connection",
    }  # fmt: skip
    assert "AIRFLOW_CONN_AIRFLOW_DAGS_OPEN" not in env
    assert not [str(one) for one in findings(made) if one.is_error]


def test_each_login_is_a_fact_of_its_own_and_verifies_the_host() -> None:
    made = rendering(changes=CHANGES)

    facts = {fact.key: fact for secret in made.total.secrets for fact in secret.facts}
    assert {"gitSshKey", "gitSshKeyFinOps", "gitPasswordMl"} <= set(facts)
    texts: dict[str, Any] = {
        one["metadata"]["name"]: json.dumps(one["spec"]["target"]["template"]["data"])
        for one in objects(made)
        if one["kind"] == "ExternalSecret"
    }
    ssh, https = (texts[f"airflow-git-connection-{name}"] for name in ("fin-ops", "ml"))
    assert "strict_host_key_checking" in ssh
    assert "/etc/airflow-git/known_hosts" in ssh
    assert "strict_host_key_checking" not in https
    assert {(flow.host, flow.port) for flow in made.total.flows if "DAG" in flow.purpose} == {
        ("github.com", 22), ("git.example.com", 443), ("github.com", 443),
    }  # fmt: skip
    steps = [step.id for step in made.total.steps if step.id.startswith("dags.register")]
    assert steps == ["dags.register-key", "dags.register-key-fin-ops"]


def test_a_login_needs_consent_by_the_name_of_its_bundle() -> None:
    found = answers(changes=CHANGES)
    facts = [one.fact for one in found.dags.bundles if one.fact is not None]

    assert list(new_references(found, facts, {})) == ["dags.bundles.fin-ops.login"]
    agreed = {"dags": {"bundles": [FIN]}}
    assert new_references(found, facts, agreed) == {}
    other = {"dags": {"bundles": [{**FIN, "login": {"env": "OTHER"}}]}}
    assert list(new_references(found, facts, other)) == ["dags.bundles.fin-ops.login"]
    key = git_key(found, "gitSshKeyFinOps")
    assert (key.name, key.url) == ("dags.bundles.fin-ops.login", FIN["repo"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "dags"}, "the name dags is the repository of dags.repo"),
        ({"name": "Fin_ops"}, "lower-case letters"),
        ({"repo": ML["repo"], "username": "a", "login": {"generate": True}}, "issues tokens"),
        (
            {"repo": ML["repo"], "username": "a", "login": {"env": "A", "public": "ssh-rsa A"}},
            "remove public",
        ),
        ({"login": None}, "give a reference to its deploy key"),
        ({"username": "a"}, "remove username"),
        ({"repo": OPEN["repo"]}, "give both username and login"),
        ({"repo": ""}, "give the repository"),
        ({"repo": "http://h.example.com/a.git"}, "use ssh:// or https://"),
        ({"ref": "-x"}, "name of a branch"),
        ({"login": {"env": "ghp_not_a_name"}}, "env takes the name of a variable"),
        ({"hosts": []}, "hosts"),
    ],
)
def test_what_a_bundle_must_say(change: dict[str, object], said: str) -> None:
    item = {name: value for name, value in {**FIN, **change}.items() if value is not None}

    problems = objections("production", {"dags.source": "bundle", "dags.bundles": [item]})

    assert len(problems) == 1
    assert problems[0].startswith("dags.bundles.0")
    assert said in problems[0]
    assert "ghp" not in problems[0]


def test_names_are_unique_in_every_place() -> None:
    twice = {"dags.source": "bundle", "dags.bundles": [ML, {**ML, "name": "m-l"}]}

    [problem] = objections("production", twice)

    assert problem.startswith("dags.bundles: ")


def test_airflow_2_has_no_bundles() -> None:
    found = objections("production", {**CHANGES, "installation.airflow": "2.11.0"})

    assert found == ["dags.source: use git-sync: GitDagBundle needs Airflow 3"]
