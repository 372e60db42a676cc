"""Cluster probes on a real API server: what is right, and each way to be wrong."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.canary import Canary
from tests.support.certificates import Authority
from tests.support.cli import Wizard, answers_file, aw
from tests.support.cluster.kubeconfigs import account, cluster, expired, rule, written
from tests.support.rendered import answers
from tests.testbed.databases import free_port
from tests.testbed.fixtures import new_kube, running
from tests.testbed.kube import Kube as Server
from wizard.answers.model import Answers
from wizard.answers.sections.extra_secrets import ExtraSecret
from wizard.clients.kube.connect import open_kube
from wizard.clients.kube.protocol import Kube
from wizard.deliveries.argocd.questions import argocd_answers
from wizard.engine.probes import ProbeResult, run_probes
from wizard.errors import ConflictError
from wizard.formats.jwt import parse_audiences
from wizard.manifests.ownership import OWNER_ANNOTATION
from wizard.plan.derive import derive_release
from wizard.probes.catalogue import list_cluster_probes
from wizard.secrets.facts import SecretSpec
from wizard.stores.live import live_store
from wizard.systems.argocd.rights import list_argocd_rights
from wizard.systems.cluster.claims import list_existing_claims
from wizard.systems.cluster.probes import check_version, list_existing_secrets
from wizard.systems.cluster.rights import list_rights
from wizard.systems.cluster.target_cluster import make_secret_lookup
from wizard.systems.prior_use import find_cluster_use
from wizard.systems.situation import NotCheckedError

__all__ = ["aw"]

pytestmark = pytest.mark.integration


@pytest.fixture
def space() -> str:
    """A namespace of this test's own."""
    return f"space-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def made(space: str) -> Answers:
    return answers(
        "production", {"installation.namespace": space, "delivery.argocd.namespace": f"{space}-cd"}
    )


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """client(server, token): a client of whoever has the token; the administrator without one."""

    def make(at: Server, token: str = "", **changes: Any) -> Kube:
        user = {"token": token or at.token}
        path = written(tmp_path / "kubeconfig", cluster(at, **changes), user)
        monkeypatch.setenv("KUBECONFIG", str(path))
        return open_kube(patience=1)

    return make


@pytest.fixture(scope="module")
def bare() -> Iterator[Server]:
    """A cluster of this module's own, with no custom resources."""
    with running(new_kube()) as server:
        yield server


async def probed(made: Answers, kube: Kube, argocd: Kube | None = None) -> dict[str, ProbeResult]:
    probes = list_cluster_probes(made, derive_release(made), kube, argocd)
    return {probe.id.removeprefix("cluster."): result async for probe, result in run_probes(probes)}


def put(server: Server, kind: str, name: str, space: str = "", **more: Any) -> Any:
    api = more.pop("api", "v1")
    about = {"name": name, **({"namespace": space} if space else {}), **more.pop("metadata", {})}
    manifest = {"apiVersion": api, "kind": kind, "metadata": about, **more}
    return server.apply(yaml.safe_dump(manifest))


