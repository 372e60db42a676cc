"""What a change does to the running system: grades, names, restarts, steps and consent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from tests.support.rendered import answers, rendering
from tests.support.scenarios import SCENARIOS
from wizard.answers.questions import field_specs
from wizard.chart.restarts import changed_values, find_restarts, list_workloads
from wizard.errors import RefusedError
from wizard.git.changes import FileChange
from wizard.plan.consequences import (
    Consequence,
    Installed,
    derive_consequences,
    require_accepted,
    require_known_names,
)
from wizard.plan.render import Rendering
from wizard.plan.step_selection import select_steps
from wizard.plan.tree_comparison import compare_tree
from wizard.questions.effects import GRADES, needs_consent

AIRFLOW_3 = (3, 2, 2)


@dataclass(frozen=True)
class Change:
    """One change of a committed production installation."""

    before: Installed
    after: Installed
    files: Sequence[FileChange] = field(repr=False)

    @property
    def found(self) -> dict[str, Consequence]:
        return {one.name: one for one in derive_consequences(self.before, self.after, self.files)}

    @property
    def steps(self) -> list[str]:
        chosen = select_steps(
            self.before.rendering,
            self.after.rendering,
            self.files,
            list(self.found.values()),
            self.after.rendering.total.steps,
        )
        return [step.id for step in chosen]


def installed(changes: Mapping[str, object], preset: str = "production") -> Installed:
    return Installed(answers(preset, changes), rendering(preset, changes))


def files(before: Rendering, after: Rendering) -> list[FileChange]:
    old = {file.path: file.data for file in before.tree.values()}
    logical = {file.path: file.logical for file in before.tree.values()}
    changes, conflicts = compare_tree(after.tree, old, old)
    assert not conflicts
    return [
        one if one.logical else FileChange(one.path, logical[one.path], one.kind, one.old, one.new)
        for one in changes
    ]


def change(changes: Mapping[str, object], base: Mapping[str, object] | None = None) -> Change:
    before, after = installed(base or {}), installed({**(base or {}), **changes})
    return Change(before, after, files(before.rendering, after.rendering))


@pytest.mark.parametrize(
    ("changes", "name", "grade"),
    [
        ({"installation.airflow": "2.11.0"}, "downgrade", "irreversible"),
        ({"installation.airflow": "3.2.10"}, "migration", "irreversible"),
        ({"installation.namespace": "data"}, "another-namespace", "new system"),
        ({"installation.release": "af"}, "another-release", "new system"),
        (
            {"delivery.argocd.destination": "https://k.example:6443"},
            "another-cluster",
            "new system",
        ),
        ({"database.host": "pg2.example.internal"}, "another-database", "data"),
        ({"database.port": 5433}, "another-database", "data"),
        ({"database.name": "other"}, "another-database", "data"),
        ({"database.user": "other"}, "another-role", "interrupt"),
        ({"database.pgbouncer.mode": "off"}, "another-pooler", "interrupt"),
        ({"executor.kind": "KubernetesExecutor"}, "another-executor", "interrupt"),
        ({"executor.queue": "other"}, "other-queues", "interrupt"),
        ({"broker.kind": "external", "broker.host": "r.example"}, "another-broker", "interrupt"),
        ({"secrets.payload": "document"}, "another-payload", "data"),
        ({"secrets.vault.path": "elsewhere"}, "another-payload", "data"),
        ({"secrets.vault.server": "https://v2.example:8200"}, "another-payload", "data"),
        ({"dags.repo": "ssh://git@github.com/acme/more.git"}, "other-dags", "interrupt"),
        ({"logs.kind": "volume"}, "logs-left", "data"),
        ({"executor.workers.persistence": "20Gi"}, "volume-of-worker", "interrupt"),
        ({"broker.persistence": "5Gi"}, "volume-of-redis", "interrupt"),
        ({"admin.create": False}, "left-behind", "data"),
        ({"environment.cleanup.database": True}, "database-cleanup", "data"),
        ({"environment.timezone": "Europe/Berlin"}, "restart", "restart"),
        ({"installation.chart": "1.21.0"}, "another-chart", "restart"),
        ({"database.pgbouncer.metadata_pool": 20}, "secrets-change", "restart"),
    ],
)
def test_a_change_states_its_consequence(
    changes: Mapping[str, object], name: str, grade: str
) -> None:
    found = change(changes).found
    assert name in found, list(found)
    assert found[name].grade == grade
    assert "{" not in found[name].text.replace("{{", "")


@pytest.mark.parametrize(
    "changes",
    [
        {"executor.workers.replicas": 4},
        {"components.scheduler.replicas": 3},
        {"environment.disruption_budgets": False},
        {"repository.push": True},
        {"admin.email": "ops@example.com"},
        {"repository.paths.apps": "deploy"},
    ],
)
def test_a_small_change_has_no_consequence(changes: Mapping[str, object]) -> None:
    assert change(changes).found == {}


@pytest.mark.parametrize(
    ("key", "kept", "refused"),
    [("storage_class", [], ["fast"]), ("size", ["200Gi"], ["10Gi", "49Gi", "51000M"])],
)
def test_a_claim_cannot_change_its_class_or_shrink(
    key: str, kept: list[str], refused: list[str]
) -> None:
    base = {"logs.kind": "volume", "logs.size": "50Gi"}
    for value in kept:
        assert "volume-of-logs" not in change({f"logs.{key}": value}, base).found
    for value in refused:
        one = change({f"logs.{key}": value}, base).found["volume-of-logs"]
        assert one.grade == "data"
        assert "delete pvc airflow-logs" in one.text
        require_known_names(["volume-of-dags"], [one])


def test_groups_lose_rights_only_if_a_role_is_smaller() -> None:
    base = {
        "access.base_url": "https://airflow.example.com",
        "access.login": "oauth",
        "access.oauth.provider": "okta",
        "access.oauth.issuer": "https://example.okta.com",
        "access.oauth.client_id": "0oa1",
        "access.oauth.roles": {"admins": "Admin", "data": "User"},
    }
    more = {"admins": "Admin", "data": "Op", "guests": "Viewer"}
    assert "fewer-rights" not in change({"access.oauth.roles": more}, base).found
    for fewer in ({"admins": "Op", "data": "User"}, {"admins": "Admin"}):
        found = change({"access.oauth.roles": fewer}, base).found
        assert found["fewer-rights"].grade == "interrupt"


def test_a_shorter_retention_removes_more() -> None:
    base = {"environment.cleanup.database": True}
    days = "environment.cleanup.retention_days"
    assert change({days: 30}, base).found["shorter-retention"].grade == "data"
    assert "shorter-retention" not in change({days: 120}, base).found


def test_users_lose_a_way_to_the_ui_only_if_there_was_one() -> None:
    way = {"access.kind": "ingress", "access.base_url": "https://airflow.example.com"}
    base: dict[str, object] = {**way, "access.tls.issuer": "letsencrypt"}
    assert "another-access" not in change(base).found
    back = change({"access.kind": "port-forward"}, base).found["another-access"]
    assert (back.grade, "The ingress to the UI is removed" in back.text) == ("interrupt", True)


def test_oauth2_proxy_in_front_of_single_sign_on_makes_no_new_users() -> None:
    login: dict[str, object] = {
        "access.base_url": "https://airflow.example.com",
        "access.login": "oauth",
        "access.oauth": {
            "tenant": "11111111-2222-3333-4444-555555555555",
            "client_id": "airflow",
            "roles": {"admins": "Admin"},
        },
    }
    gate = {**login, "access.login": "proxy"}
    assert "another-login" not in change(gate, login).found
    assert "another-login" in change({**login, "access.login": "password"}, gate).found


def test_a_new_queue_beside_the_old_one_interrupts_nothing() -> None:
    assert "other-queues" not in change({"executor.queue": "default,more"}).found


def test_the_first_contact_with_the_cluster_is_no_other_cluster() -> None:
    first = change({"cluster.uid": "11111111-2222-3333-4444-555555555555"})
    assert first.found == {}
    second = change({"cluster.uid": "99999999-2222-3333-4444-555555555555"}, first_contact())
    assert second.found["another-cluster"].grade == "new system"


def first_contact() -> dict[str, object]:
    return {"cluster.uid": "11111111-2222-3333-4444-555555555555"}


def test_restarts_name_the_workloads_that_exist() -> None:
    text = change({"environment.timezone": "Europe/Berlin"}).found["restart"].text
    assert "api-server, dag-processor, scheduler, triggerer, worker" in text
    assert "webserver" not in text
    only = change({"executor.workers.resources": {"memory": "2Gi"}}).found["restart"].text
    assert only.startswith("These restart: worker.")


def test_tasks_in_the_scheduler_end_when_it_restarts() -> None:
    local = {"executor.kind": "LocalExecutor"}
    found = change({"environment.timezone": "Europe/Berlin"}, local).found
    assert found["running-tasks"].grade == "interrupt"
    assert "running-tasks" not in change({"environment.timezone": "Europe/Berlin"}).found


def test_a_restart_of_the_bundled_database_says_what_that_means() -> None:
    base = SCENARIOS["others with a bundle"].answers
    found = change({"secrets.existing.postgresql.name": "other"}, base).found
    assert "postgresql" in found["restart"].text
    assert found["database-restart"].grade == "interrupt"


def test_a_new_system_says_nothing_about_restarts() -> None:
    found = change({"installation.namespace": "data"}).found
    assert "restart" not in found
    assert "secrets-change" not in found
    assert "-n airflow delete externalsecret airflow-metadata " in found["left-behind"].text


def test_what_is_left_behind_is_named_with_its_command() -> None:
    text = change({"executor.kind": "KubernetesExecutor"}).found["left-behind"].text
    for name in ("redis", "worker"):  # of every replica: the claims have the set's own labels
        assert f"delete pvc -l tier=airflow,release=airflow,component={name}\n" in f"{text}\n"
    assert text.count("delete pvc") == 2
    listed = text.partition("delete externalsecret ")[2].partition("\n")[0].split()
    assert sorted(listed) == [
        "airflow-broker-url", "airflow-redis-password", "airflow-result-backend"
    ]  # fmt: skip


@pytest.mark.parametrize("delivery", ["argocd", "helm"])
def test_a_volume_of_the_chart_outlives_its_answers(delivery: str) -> None:
    base: dict[str, object] = {"delivery.kind": delivery, "logs.kind": "volume",
                               "dags.source": "volume"}  # fmt: skip
    got = change({"logs.kind": "pod", "dags.volume.existing_claim": "theirs"}, base)
    text = got.found["left-behind"].text
    assert "delete pvc airflow-logs\n" in f"{text}\n"
    assert "delete pvc airflow-dags\n" in f"{text}\n"
    assert "volume-deleted" not in got.found
    moved = change({"installation.release": "af"}, base).found
    assert "delete pvc airflow-logs\n" in moved["left-behind"].text
    assert "volume-deleted" not in moved
    used = change({"logs.existing_claim": "airflow-logs"}, base).found
    assert "airflow-logs" not in str({name: one.text for name, one in used.items()})


@pytest.mark.parametrize(
    ("delivery", "note"),
    [("argocd", "sync-options=Prune=false"), ("helm", "resource-policy=keep")],
)
def test_a_volume_that_nothing_protects_is_said_to_be_deleted(delivery: str, note: str) -> None:
    """As an earlier version wrote it, or a person in `values:`."""
    base: dict[str, object] = {
        "delivery.kind": delivery, "values": {"logs": {"persistence": {"enabled": True}}},
    }  # fmt: skip
    found = change({"values": {}}, base).found
    lost = found["volume-deleted"]
    assert (lost.grade, lost.needs_consent) == ("data", True)
    assert "airflow-logs" in lost.text
    assert note in lost.text
    # Argo CD prunes what an old release had; Helm leaves an old release alone.
    moved = change({"installation.release": "af"}, base).found
    assert ("volume-deleted" in moved) is (delivery == "argocd")


def test_leaving_a_store_keeps_the_secrets_that_airflow_still_reads() -> None:
    """An ExternalSecret owns its Secret: deleted without care, it takes what others now make."""
    got = change({"secrets.store": "existing", "secrets.existing.fernet_key.name": "mine"})
    assert {"another-payload", "left-behind"} <= set(got.found)
    assert got.found["another-payload"].needs_consent
    kept, rest = got.found["left-behind"].text.splitlines()[1:]
    assert "externalsecret airflow-metadata " in kept
    assert kept.partition("   #")[0].endswith(" --cascade=orphan")
    assert rest.strip() == "kubectl -n airflow delete externalsecret airflow-fernet-key"
    assert "existing.secrets" in got.steps
    assert not [one for one in got.steps if one.startswith("vault.")]


def test_another_key_of_others_has_its_grade() -> None:
    base = {"secrets.store": "existing"}
    got = change({"secrets.store": "existing", "secrets.existing.fernet_key.key": "F"}, base)
    assert got.found["another-payload"].grade == "data"
    assert "api-server" in got.found["restart"].text
    got = change({"secrets.store": "existing", "secrets.existing.metadata.name": "db"}, base)
    assert got.found["another-database"].grade == "data"
    assert "existing.secrets" in got.steps
    back = change({"secrets.store": "vault"}, base).found
    assert back["another-payload"].grade == "data"


def test_reloader_restarts_the_readers_of_changed_secrets() -> None:
    wanted = {"database.pgbouncer.metadata_pool": 20}
    assert "rollout restart" in change(wanted).found["secrets-change"].text
    text = change(wanted, {"environment.reloader": True}).found["secrets-change"].text
    assert "Reloader restarts" in text


def test_the_most_severe_consequence_comes_first() -> None:
    found = change({"installation.airflow": "3.2.10", "environment.timezone": "Asia/Tokyo"}).found
    ranks = [GRADES.index(one.grade) for one in found.values()]
    assert ranks == sorted(ranks, reverse=True)


def test_only_steps_of_the_change_follow() -> None:
    assert change({"executor.workers.replicas": 4}).steps == [
        "git.branch", "verify.application", "verify.airflow"
    ]  # fmt: skip
    assert change({"repository.push": True}).steps == []
    role = change({"secrets.vault.role": "another"}).steps
    assert {"vault.role", "verify.store"} <= set(role)
    assert "vault.mount" not in role
    steps = change({"database.host": "pg2.example.internal"}).steps
    assert {"verify.migrations", "verify.admin"} <= set(steps)
    assert "verify.admin" in change({"admin.username": "root"}).steps
    assert "verify.admin" not in change({"admin.create": False}).steps
    whole = change({"installation.namespace": "data"})
    assert whole.steps == [step.id for step in whole.after.rendering.total.steps]


def test_a_new_fact_needs_the_payload_step() -> None:
    to_keys_of_2 = change({"installation.airflow": "2.11.0"}).steps
    assert "vault.payload" in to_keys_of_2
    assert "vault.payload" not in change({"admin.create": False}).steps


def test_every_step_that_is_declared_can_be_needed() -> None:
    """A step without `follows` would be shown once and never again: name those on purpose."""
    once = {
        "cluster.identity", "dags.register-key", "vault.mount", "vault.auth",
        "argocd.known-hosts", "argocd.repository", "argocd.register-key", "helm.namespace",
    }  # fmt: skip
    for changes in ({}, {"delivery.kind": "helm"}, {"delivery.argocd.credential": "store"}):
        for step in rendering("production", changes).total.steps:
            assert step.follows or step.id in once, step.id


def test_consent_is_for_each_name() -> None:
    found = [
        Consequence("another-database", "data", "Another database."),
        Consequence("restart", "restart", "All restart."),
    ]
    require_accepted(found[1:], ())
    require_accepted(found, ("another-database",))
    with pytest.raises(RefusedError) as caught:
        require_accepted(found, ("restart",))
    assert caught.value.exit_code == 4
    assert "Another database." in caught.value.message
    assert caught.value.hint.endswith("--accept another-database")


def test_grades_from_interrupt_upwards_need_consent() -> None:
    wanted = ["interrupt", "data", "irreversible", "new system"]
    assert [grade for grade in GRADES if needs_consent(grade)] == wanted


def test_one_name_has_one_grade() -> None:
    grades: dict[str, set[str]] = {}
    for item in field_specs():
        for effect in item.ask.effects:
            grades.setdefault(effect.name, set()).add(effect.grade)
            assert effect.name == effect.name.lower().replace(" ", "-")
    assert {name: found for name, found in grades.items() if len(found) > 1} == {}


@pytest.mark.parametrize(
    ("key", "more", "hit"),
    [
        ("workers.kubernetes.resources", {"task_pods": False}, set()),
        ("workers.kubernetes.resources", {"task_pods": True}, {"scheduler", "worker"}),
        ("workers.celery.replicas", {"task_pods": True}, set()),
        ("dags.gitSync.ref", {"local": True}, {"scheduler", "triggerer"}),
        ("scheduler.replicas", {}, set()),
        ("scheduler.env", {}, {"scheduler"}),
        ("unknown.key", {}, {"api-server", "scheduler"}),
        ("enableBuiltInSecretEnvVars.AIRFLOW__CORE__FERNET_KEY", {}, {"scheduler", "worker"}),
        ("statsd.extraNetworkPolicies", {}, set()),
        ("apiServer.allowPodLogReading", {}, set()),
        ("postgresql.auth.existingSecret", {}, {"postgresql"}),
    ],
)
def test_a_value_restarts_what_reads_it(key: str, more: Mapping[str, bool], hit: set[str]) -> None:
    old: dict[str, object] = {}
    new: object = 1
    for part in reversed(key.split(".")):
        new = {part: new}
    assert isinstance(new, dict)
    found = find_restarts(old, new, **{"local": False, "task_pods": False, **more})
    assert hit <= found
    assert bool(hit) == bool(found)


def test_a_label_whose_key_has_dots_restarts_its_pods() -> None:
    label = {"azure.workload.identity/use": "true"}
    new = {"scheduler": {"labels": label}, "workers": {"kubernetes": {"labels": label}}}
    assert find_restarts({}, new, local=False, task_pods=False) == {"scheduler"}
    assert "triggerer" in find_restarts({}, new, local=False, task_pods=True)


@pytest.mark.parametrize(
    ("keda", "hit"),
    [
        ({"triggerer": {"keda": {"enabled": True}}}, True),
        ({"triggerer": {"keda": {"enabled": True, "usePgbouncer": True}}}, False),
        ({"workers": {"celery": {"keda": {"enabled": True}}}}, False),
        ({"workers": {"celery": {"keda": {"enabled": True, "usePgbouncer": False}}}}, True),
    ],
)
def test_keda_past_the_pooler_gives_all_pods_its_url(keda: dict[str, object], hit: bool) -> None:
    pooled: dict[str, object] = {"pgbouncer": {"enabled": True}}
    found = find_restarts(pooled, {**pooled, **keda}, local=False, task_pods=False)
    assert ("scheduler" in found) == hit
    assert not find_restarts({}, keda, local=False, task_pods=False)


def test_an_own_tag_hides_the_default_tag() -> None:
    own = {"images": {"airflow": {"tag": "r1"}}}
    old, new = {"defaultAirflowTag": "1", **own}, {"defaultAirflowTag": "2", **own}
    assert not find_restarts(old, new, local=False, task_pods=False)
    assert find_restarts(
        {"defaultAirflowTag": "1"}, {"defaultAirflowTag": "2"}, local=False, task_pods=False
    )


def test_changed_values_are_leaves() -> None:
    assert changed_values({"a": {"b": 1}, "l": [1]}, {"a": {"b": 1, "c": {"d": 2}}, "l": [2]}) == (
        "a.c.d", "l"
    )  # fmt: skip


def test_workloads_follow_from_the_values() -> None:
    assert "webserver" in list_workloads({}, (2, 11, 0))
    assert "redis" not in list_workloads({"executor": "KubernetesExecutor"}, AIRFLOW_3)
    assert "statsd" not in list_workloads({"statsd": {"enabled": False}}, AIRFLOW_3)
    off = {"apiServer": {"enabled": False}, "dagProcessor": {"enabled": False}}
    assert not {"api-server", "dag-processor"} & set(list_workloads(off, AIRFLOW_3))
