"""The waits of `apply` on a real API server: green, and a diagnosis for each thing that goes wrong.

No operator runs here; the labelled stand-in of tests/operators.py writes what they would.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import yaml

from tests.support.cluster.argocd import GITHUB, World, told
from tests.support.cluster.controllers.operators import Operators
from tests.support.cluster.kubeconfigs import account, rule
from wizard.apply import delivery
from wizard.clients.kube.protocol import Ref
from wizard.engine.steps import Step, StepEvent
from wizard.systems.argocd import steps
from wizard.systems.cluster.external_secrets import read_external_secrets
from wizard.systems.cluster.jobs import check_admin
from wizard.systems.target import Target

pytestmark = pytest.mark.integration

JOB, ADMIN_JOB = "airflow-run-airflow-migrations", "airflow-create-user"
WORKLOADS = {
    "airflow-api-server": "Deployment",
    "airflow-scheduler": "Deployment",
    "airflow-worker": "StatefulSet",
}
PATIENCE = 0.15


def awaited(target: Target) -> list[Step]:
    return [
        one
        for one in delivery.get_installer(target).build_steps(target)
        if one.id.startswith("verify.")
    ]


def wait(target: Target, only: str = "") -> dict[str, StepEvent]:
    """How the waits end when they may only take a moment."""
    actions = [replace(one, wait_seconds=PATIENCE) for one in awaited(target)]
    return told([one for one in actions if only in ("", one.id)])


def synced(world: World, **changes: Any) -> Target:
    """Argo CD has synced the manifests; no operator has looked at them yet."""
    world.install_argo()
    target = world.target(**changes)
    told(steps.build_argocd_steps(target))
    world.operators.sync(target.files_under("secrets/"))
    world.lines.clear()
    return target


def healthy(world: World, **changes: Any) -> Target:
    """Everything is as it should be."""
    target = synced(world, **changes)
    operators = world.operators
    operators.ready("SecretStore", "vault-airflow")
    for data in read_external_secrets(target).values():
        operators.external_secret(data)
    operators.application("airflow", "Synced", "Healthy")
    operators.job(JOB, "Complete")
    operators.job(ADMIN_JOB, "Complete")
    for name, kind in WORKLOADS.items():
        operators.workload(kind, name, ready=True)
    cloned(operators, ready=True)
    return target


def cloned(operators: Operators, *, ready: bool) -> None:
    init = [container("git-sync-init", terminated={"exitCode": 0, "reason": "Completed"})]
    main = [container("git-sync", running={}, ready=ready)]
    operators.pod(
        "airflow-triggerer-0", init="git-sync-init", main="git-sync", phase="Running",
        initContainerStatuses=init, containerStatuses=main,
    )  # fmt: skip


def container(name: str, *, ready: bool = False, restarts: int = 0, **state: Any) -> dict[str, Any]:
    last = {"lastState": {"terminated": state.pop("last")}} if "last" in state else {}
    return {
        "name": name, "image": "airflow:test", "imageID": "", "ready": ready,
        "restartCount": restarts, "state": state, **last,
    }  # fmt: skip


def test_everything_that_is_well_is_told_and_nothing_is_written(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = healthy(world)
    kube = target.kube
    assert kube is not None
    read: list[tuple[Ref, bool]] = []
    real = kube.get

    def get(ref: Ref, *, metadata: bool = False) -> Any:
        read.append((ref, metadata))
        return real(ref, metadata=metadata)

    monkeypatch.setattr(kube, "get", get)
    found = wait(target)
    assert {name: event.state for name, event in found.items()} == dict.fromkeys(
        [
            "verify.store",
            "verify.secrets",
            "verify.application",
            "verify.migrations",
            "verify.admin",
            "verify.git-sync",
            "verify.airflow",
        ],
        "holds",
    ), found
    assert "readiness probe" in found["verify.airflow"].detail
    assert world.writes == []
    secrets = [metadata for ref, metadata in read if ref.kind == "Secret"]
    assert len(secrets) >= len(read_external_secrets(target))
    assert all(secrets)


def _nothing(operators: Operators) -> None: ...


def store_says(message: str) -> Callable[[Operators], None]:
    return lambda operators: operators.ready("SecretStore", "vault-airflow", message, ok=False)


def store_event(operators: Operators) -> None:
    """The condition says little; the reason is in an event."""
    operators.ready("SecretStore", "vault-airflow", "unable to validate store", ok=False)
    event(
        operators, "SecretStore", "vault-airflow",
        "could not log in: PUT https://vault/v1/auth/kubernetes/login\nCode: 403. Errors:\n\n"
        "* permission denied",
    )  # fmt: skip


def event(
    operators: Operators, kind: str, name: str, message: str, reason: str = "UpdateFailed",
    at: str = "12:00:00",
) -> None:  # fmt: skip
    body = {
        "metadata": {"generateName": "test-", "namespace": operators.namespace},
        "involvedObject": {"kind": kind, "name": name, "namespace": operators.namespace},
        "type": "Warning",
        "reason": reason,
        "message": message,
        "lastTimestamp": f"2026-11-21T{at}Z",
    }
    path = f"/api/v1/namespaces/{operators.namespace}/events"
    operators.kube.request("POST", path, body)


STORE: list[tuple[str, Callable[[Operators], None], str, str]] = [
    ("no operator", _nothing, "no state yet", "external-secrets"),
    ("sealed", store_says("Code: 503. Errors: * Vault is sealed"), "sealed", "unseal"),
    ("403 at login", store_event, "refuses the login", "airflow-wizard check --live"),
    (
        "audience",
        store_says("Code: 403: * invalid audience (aud) claim: audience claim does not match"),
        "different audiences",
        "secrets.vault.audience",
    ),
    (
        "CA",
        store_says("tls: failed to verify certificate: x509: signed by unknown authority"),
        "does not trust",
        "secrets.vault.ca.file",
    ),
    ("no role", store_says('Code: 400: * invalid role name "x"'), "no role", "secrets.vault.role"),
    (
        "another account",
        store_says("Code: 403: * service account name not authorized"),
        "bound to a different",
        "vault/",
    ),
    (
        "account",
        store_says('cannot get Kubernetes service account "x": serviceaccounts "x" not found'),
        "airflow-external-secrets does not exist",
        "apps/airflow/secrets/service-account.yaml creates it: see the sync in Argo CD",
    ),
    ("network", store_says("dial tcp: lookup vault: no such host"), "cannot reach", "network"),
    ("something else", store_says("out of \x1b[31mcheese"), "out of \\e[31mcheese", "describe"),
]


@pytest.mark.parametrize(
    ("prepare", "says", "fix"), [row[1:] for row in STORE], ids=[row[0] for row in STORE]
)
def test_a_store_that_is_not_valid(
    world: World, prepare: Callable[[Operators], None], says: str, fix: str
) -> None:
    target = synced(world)
    prepare(world.operators)
    ended = wait(target, "verify.store")["verify.store"]
    assert ended.state == "failed"
    assert says in ended.detail
    assert fix in ended.fix.text


def test_the_operators_own_account_is_no_file_of_the_installation(world: World) -> None:
    changes = {"secrets.scope": "cluster", "delivery.argocd.applications": "two"}
    target = synced(world, **changes)
    said = 'cannot get Kubernetes service account "x": serviceaccounts "x" not found'
    world.operators.ready("ClusterSecretStore", "vault-airflow", said, ok=False)
    ended = wait(target, "verify.store")["verify.store"]
    assert "ServiceAccount external-secrets/external-secrets, the operator's own, does" in (
        ended.detail
    )
    assert "service-account.yaml" not in ended.fix.text
    assert ended.fix.question == "secrets.vault.operator_namespace"


def test_a_store_that_never_arrives_is_explained_by_argo_cd(world: World) -> None:
    world.install_argo()
    target = world.target()
    told(steps.build_argocd_steps(target))
    failed = {
        "conditions": [
            {
                "type": "ComparisonError",
                "message": "ssh: handshake failed: knownhosts: key is unknown",
            }
        ]
    }
    world.operators.application("airflow", "Unknown", "Healthy", **failed)
    for name in ("verify.store", "verify.secrets"):
        ended = wait(target, name)[name]
        assert ended.state == "failed"
        assert "host key" in ended.detail
        assert "argocd-ssh-known-hosts-cm" in ended.fix.text


def test_without_external_secrets_it_says_what_to_install(world: World) -> None:
    target = world.target()
    text = target.text("secrets/store").replace("external-secrets.io/v1", "external-secrets.io/v9")
    other = replace(target, files={**target.files, "secrets/store": text.encode()})
    ended = wait(other, "verify.store")["verify.store"]
    assert (ended.state, "External Secrets" in ended.fix.text) == ("failed", True)


PAYLOAD: list[tuple[str, str, str, str]] = [
    (
        "missing key",
        'error processing spec.data[0] (key: x), err: cannot find secret data for key: "fernetKey"',
        "a key is missing",
        "airflow-wizard secrets",
    ),
    ("no payload", "Secret does not exist", "no payload", "secrets.vault.path"),
    (
        "policy",
        "GET https://vault/v1/secret/data/x Code: 403. Errors: * permission denied",
        "refuses with 403",
        "MOUNT/data/PATH",
    ),
    ("owned", "secret is owned by another ExternalSecret", "another ExternalSecret", "delete"),
]


@pytest.mark.parametrize(
    ("message", "says", "fix"), [row[1:] for row in PAYLOAD], ids=[row[0] for row in PAYLOAD]
)
def test_an_external_secret_that_is_not_synced(
    world: World, message: str, says: str, fix: str
) -> None:
    target = synced(world)
    name = next(iter(read_external_secrets(target)))
    world.operators.ready("SecretStore", "vault-airflow")
    for other, data in read_external_secrets(target).items():
        if other != name:
            world.operators.external_secret(data)
    world.operators.ready("ExternalSecret", name, message, ok=False)
    ended = wait(target, "verify.secrets")["verify.secrets"]
    assert ended.state == "failed"
    count = len(read_external_secrets(target))
    assert f"{count - 1} of {count} ExternalSecrets" in ended.detail
    assert says in ended.detail
    assert fix in ended.fix.text


def test_an_old_ready_does_not_count_for_a_changed_spec(world: World) -> None:
    target = healthy(world)
    name = "airflow-fernet-key"
    path = f"/apis/external-secrets.io/v1/namespaces/{world.namespace}/externalsecrets/{name}"
    body = {"spec": {"refreshInterval": "2h0m0s"}}
    world.server.request("PATCH", path, body, "application/merge-patch+json")
    ended = wait(target, "verify.secrets")["verify.secrets"]
    assert (ended.state, "is being synced" in ended.detail) == ("failed", True)


def test_a_secret_without_the_key_that_the_chart_reads(world: World) -> None:
    target = healthy(world)
    path = f"/api/v1/namespaces/{world.namespace}/secrets/airflow-fernet-key"
    world.server.request("DELETE", path)
    ended = wait(target, "verify.secrets")["verify.secrets"]
    assert "Secret airflow-fernet-key does not exist" in ended.detail
    world.operators.secret("airflow-fernet-key", "fernetKey")
    ended = wait(target, "verify.secrets")["verify.secrets"]
    assert "airflow-fernet-key has no key fernet-key" in ended.detail


def test_secrets_that_may_not_be_read_are_unknown(world: World) -> None:
    healthy(world)
    _, token = account(world.server, rule("get list", "externalsecrets", "external-secrets.io"))
    ended = wait(world.target(token), "verify.secrets")["verify.secrets"]
    assert ended.state == "unknown"
    assert "ExternalSecrets are synced" in ended.detail


def error(message: str, kind: str = "ComparisonError") -> dict[str, Any]:
    return {"conditions": [{"type": kind, "message": message}]}


def operation(message: str, phase: str = "Failed", **more: Any) -> dict[str, Any]:
    state = {
        "phase": phase,
        "message": message,
        "startedAt": "2026-11-21T12:00:00Z",
        "operation": {},
        **more,
    }
    return {"operationState": state}


APPLICATION: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "source not permitted",
        error("application repo ssh://x is not permitted in project 'airflow'", "InvalidSpecError"),
        "does not allow this repository",
        "delivery.argocd.repo_url",
    ),
    (
        "kind not permitted",
        operation("resource :Namespace is not permitted in project airflow"),
        "does not allow this kind",
        "allow list",
    ),
    (
        "no project",
        error("Application referencing project airflow which does not exist", "InvalidSpecError"),
        "project does not exist",
        "project.yaml",
    ),
    (
        "no credential",
        error("rpc error: failed to list refs: ssh: unable to authenticate"),
        "cannot read a repository",
        "read-only credential",
    ),
    (
        "host key",
        error("ssh: handshake failed: knownhosts: key mismatch"),
        "host key",
        "never disable",
    ),
    ("branch", error("unable to resolve 'main' to a commit SHA"), "branch", "revision"),
    ("path", error("apps/airflow: app path does not exist"), "path", "repository.path"),
    (
        "webhook",
        operation('admission webhook "v.example" denied the request: no'),
        "admission rule",
        "platform team",
    ),
    (
        "immutable, said by the resource",
        operation(
            "one or more objects failed to apply",
            syncResult={
                "revision": "",
                "resources": [
                    {
                        "group": "batch",
                        "version": "v1",
                        "kind": "Job",
                        "namespace": "airflow",
                        "name": JOB,
                        "status": "SyncFailed",
                        "message": "spec.template: field is immutable",
                    }
                ],
            },
        ),
        "is immutable",
        "cascade=orphan",
    ),
    (
        "no kind",
        operation('no matches for kind "ExternalSecret" in version "external-secrets.io/v1"'),
        "does not serve a kind",
        "install External Secrets",
    ),
]


@pytest.mark.parametrize(
    ("status", "says", "fix"), [row[1:] for row in APPLICATION], ids=[r[0] for r in APPLICATION]
)
def test_an_application_that_is_not_synced(
    world: World, status: dict[str, Any], says: str, fix: str
) -> None:
    world.install_argo()
    target = world.target()
    told(steps.build_argocd_steps(target))
    world.operators.application("airflow", "OutOfSync", "Missing", **status)
    ended = wait(target, "verify.application")["verify.application"]
    assert ended.state == "failed"
    assert says in ended.detail
    assert fix in ended.fix.text


def test_an_application_that_waits_for_the_store_says_what_the_store_lacks(world: World) -> None:
    target = synced(world)
    store_says("Vault is sealed")(world.operators)
    message = "waiting for healthy state of external-secrets.io/SecretStore/vault-airflow"
    more = operation(message, "Running")
    world.operators.application("airflow", "OutOfSync", "Progressing", **more)
    ended = wait(target, "verify.application")["verify.application"]
    assert message in ended.detail
    assert "sealed" in ended.detail
    assert "unseal" in ended.fix.text


def test_synced_with_an_older_commit_is_not_enough(world: World) -> None:
    target = healthy(world)
    planned: dict[str, str | bytes] = {
        "apps/airflow/airflow-values.yaml": "executor: CeleryExecutor\n"
    }
    old = world.git.commit(dict.fromkeys(planned, "executor: LocalExecutor\n"))
    new = world.git.commit(planned)
    target = replace(target, emitted={name: str(text).encode() for name, text in planned.items()})

    def at(commit: str) -> StepEvent:
        spec = target.text("argocd/application")
        sources = yaml.safe_load(spec)["spec"]["sources"]
        compared = {"sources": sources, "destination": {}}
        sync = {"status": "Synced", "revisions": ["1.22.0", commit], "comparedTo": compared}
        world.operators.status("Application", "airflow", {"sync": sync})
        return wait(target, "verify.application")["verify.application"]

    assert sources_of(target)[1] == GITHUB
    behind = at(old)
    assert (behind.state, old[:8] in behind.detail) == ("failed", True)
    assert at(new).state == "holds"
    unknown = at("0" * 40)
    assert (unknown.state, "does not have" in unknown.detail) == ("holds", True)


def test_a_hook_that_failed_is_no_success(world: World) -> None:
    """Argo CD calls everything Synced and Healthy, since hooks count for neither."""
    target = healthy(world)
    hook = {
        "group": "batch", "version": "v1", "kind": "Job", "namespace": world.namespace,
        "name": ADMIN_JOB, "hookType": "PostSync", "hookPhase": "Failed", "syncPhase": "PostSync",
        "message": "Job has reached the specified backoff limit",
    }  # fmt: skip
    said = "one or more synchronization tasks completed unsuccessfully"
    result = {"revision": "", "resources": [hook]}
    for more in (
        operation(said, syncResult=result),
        operation("the cluster hung up", "Error"),
        operation("", "Terminating"),
    ):
        world.operators.application("airflow", "Synced", "Healthy", **more)
        ended = wait(target, "verify.application")["verify.application"]
        phase = more["operationState"]["phase"]
        assert (ended.state, phase in ended.detail) == ("failed", True), ended
        assert more["operationState"]["message"] in ended.detail
        assert "argocd app sync airflow" in ended.fix.text
        if phase == "Failed":
            assert f"hook Job {ADMIN_JOB} failed: Job has reached" in ended.detail
            assert f"kubectl -n {world.namespace} logs job/{ADMIN_JOB}" in ended.fix.text
    world.operators.application("airflow", "Synced", "Healthy", **operation("", "Succeeded"))
    assert wait(target, "verify.application")["verify.application"].state == "holds"

    # Nothing starts a sync of what is Synced, so the full wait ends at once.
    spec = yaml.safe_load(target.text("argocd/application"))["spec"]
    commit = world.git.commit({"values.yaml": "executor: CeleryExecutor\n"})
    planned = replace(target, emitted={"values.yaml": b"executor: CeleryExecutor\n"})
    failed = operation(said, syncResult=result)

    def put(sources: object, revision: str, **more: Any) -> None:
        sync = {
            "status": "Synced", "revisions": ["1.22.0", revision],
            "comparedTo": {"sources": sources, "destination": {}},
        }  # fmt: skip
        state = {"sync": sync, "health": {"status": "Healthy"}, **failed, **more}
        world.operators.status("Application", "airflow", state)

    put(spec["sources"], commit, controllerNamespace="argocd")
    (full,) = (one for one in awaited(planned) if one.id == "verify.application")
    ended = told([full])[full.id]
    assert (ended.state, ended.seconds < 30) == ("failed", True)
    assert "not within" not in ended.detail
    assert ended.fix.text.endswith(f", then argocd app sync {world.argo}/airflow")
    # It waits as long as Argo CD has not compared with the planned files and the present sources.
    behind = world.git.commit({"values.yaml": "executor: LocalExecutor\n"})
    for sources, revision in (
        (spec["sources"], behind),
        (spec["sources"], "0" * 40),
        (spec["sources"][:1], commit),
    ):
        put(sources, revision)
        waited = wait(planned, "verify.application")["verify.application"]
        assert "not within" in waited.detail, waited


def sources_of(target: Target) -> list[str]:
    found = yaml.safe_load(target.text("argocd/application"))
    return [one["repoURL"] for one in found["spec"]["sources"]]


def waits(reason: str, message: str = "") -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": message}}


POD: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "Pending",
        {
            "phase": "Pending",
            "conditions": [
                {
                    "type": "PodScheduled",
                    "status": "False",
                    "reason": "Unschedulable",
                    "message": "0/3 nodes are available: 3 Insufficient memory.",
                }
            ],
        },
        "Insufficient memory",
        "reduce the requests",
    ),
    (
        "no volume",
        {
            "phase": "Pending",
            "conditions": [
                {
                    "type": "PodScheduled",
                    "status": "False",
                    "message": "pod has unbound immediate PersistentVolumeClaims",
                }
            ],
        },
        "unbound",
        "storage class",
    ),
    (
        "image",
        {"containerStatuses": [container("main", **waits("ImagePullBackOff", "no such tag"))]},
        "ImagePullBackOff of airflow:test",
        "installation.image",
    ),
    (
        "no Secret",
        {"containerStatuses": [container("main", **waits("CreateContainerConfigError", "x"))]},
        "CreateContainerConfigError",
        "verify.secrets",
    ),
    (
        "OOMKilled",
        {
            "containerStatuses": [
                container(
                    "main",
                    restarts=3,
                    last={"exitCode": 137, "reason": "OOMKilled"},
                    **waits("CrashLoopBackOff"),
                )
            ]
        },
        "OOMKilled",
        "memory_limit",
    ),
    (
        "crash",
        {
            "containerStatuses": [
                container(
                    "main", restarts=5, last={"exitCode": 1}, **waits("CrashLoopBackOff", "back")
                )
            ]
        },
        "ended with 1, 5 restarts",
        "--previous",
    ),
    (
        "git-sync's host key",
        {
            "initContainerStatuses": [
                container(
                    "git-sync",
                    last={"exitCode": 1, "message": "Host key verification failed."},
                    **waits("CrashLoopBackOff"),
                )
            ]
        },
        "differs from the verified one",
        "--host-key-fingerprint",
    ),
]


@pytest.mark.parametrize(
    ("status", "says", "fix"), [row[1:] for row in POD], ids=[row[0] for row in POD]
)
def test_a_pod_that_does_not_run(world: World, status: dict[str, Any], says: str, fix: str) -> None:
    world.install_argo()
    target = world.target()
    told(steps.build_argocd_steps(target))
    operators = world.operators
    operators.workload("Deployment", "airflow-api-server", ready=False)
    operators.application("airflow", "Synced", "Progressing")
    operators.pod("airflow-api-server-1", init="git-sync", **status)
    for name in ("verify.airflow", "verify.application"):
        ended = wait(target, name)[name]
        assert ended.state == "failed"
        assert says in ended.detail
        assert fix in ended.fix.text


def test_pods_that_are_refused(world: World) -> None:
    target = world.target()
    message = 'pods "x" is forbidden: exceeded quota: team, requested: memory=2Gi'
    operators = world.operators
    operators.workload("Deployment", "airflow-api-server", ready=False, message=message)
    ended = wait(target, "verify.airflow")["verify.airflow"]
    assert "quota" in ended.detail
    operators.workload("Deployment", "airflow-api-server", ready=True)
    operators.workload("StatefulSet", "airflow-worker", ready=False)
    message = 'admission webhook "pods.example" denied the request: no'
    event(operators, "StatefulSet", "airflow-worker", message, "FailedCreate")
    ended = wait(target, "verify.airflow")["verify.airflow"]
    assert "not ready: airflow-worker: an admission rule" in ended.detail


def test_the_migration_job(world: World) -> None:
    target = world.target()
    operators = world.operators
    name = "verify.migrations"

    def look() -> StepEvent:
        return wait(target, name)[name]

    operators.workload("Deployment", "airflow-api-server", ready=False)
    assert (look().state, "does not exist yet" in look().detail) == ("failed", True)
    operators.job(JOB)
    assert f"Job {JOB} is running" in look().detail
    operators.job(JOB, "Failed", "Job has reached the specified backoff limit")
    failed = look()
    assert "backoff limit" in failed.detail
    assert f"logs job/{JOB}" in failed.fix.text
    operators.job(JOB, "Complete")
    assert look().state == "holds"
    operators.gone("Job", JOB)
    operators.workload("Deployment", "airflow-api-server", ready=True)
    assert (look().state, "was deleted" in look().detail) == ("holds", True)


def test_the_job_of_the_admin(world: World) -> None:
    target = world.target()
    operators = world.operators
    name = "verify.admin"

    def look() -> StepEvent:
        return wait(target, name)[name]

    operators.workload("Deployment", "airflow-api-server", ready=False)
    assert (look().state, "does not exist yet" in look().detail) == ("failed", True)
    operators.job(ADMIN_JOB)
    assert f"Job {ADMIN_JOB} is running" in look().detail
    operators.job(ADMIN_JOB, "Failed", "Job has reached the specified backoff limit")
    failed = look()
    assert (failed.state, "backoff limit" in failed.detail) == ("failed", True)
    assert f"kubectl -n {world.namespace} logs job/{ADMIN_JOB}" in failed.fix.text
    assert failed.fix.question == "admin.create"
    operators.job(ADMIN_JOB, "Complete")
    assert look().state == "holds"
    off = world.target("", **{"admin.create": False})
    assert name not in {one.id for one in awaited(off)}


def test_a_job_of_the_admin_that_was_deleted_needs_evidence(world: World) -> None:
    """Its TTL deletes it however it ended: the sync or the Job's last event tells."""
    world.install_argo()
    target = world.target()
    told(steps.build_argocd_steps(target))
    operators, name = world.operators, "verify.admin"
    operators.workload("Deployment", "airflow-api-server", ready=True)

    def look() -> StepEvent:
        return wait(target, name)[name]

    unknown = look()
    assert (unknown.state, "was deleted" in unknown.detail) == ("unknown", True)
    assert "log in" in unknown.fix.text
    operators.application("airflow", "Synced", "Healthy", **operation("", "Succeeded"))
    synced = look()
    assert (synced.state, "operation succeeded" in synced.detail) == ("holds", True)
    operators.application("airflow", "Synced", "Healthy", **operation("", "Failed"))
    assert look().state == "unknown"
    event(operators, "Job", ADMIN_JOB, "Job has reached the specified backoff limit",
          "BackoffLimitExceeded")  # fmt: skip
    failed = look()
    assert (failed.state, "backoff limit" in failed.detail) == ("failed", True)
    assert "not within" in failed.detail
    # After `helm upgrade`, nothing makes the Job again.
    by_helm = world.target("", **{"delivery.kind": "helm"})
    ended = check_admin(world.client(), by_helm.release, lambda: "")
    assert (ended.state, ended.is_stuck, "was deleted after it failed" in ended.detail) == (
        "wanted", True, True,
    )  # fmt: skip
    event(operators, "Job", ADMIN_JOB, "Job completed", "Completed", at="12:30:00")
    completed = look()
    assert (completed.state, "Completed" in completed.detail) == ("holds", True)