def prepared(server: Server, made: Answers) -> None:
    """What the cluster's owner brings before Airflow comes."""
    space = made.installation.namespace
    put(server, "ServiceAccount", "airflow-external-secrets", space)
    put(server, "Namespace", f"{space}-cd")
    put(
        server, "StorageClass", "standard", api="storage.k8s.io/v1", provisioner="example.com/disk",
        metadata={"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
    )  # fmt: skip


async def test_a_cluster_that_is_ready_passes_everything(
    kube_with_crds: Server, made: Answers, client: Any
) -> None:
    prepared(kube_with_crds, made)
    results = await probed(made, client(kube_with_crds))
    # Built without its version, the test's API server calls itself 0.0.0.
    assert results.pop("version").status == "unknown"
    assert {name: one.status for name, one in results.items()} == dict.fromkeys(
        (
            "identity", "rights.verify", "rights.health", "rights.login", "rights.guard",
            "external-secrets", "audience", "namespace", "quotas", "storage", "argocd",
            "rights.argocd", "rights.sync", "rights.repository",
        ),
        "pass",
    ), results  # fmt: skip
    uid = kube_with_crds.request("GET", "/api/v1/namespaces/kube-system")["metadata"]["uid"]
    assert results["identity"].detail == f"UID {uid}, not recorded yet"
    assert "has audience vault" in results["audience"].detail


async def test_probes_store_nothing(kube_with_crds: Server, made: Answers, client: Any) -> None:
    prepared(kube_with_crds, made)

    def stored() -> str:
        """Any write to the store makes the next version of it."""
        listed = kube_with_crds.request("GET", f"/api/v1/namespaces/{space}/configmaps")
        objects = kube_with_crds.request("GET", f"/api/v1/namespaces/{space}/serviceaccounts")
        return json.dumps([listed["items"], objects["items"]])

    space = made.installation.namespace
    before = stored()
    await probed(made, client(kube_with_crds))
    assert stored() == before
    assert json.loads(before)[1]


async def test_a_user_without_rights_proves_nothing(
    kube_with_crds: Server, made: Answers, client: Any, canary: Canary
) -> None:
    prepared(kube_with_crds, made)
    _, token = account(kube_with_crds)
    results = await probed(made, client(kube_with_crds, token))
    assert "fail" not in {one.status for one in results.values()}, results
    assert results["identity"].status == "unknown"
    for name in ("audience", "namespace", "quotas", "storage"):
        assert results[name].status == "unknown", name
        assert results[name].fix.text
    for name in ("rights.verify", "rights.guard", "rights.argocd"):
        assert results[name].status == "warn", name
    space = made.installation.namespace
    health = results["rights.health"]
    assert (
        health.detail
        == f"cannot get pods/portforward in {space}, create pods/portforward in {space}"
    )
    assert health.fix.text.startswith(
        "optional: ask the platform team for these rights; without them,"
    )
    assert f"create appprojects.argoproj.io in {space}-cd" in results["rights.argocd"].detail
    # Discovery is everybody's.
    assert results["external-secrets"].status == "pass"
    assert token not in str(results)


async def test_rights_are_asked_one_by_one(
    kube_with_crds: Server, made: Answers, client: Any
) -> None:
    space = made.installation.namespace
    put(kube_with_crds, "Namespace", f"{space}-cd")
    verbs = "get list watch create patch"
    rules = [rule(verbs, "applications appprojects", "argoproj.io")]
    _, token = account(kube_with_crds, *rules, namespace=f"{space}-cd")
    results = await probed(made, client(kube_with_crds, token))
    assert results["rights.argocd"].status == "pass"
    assert results["rights.sync"].status == "pass"
    assert results["rights.repository"].status == "warn"
    assert results["rights.repository"].detail == (
        f"cannot list secrets in {space}-cd, create secrets in {space}-cd, patch secrets in "
        f"{space}-cd, get configmaps argocd-ssh-known-hosts-cm in {space}-cd, "
        f"update configmaps argocd-ssh-known-hosts-cm in {space}-cd"
    )


async def test_missing_operators_are_named(bare: Server, made: Answers, client: Any) -> None:
    results = await probed(made, client(bare))
    operator, argo = results["external-secrets"], results["argocd"]
    assert (operator.status, "not installed" in operator.detail) == ("fail", True)
    assert (argo.status, "no AppProject and no Application" in argo.detail) == ("fail", True)
    assert operator.fix.text
    assert argo.fix.text
    assert (results["storage"].status, results["audience"].status) == ("fail", "unknown")


async def test_an_operator_that_is_too_old(
    bare: Server, made: Answers, client: Any, shared: Path, tmp_path: Path
) -> None:
    """Only v1beta1 is served, as before 0.16."""
    text = yaml.load(
        (shared / "crds" / "external-secrets.io_externalsecrets.yaml").read_text(),
        Loader=yaml.CSafeLoader,
    )
    (version,) = [one for one in text["spec"]["versions"] if one["name"] == "v1"]
    text["spec"]["versions"] = [{**version, "name": "v1beta1"}]
    text.pop("status", None)
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "crd.yaml").write_text(yaml.dump(text, Dumper=yaml.CSafeDumper))
    bare.install(tmp_path / "old")
    result = (await probed(made, client(bare)))["external-secrets"]
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    bare.request("DELETE", f"{path}/externalsecrets.external-secrets.io")
    assert result.status == "fail"
    assert result.detail.startswith("serves v1beta1 of external-secrets.io without ExternalSecret")
    assert "0.16" in result.fix.text


async def test_another_cluster_than_the_recorded_one_stops(
    kube_with_crds: Server, made: Answers, client: Any
) -> None:
    kube = client(kube_with_crds)
    uid = kube.cluster().uid
    here = made.model_copy(update={"cluster": made.cluster.model_copy(update={"uid": uid})})
    assert (await probed(here, kube))["identity"].detail == f"UID {uid}, as recorded"
    there = made.model_copy(update={"cluster": made.cluster.model_copy(update={"uid": "u-2"})})
    results = await probed(there, kube)
    identity = results.pop("identity")
    results.pop("version")
    assert (identity.status, "u-2" in identity.detail) == ("fail", True)
    assert "--context" in identity.fix.text
    assert {one.detail for one in results.values()} == {"needs cluster.identity"}
    with pytest.raises(ConflictError):
        make_secret_lookup(kube, there)("airflow", ["any"])


async def test_logins_and_servers_that_are_not_there(
    kube_with_crds: Server, made: Answers, client: Any
) -> None:
    _, token = account(kube_with_crds)
    closed = f"https://127.0.0.1:{free_port()}"
    for kube, says in (
        (client(kube_with_crds, expired(kube_with_crds, token)), "does not accept the login"),
        (client(kube_with_crds, server=closed), "refuses connections"),
    ):
        results = await probed(made, kube)
        identity = results.pop("identity")
        assert (identity.status, says in identity.detail) == ("unknown", True), identity
        assert identity.fix.text
        assert {one.status for one in results.values()} == {"skip"}


async def test_a_namespace_that_goes_or_holds_too_much(
    kube_with_crds: Server, made: Answers, client: Any
) -> None:
    space = made.installation.namespace
    held = {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}
    put(kube_with_crds, "Namespace", space, metadata=held)
    kube = client(kube_with_crds)
    result = (await probed(made, kube))["namespace"]
    assert (result.status, "Redis" in result.detail) == ("fail", True)
    # No controller runs here, so the namespace stays as it does where a finalizer hangs.
    kube_with_crds.request("DELETE", f"/api/v1/namespaces/{space}")
    result = (await probed(made, kube))["namespace"]
    assert (result.status, "has been terminating since" in result.detail) == ("fail", True)


async def test_secrets_that_others_make(
    kube_with_crds: Server, made: Answers, client: Any, canary: Canary
) -> None:
    assert list_existing_secrets(made) == {}
    listed = [
        {"name": "mine", "from": "existing", "keys": ["A", "B"]},
        {"name": "any", "from": "existing"},
    ]
    extra = [ExtraSecret.model_validate(one) for one in listed]
    made = made.model_copy(update={"secrets": made.secrets.model_copy(update={"extra": extra})})
    space = made.installation.namespace
    put(kube_with_crds, "Secret", "mine", space, stringData={"A": canary.secret()})
    kube = client(kube_with_crds)
    result = (await probed(made, kube))["existing-secrets"]
    assert result.status == "warn"
    assert "mine lacks B; any does not exist" in result.detail
    assert result.fix.question == "secrets.extra"
    canary.assert_absent(repr(result))

    put(kube_with_crds, "Secret", "any", space)
    put(kube_with_crds, "Secret", "mine", space, stringData={"A": "a", "B": canary.secret()})
    assert (await probed(made, kube))["existing-secrets"].status == "pass"
    _, token = account(kube_with_crds)
    refused = (await probed(made, client(kube_with_crds, token)))["existing-secrets"]
    assert refused.status == "unknown"