def test_the_first_clone(world: World) -> None:
    target = world.target()
    name = "verify.git-sync"
    assert "no pod with git-sync" in wait(target, name)[name].detail
    cloned(world.operators, ready=False)
    assert "0 of 1 pods have cloned" in wait(target, name)[name].detail
    cloned(world.operators, ready=True)
    assert wait(target, name)[name].state == "holds"


def test_a_namespace_stuck_in_terminating(world: World) -> None:
    target = world.target()
    path = f"/api/v1/namespaces/{world.namespace}"
    world.server.apply(yaml.safe_dump({
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": world.namespace},
    }))  # fmt: skip
    world.server.request("DELETE", path)
    for name in ("verify.store", "verify.airflow"):
        ended = wait(target, name)[name]
        assert "being deleted" in ended.detail
        assert "finalizers" in ended.fix.text


def test_an_api_server_that_is_away_for_a_moment_is_waited_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from wizard.clients.kube.errors import KubeError

    target = healthy(world)
    kube = target.kube
    assert kube is not None
    real, asked = kube.get, []

    def get(ref: Ref, *, metadata: bool = False) -> Any:
        asked.append(ref)
        if len(asked) == 1:
            raise KubeError("unreachable", "the connection broke")
        return real(ref, metadata=metadata)

    monkeypatch.setattr(kube, "get", get)
    assert wait(target, "verify.store")["verify.store"].state == "holds"