async def test_claims_that_others_make(kube_with_crds: Server, space: str, client: Any) -> None:
    assert [*list_existing_claims(answers())] == []
    given = {
        "installation.namespace": space,
        "dags.source": "volume", "dags.volume.existing_claim": "dags",
        "logs.kind": "volume", "logs.existing_claim": "logs",
    }  # fmt: skip
    kube = client(kube_with_crds)
    put(kube_with_crds, "Namespace", space)

    async def claims(at: Kube, **names: str) -> dict[str, ProbeResult]:
        named = {
            "dags.volume.existing_claim": names.get("dags", "dags"),
            "logs.existing_claim": names.get("logs", "logs"),
        }
        found = await probed(answers("production", {**given, **named}), at)
        return {name: found[f"{name[:-1]}-claim"] for name in ("dags", "logs")}

    missing = await claims(kube)
    assert {(one.status, one.fix.question) for one in missing.values()} == {
        ("warn", "dags.volume.existing_claim"), ("warn", "logs.existing_claim"),
    }  # fmt: skip
    wanted = {
        "ReadWriteMany": ("pass", "pass"),
        # Enough for DAGs, which pods only read.
        "ReadOnlyMany": ("pass", "warn"),
        "ReadWriteOnce": ("warn", "warn"),
    }
    found: dict[str, ProbeResult] = {}
    for mode, statuses in wanted.items():
        name, size = mode.lower(), {"resources": {"requests": {"storage": "1Gi"}}}
        spec = {**size, "accessModes": [mode]}
        put(kube_with_crds, "PersistentVolumeClaim", name, space, spec=spec)
        found = await claims(kube, dags=name, logs=name)
        assert tuple(one.status for one in found.values()) == statuses, found
        assert all(mode in one.detail for one in found.values())
    assert found["logs"].fix.text.startswith("use a claim that is ReadWriteMany, unless")
    _, token = account(kube_with_crds)
    refused = await claims(client(kube_with_crds, token))
    assert {one.status for one in refused.values()} == {"unknown"}


async def test_quotas_of_the_namespace(kube_with_crds: Server, made: Answers, client: Any) -> None:
    space = made.installation.namespace
    hard = {"pods": "3", "requests.cpu": "100"}
    put(kube_with_crds, "ResourceQuota", "team", space, spec={"hard": hard})
    kube = client(kube_with_crds)
    result = (await probed(made, kube))["quotas"]
    assert result.status == "fail"
    assert "has 3 of pods left" in result.detail
    # The chart's Redis and others state no CPU.
    assert "requests.cpu, which is not set for PgBouncer, Redis" in result.detail
    by_hand = made.model_copy(update={"values": {"redis": {"resources": {}}}})
    result = (await probed(by_hand, kube))["quotas"]
    assert (result.status, "unless `values`" in result.detail) == ("warn", True)


def test_secrets_that_exist_are_found_without_their_values(
    kube_with_crds: Server, made: Answers, client: Any, canary: Canary
) -> None:
    space = made.installation.namespace
    put(kube_with_crds, "Secret", "airflow-fernet-key", space,
        stringData={"fernet-key": canary.secret()})  # fmt: skip
    kube = client(kube_with_crds)
    ask = make_secret_lookup(kube, made)
    assert ask(space, ["airflow-fernet-key", "airflow-jwt-secret"]) == ["airflow-fernet-key"]
    assert ask("no-such-namespace", ["airflow-fernet-key"]) == []
    signs = find_cluster_use(ask, space, [SecretSpec("airflow-fernet-key", {})])
    assert signs.found == (f"namespace {space} has the Secrets airflow-fernet-key",)
    _, token = account(kube_with_crds)
    with pytest.raises(NotCheckedError, match="forbidden"):
        make_secret_lookup(client(kube_with_crds, token), made)(space, ["airflow-fernet-key"])


def test_a_token_for_the_store_comes_from_the_recorded_cluster_only(
    kube_with_crds: Server, made: Answers, client: Any
) -> None:
    prepared(kube_with_crds, made)
    kube = client(kube_with_crds)
    mint = live_store(made.secrets.store).token_source(kube, made, derive_release(made))
    assert mint is not None
    assert parse_audiences(mint().get_secret_value()) == ("vault",)
    there = made.model_copy(update={"cluster": made.cluster.model_copy(update={"uid": "u-2"})})
    mint = live_store(there.secrets.store).token_source(kube, there, derive_release(there))
    assert mint is not None
    with pytest.raises(ConflictError):
        mint()
    laptop = answers("local")
    assert (
        live_store(laptop.secrets.store).token_source(kube, laptop, derive_release(laptop)) is None
    )


async def test_a_hub_is_asked_only_by_its_own_context(
    kube_with_crds: Server, made: Answers, client: Any
) -> None:
    prepared(kube_with_crds, made)
    argo = argocd_answers(made.delivery).model_copy(
        update={"destination": "https://api.prod.example"}
    )
    delivery = made.delivery.model_copy(update={"argocd": argo})
    hub = made.model_copy(update={"delivery": delivery})
    kube = client(kube_with_crds)
    results = await probed(hub, kube)
    assert (results["argocd"].status, "rights.argocd" in results) == ("skip", False)
    results = await probed(hub, kube, kube)
    assert (results["argocd"].status, results["rights.argocd"].status) == ("pass", "pass")


CHECKED = {
    "dags.source": "image",
    "installation.image.repository": "registry.invalid/airflow",
    "installation.image.tag": "1",
    "database.host": "pg.invalid",
    "secrets.vault.server": "https://vault.invalid:8200",
}


def test_check_live_asks_the_named_context_and_says_as_whom(
    kube_with_crds: Server, made: Answers, client: Any, aw: Wizard, tmp_path: Path, canary: Canary
) -> None:
    prepared(kube_with_crds, made)
    space = made.installation.namespace
    places = {"installation.namespace": space, "delivery.argocd.namespace": f"{space}-cd"}
    changes = {**CHECKED, **places}
    aw.ok("commit", "--answers", str(answers_file(tmp_path / "answers.yaml", changes)), "--yes")
    client(kube_with_crds)
    # What Argo CD would overwrite, with the judgement of `apply`.
    account = f"ServiceAccount {space}/airflow-external-secrets already exists"
    done = aw("check", "--live", "--context", "test")
    assert (done.code, account in done.out) == (4, True), done.out
    yes = "the yes is an option of airflow-wizard apply, whose --dry-run shows the list"
    assert yes in done.out
    # No yes helps with what belongs to another installation.
    path = f"/api/v1/namespaces/{space}/serviceaccounts/airflow-external-secrets"
    hers = {"metadata": {"annotations": {OWNER_ANNOTATION: "git.example.com/eve/x#smtp"}}}
    kube_with_crds.request("PATCH", path, hers, "application/merge-patch+json")
    foreign = aw("check", "--live", "--context", "test").out
    assert "choose a different name in the answers (installation.release)" in foreign
    assert (account in foreign, yes in foreign) == (True, False)
    kube_with_crds.request("DELETE", path)
    done = aw.ok("check", "--live", "--context", "test", "--json")
    (result,) = json.loads(done.out)
    probes = {one["id"]: one for one in result["live"]["probes"]}
    assert probes["cluster.identity"]["status"] == "pass"
    assert probes["cluster.rights.argocd"]["status"] == "pass"
    assert probes["argocd.overwrites"]["status"] == "pass"
    assert f"asking the cluster: context test: {kube_with_crds.url} as ada (token)" in done.err
    assert kube_with_crds.token not in done.out + done.err
    wrong = aw("check", "--live", "--context", "absent")
    assert (wrong.code, "--context test" in wrong.err) == (64, True)
    # Failed trust is a fault, as with Vault; it is not "not reachable".
    other = base64.b64encode(Authority.make(tmp_path).certificate.encode()).decode()
    wrong_ca = cluster(kube_with_crds, **{"certificate-authority-data": other})
    written(tmp_path / "kubeconfig", wrong_ca, {"token": kube_with_crds.token})
    done = aw("check", "--live", "--context", "test")
    assert (done.code, "FAILED     Cluster: identity" in done.out) == (4, True), done.out
    unproven = cluster(kube_with_crds, **{"insecure-skip-tls-verify": True})
    written(tmp_path / "kubeconfig", unproven, {"token": kube_with_crds.token})
    assert aw("check", "--live", "--context", "test").code == 4
    assert "unverified Cluster: identity (kubeconfig): context test: insecure" in (
        aw.ok("check", "--live").out
    )


def test_check_live_asks_a_hub_by_its_own_context(
    kube_with_crds: Server, made: Answers, client: Any, aw: Wizard, tmp_path: Path
) -> None:
    prepared(kube_with_crds, made)
    space = made.installation.namespace
    changes = {
        **CHECKED,
        "installation.namespace": space,
        "delivery.argocd.namespace": f"{space}-cd",
        "delivery.argocd.destination": "https://api.prod.example",
    }
    aw.ok("commit", "--answers", str(answers_file(tmp_path / "answers.yaml", changes)), "--yes")
    client(kube_with_crds)
    account = f"/api/v1/namespaces/{space}/serviceaccounts/airflow-external-secrets"
    kube_with_crds.request("DELETE", account)

    def asked(*options: str) -> tuple[dict[str, Any], str]:
        done = aw.ok("check", "--live", "--json", "--installation", "airflow", *options)
        (result,) = json.loads(done.out)
        return {one["id"]: one for one in result["live"]["probes"]}, done.err

    probes, _ = asked()
    assert probes["cluster.argocd"]["status"] == "skip"
    assert "--argocd-context" in probes["cluster.argocd"]["fix"]
    assert probes["cluster.overwrites"]["status"] == "unknown"
    assert "--argocd-context" in probes["cluster.overwrites"]["fix"]
    probes, said = asked("--argocd-context", "test")
    assert probes["cluster.argocd"]["status"] == "pass"
    assert "cluster.overwrites" not in probes
    assert probes["cluster.rights.argocd"]["status"] == "pass"
    assert "asking Argo CD's cluster: context test" in said
    assert aw("check", "--live", "--argocd-context", "absent").code == 64
    alone = aw("check", "--argocd-context", "test")
    assert (alone.code, "--live" in alone.err) == (64, True)


def test_check_live_ends_with_four_at_another_cluster(
    kube_with_crds: Server, client: Any, aw: Wizard, tmp_path: Path
) -> None:
    changes = {**CHECKED, "cluster.uid": "another-cluster"}
    aw.ok("commit", "--answers", str(answers_file(tmp_path / "answers.yaml", changes)), "--yes")
    client(kube_with_crds)
    done = aw("check", "--live")
    assert (done.code, "FAILED     Cluster: identity" in done.out) == (4, True)


def test_needs_follow_the_answers() -> None:
    plain = answers("production")
    assert [one.id for one in list_rights(plain, derive_release(plain))] == [
        "verify", "health", "login", "guard",
    ]  # fmt: skip
    assert [one.id for one in list_argocd_rights(plain)] == ["argocd", "sync", "repository"]
    wide = answers("production", {"secrets.scope": "cluster"})
    found = {
        str(right) for need in list_rights(wide, derive_release(wide)) for right in need.rights
    }
    assert "get clustersecretstores.external-secrets.io" in found
    assert "create serviceaccounts/token external-secrets in external-secrets" in found
    assert not any("validating" in one for one in found)
    laptop = answers("local")
    kinds = {one.id: one.rights for one in list_rights(laptop, derive_release(laptop))}
    assert set(kinds) == {"verify", "secrets", "namespace", "install"}
    # Nothing there but the wizard makes the Secrets from values.
    assert [str(one) for one in kinds["secrets"]] == [
        f"{verb} secrets in airflow" for verb in ("get", "create", "update", "patch")
    ]
    helm = answers("production", {"delivery.kind": "helm"})
    rights = {str(one) for need in list_rights(helm, derive_release(helm)) for one in need.rights}
    assert {"list secrets in airflow", "delete jobs.batch in airflow"} <= rights
    assert "create deployments.apps in airflow" in {str(one) for one in kinds["install"]}


def test_versions() -> None:
    from wizard.clients.kube.protocol import ClusterIdentity

    seen = ClusterIdentity("https://api.prod.example", "u1", "1.29.4-eks-1")
    assert check_version(seen).status == "fail"
    assert check_version(replace(seen, version="1.34.1+k3s1")).status == "pass"
    assert check_version(replace(seen, version="")).status == "unknown"


async def test_the_config_map_with_the_ca_of_vault_is_looked_at(
    kube: Server, client: Any, space: str, tmp_path: Path
) -> None:
    named = {"config_map": "team-cas", "key": "bundle.pem"}
    made = answers("production", {"installation.namespace": space, "secrets.vault.ca": named})
    seen = client(kube)

    async def probed() -> tuple[str, str]:
        found = list_cluster_probes(made, derive_release(made), seen)
        [result] = [one async for probe, one in run_probes(found) if probe.id == "cluster.vault-ca"]
        return result.status, result.fix.question

    assert await probed() == ("warn", "secrets.vault.ca.config_map")
    kube.request("POST", "/api/v1/namespaces", {"metadata": {"name": space}})
    about = {"metadata": {"name": "team-cas"}}
    path = f"/api/v1/namespaces/{space}/configmaps"
    kube.request("POST", path, {**about, "data": {"bundle.pem": "no certificate"}})
    assert await probed() == ("fail", "secrets.vault.ca.key")
    pem = Authority.make(tmp_path).certificate
    kube.request("PUT", f"{path}/team-cas", {**about, "data": {"bundle.pem": pem}})
    assert await probed() == ("pass", "")
