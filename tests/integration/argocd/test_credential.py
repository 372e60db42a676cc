"""Argo CD's own credential on real servers: made once, read by its account and by no other."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from tests.integration.cli.test_apply_end_to_end import REVIEWER, Place, ended, states
from tests.integration.cli.test_hand_off import Side, side
from tests.integration.cli.test_secrets_command import (
    ALLOW,
    GENERATED,
    SOURCE,
    Bench,
    bench,
    cloning,
    public_of,
    requests,
    writes,
)
from tests.integration.ssh.test_clone_proof import Forge, forge, key
from tests.integration.vault.test_steps import Bench as Store
from tests.integration.vault.test_steps import controller, new_bench
from tests.support.canary import Canary
from tests.support.cli import aw
from tests.support.cluster.argocd import GITHUB, World, told
from tests.support.cluster.controllers.operators import Operators
from tests.support.cluster.kubeconfigs import account, rule
from tests.support.outward import writes as outward_writes
from tests.support.rendered import answers as answered
from tests.support.scenarios import OWN_REPO
from tests.testbed.eso import EsoTemplate
from tests.testbed.kube import Kube as Server
from tests.testbed.token_controller import TokenController
from tests.testbed.vault import RefusedError, Vault
from wizard.clients.forge import ProviderRepository as Provider
from wizard.clients.forge import RegistrationResult
from wizard.clients.ssh.clone import CloneResult, ParamikoClient
from wizard.clients.ssh.session import CloneError
from wizard.clients.vault.address import Token, VaultAddress
from wizard.clients.vault.client import VaultClient
from wizard.engine.probes import Probe, ProbeResult, run_probes
from wizard.engine.steps import Step, StepStatus
from wizard.formats.nested import put_value
from wizard.plan.derive import derive_release
from wizard.probes.catalogue import probe_config_repository
from wizard.secrets.deploy_key import KeyPair, is_same_key
from wizard.systems.argocd import store_credential
from wizard.systems.argocd.probes import CONFIG_CLONE, repository_target
from wizard.systems.git.dag_probes import make_clone_lookup
from wizard.systems.situation import Situation
from wizard.systems.vault.paths import list_vault_settings
from wizard.systems.vault.probes import vault_probes
from wizard.workspace.config_host_keys import verified_known_hosts

__all__ = ["aw", "bench", "controller", "forge", "key", "new_bench", "requests", "side"]

pytestmark = pytest.mark.integration

STORE = {"delivery.argocd.credential": "store"}
PATH = "airflow-install/airflow/argocd"


# --- `secrets`


def stored_credential(bench: Bench) -> dict[str, Any]:
    try:
        found: dict[str, Any] = bench.vault.request("GET", f"{bench.mount}/data/{PATH}")["data"]
    except RefusedError:
        return {"data": {}, "metadata": {"version": 0}}
    return found


def recorded(bench: Bench) -> str:
    answers = yaml.safe_load(bench.file.read_text())
    return str(answers["delivery"]["argocd"]["key"]["public"])


def test_both_keys_are_made_once_each_at_its_own_path(
    bench: Bench, requests: list[tuple[str, str]], tmp_path: Path
) -> None:
    bench.answers(STORE)
    done = json.loads(bench("--yes", "--json", *ALLOW).out)

    private = stored_credential(bench)["data"]
    assert list(private) == ["repositorySshKey"]
    assert set(bench.values()) >= GENERATED
    assert "repositorySshKey" not in bench.values()
    assert is_same_key(public_of(private["repositorySshKey"], tmp_path), recorded(bench))
    assert not is_same_key(bench.public(), recorded(bench))
    assert done["argocd"]["public"] == recorded(bench)
    assert done["argocd"]["written"] == ["repositorySshKey"]
    assert f"{bench.mount}/{PATH} at " in done["argocd"]["store"]
    assert recorded(bench).endswith("airflow-wizard airflow git.example.com/platform/k8s-infra.git")
    assert private["repositorySshKey"].splitlines()[1] not in json.dumps(done)

    requests.clear()
    again = bench("--yes", *ALLOW)
    assert writes(requests) == []
    assert "Argo CD's key (SHA256:" in again.out
    assert "register it, read-only: as a deploy key of git.example.com/platform" in again.err


def test_a_token_that_ends_between_the_paths_tells_what_was_written(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.answers(STORE)
    real, token = VaultClient.write, bench.vault.new_token("root")

    def ends_before(at: str) -> None:
        def write(self: VaultClient, mount: str, path: str, *rest: Any) -> int:
            if path == at:
                bench.vault.request("POST", "auth/token/revoke", {"token": token})
            return real(self, mount, path, *rest)

        monkeypatch.setattr(VaultClient, "write", write)

    monkeypatch.setenv("VAULT_TOKEN", token)
    first = f"{bench.mount}/airflow-install/airflow/config"
    ends_before("airflow-install/airflow/config")
    done = bench("--yes", *ALLOW, code=1)
    assert f"nothing was written to {first}" in done.err
    assert f"not written: {bench.mount}/{PATH} at " in done.err
    assert "(repositorySshKey)" in done.err
    token = bench.vault.new_token("root")
    monkeypatch.setenv("VAULT_TOKEN", token)
    ends_before(PATH)
    done = bench("--yes", *ALLOW, code=1)
    assert f"nothing was written to {bench.mount}/{PATH}" in done.err
    assert f"written before: {first} at " in done.err
    kept = bench.values()
    assert set(kept) >= GENERATED
    monkeypatch.setattr(VaultClient, "write", real)
    monkeypatch.setenv("VAULT_TOKEN", bench.vault.token)
    bench("--yes", *ALLOW)
    assert bench.values() == kept
    assert list(stored_credential(bench)["data"]) == ["repositorySshKey"]


def test_a_run_that_was_killed_between_the_paths_goes_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.answers(STORE)
    real = VaultClient.write

    def write(self: VaultClient, mount: str, path: str, *rest: Any) -> int:
        if path == PATH:
            raise KeyboardInterrupt
        return real(self, mount, path, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(VaultClient, "write", write)
        assert bench.aw("secrets", "--answers", str(bench.file), "--yes", *ALLOW).code == 130
    first = bench.values()
    assert set(first) >= GENERATED
    assert stored_credential(bench)["data"] == {}

    bench("--yes", *ALLOW)

    assert bench.values() == first
    assert bench.version == stored_credential(bench)["metadata"]["version"] == 1
    assert bench.public()
    assert recorded(bench)


def test_a_key_that_is_not_the_recorded_one_stops_before_anything_is_made(bench: Bench) -> None:
    bench.answers(STORE)
    bench("--yes", *ALLOW)
    bench.vault.request("DELETE", f"{bench.mount}/metadata/{PATH}")

    done = bench("--yes", *ALLOW, code=5)

    assert "delivery.argocd.key.public is SHA256:" in done.err
    assert "(repositorySshKey)" in done.err
    assert stored_credential(bench)["data"] == {}


def test_both_are_registered_with_one_token_where_one_provider_has_both(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []

    def register(place: Provider, token: Any, title: str, public: str) -> RegistrationResult:
        assert token.get_secret_value() == bench.canary.secret("forge")
        asked.append((place.path, public))
        return RegistrationResult(made=True)

    monkeypatch.setattr("wizard.clients.forge.register_deploy_key", register)
    monkeypatch.setenv("FORGE", bench.canary.secret("forge"))
    bench.answers({**STORE, "delivery.argocd.repo_url": GITHUB})
    words = ("--yes", *ALLOW, "--register", "env:FORGE", "--allow-reference", "dags.repo")
    assert "--allow-reference delivery.argocd.repo_url" in bench(*words, code=4).err
    asked.clear()

    bench(*words, "--allow-reference", "delivery.argocd.repo_url")

    paths = [path for path, _ in asked]
    assert paths == ["example/airflow-dags", "acme/k8s-infra"]
    assert [public for _, public in asked] == [bench.public(), recorded(bench)]

    asked.clear()
    bench.answers(STORE)
    bench.mark(SOURCE)
    bench.vault.request("DELETE", f"{bench.mount}/metadata/{PATH}")
    done = bench(*words)
    assert [path for path, _ in asked] == ["example/airflow-dags"]
    assert "Argo CD's key not registered" in done.err


def test_both_clones_are_proven_each_with_its_key_where_the_host_is_verified(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.answers({**STORE, "delivery.argocd.repo_url": GITHUB})
    keys = cloning(monkeypatch, CloneResult("refs/heads/main", "a" * 40, 3, False))

    done = bench("--yes", "--prove", *ALLOW)

    assert keys == [
        bench.values()["gitSshKey"],
        stored_credential(bench)["data"]["repositorySshKey"],
    ]
    assert "Config repository: clone (github.com): main at aaaaaaaaaaaa" in done.err

    bench.answers(STORE)
    bench.mark(SOURCE)
    bench.vault.request("DELETE", f"{bench.mount}/metadata/{PATH}")
    keys.clear()
    done = bench("--yes", "--prove", *ALLOW)
    assert len(keys) == 1
    assert "unverified: Config repository: clone (git.example.com): no host key" in done.err


def test_a_token_comes_by_reference_and_is_written_to_its_path(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARGOCD_REPOSITORY_TOKEN", bench.canary.hostile("token"))
    bench.answers({
        **STORE, "delivery.argocd.repo_url": "https://git.example.com/platform/k8s-infra.git",
        "delivery.argocd.username": "argocd",
    })  # fmt: skip
    assert "--allow-reference delivery.argocd.token" in bench("--yes", *ALLOW, code=4).err

    bench("--yes", *ALLOW, "--allow-reference", "delivery.argocd.token")

    assert stored_credential(bench)["data"] == {"repositoryToken": bench.canary.hostile("token")}


def test_both_paths_go_into_one_hand_off_and_come_out_of_it_each_where_it_belongs(
    side: Side,
) -> None:
    bench = side.bench
    bench.answers(STORE)
    side.make()
    values, place = side.values(), side.payload()["store"]
    assert set(values) >= {*GENERATED, "repositorySshKey"}
    assert place["path for argocd"] == PATH
    first = (bench.public(), recorded(bench))
    # Not a second time either, nor to another path than it was made for.
    assert "repositorySshKey" in side.make(file=side.folder / "other.age", code=5).err
    bench.answers({**STORE, "delivery.argocd.vault.path": "a/b"})
    assert "path for argocd" in side.take(code=4).err
    bench.answers(STORE)

    side.take()

    own = values.pop("repositorySshKey")
    assert stored_credential(bench)["data"] == {"repositorySshKey": own}
    assert bench.values() == values
    assert (bench.public(), recorded(bench)) == first
    assert "nothing to write" in side.take().err


# --- host keys and the clone


def test_host_keys_count_where_they_were_verified_or_are_published() -> None:
    own = {"delivery.argocd.repo_url": OWN_REPO}
    github = answered("production", {"delivery.argocd.repo_url": GITHUB})
    assert verified_known_hosts(github) == github.dags.known_hosts
    https = {**own, "dags.repo": "https://git.example.com/a/b.git"}
    assert verified_known_hosts(answered("production", https)) == ""
    published = {**https, "delivery.argocd.repo_url": GITHUB}
    assert verified_known_hosts(answered("production", published)) == github.dags.known_hosts
    assert repository_target(answered("production", {**STORE, **own})) is None
    assert repository_target(github) is None
    found = repository_target(answered("production", {**STORE, **published}))
    assert found is not None
    assert (found.path, found.ref, found.dags) == ("/acme/k8s-infra.git", "main", False)


async def probed(forge: Forge, key: KeyPair, **changes: Any) -> dict[str, ProbeResult]:
    target = replace(forge.target, dags=False, subpath="", **changes)
    look = make_clone_lookup(ParamikoClient(target, key.private, seconds=20))
    return {one.id: result async for one, result in run_probes(CONFIG_CLONE.probes(target, look))}


async def test_the_config_repository_needs_no_dags_and_a_key_that_only_reads(
    forge: Forge, key: KeyPair
) -> None:
    assert (await probed(forge, key))["repository.clone"].status == "fail"
    forge.register(key)
    found = await probed(forge, key)
    assert found["repository.clone"].detail.startswith("main at ")
    assert found["repository.read-only"].status == "pass"
    later = await probed(forge, key, ref="later")
    assert later["repository.clone"].status == "unknown"
    assert "push the commit" in later["repository.clone"].fix.text
    assert later["repository.read-only"].status == "skip"


async def test_a_key_that_may_push_is_refused(forge: Forge, key: KeyPair) -> None:
    forge.register(key, writes=True)
    found = await probed(forge, key)
    assert found["repository.read-only"].status == "fail"
    assert "delivery.argocd.key=" in found["repository.read-only"].fix.text


def test_a_host_that_shows_another_key_gets_nothing(forge: Forge, key: KeyPair) -> None:
    other = replace(forge.target, dags=False, pinned=())
    with pytest.raises(CloneError) as caught:
        ParamikoClient(other, key.private, seconds=20).look()
    assert caught.value.kind == "host-key"


# --- `check --live`


def sources(tmp_path: Path, key: KeyPair, changes: dict[str, Any]) -> list[Probe]:
    file = tmp_path / "key"
    file.write_text(key.private.get_secret_value())
    file.chmod(0o600)
    given = answered("production", {
        **STORE, "delivery.argocd.repo_url": GITHUB, "delivery.argocd.key": {"file": str(file)},
        **changes,
    })  # fmt: skip
    start = Situation(given, derive_release(given), consent=lambda _: True, folder=tmp_path)
    return list(probe_config_repository(start))


async def test_check_live_reads_the_config_repository_with_its_own_key(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, key: KeyPair
) -> None:
    keys = cloning(monkeypatch, CloneResult("refs/heads/main", "a" * 40, 0, False))
    ids = ["repository.clone", "repository.read-only"]
    probes = sources(tmp_path, key, {})
    found = {one.id: result.status async for one, result in run_probes(probes)}
    assert found == dict.fromkeys(ids, "pass")
    assert keys == [key.private.get_secret_value()]
    # Another host than the DAGs' is looked at for itself.
    https = {"dags.repo": "https://git.example.com/a/b.git"}
    assert [one.id for one in sources(tmp_path, key, https)] == ["repository.host_keys", *ids]
    for changes, status, says in (
        ({"delivery.argocd.key": {"generate": True}}, "skip", "secrets --prove"),
        ({"delivery.argocd.repo_url": "ssh://git@git.example.com/a/b.git"}, "unknown", "admin"),
    ):
        (one,) = sources(tmp_path, key, changes)
        result = await one.run()
        assert (one.id, result.status) == ("repository.clone", status)
        assert says in result.fix.text
    assert sources(tmp_path, key, {"delivery.argocd.credential": "known"}) == []


async def test_the_rights_on_argo_cds_path_are_looked_at(vault: Vault) -> None:
    given = answered("production", {**STORE, "secrets.vault.mount": "rights"})
    vault.mount("rights")
    first, *others = list_vault_settings(given, derive_release(given))
    vault.policy("half", {
        f"rights/data/{PATH}": ["create", "read", "update"],
        "sys/policies/acl/external-secrets-airflow-argocd-read": ["create", "update"],
    })  # fmt: skip
    where = VaultAddress(vault.url, vault.ca.read_text())
    who = Token(SecretStr(vault.new_token("half")), "a test")
    probes = vault_probes(first, where, who, others=others)
    found = {one.id: result async for one, result in run_probes(probes)}
    assert found["vault.payload"].status == "warn"
    assert found["vault.argocd-payload"].detail == f"can read and write rights/data/{PATH}"
    assert found["vault.argocd-setup"].detail.endswith(
        "auth/kubernetes/role/external-secrets-airflow-argocd"
    )


# --- `apply`


def test_a_hub_logs_in_at_the_mount_of_its_own_cluster(
    new_bench: Callable[..., Store],
) -> None:
    """Which its owner has set up: a reviewer for it could not be made from here."""
    here = new_bench({
        **STORE, "delivery.argocd.destination": "https://api.prod.example:6443",
        "delivery.argocd.vault.auth_mount": "hub-of-two",
    })  # fmt: skip
    here.log_in(here.vault.token)
    found = here.run()
    assert found["vault.role"].state == found["vault.argocd-policy"].state == "changed"
    role = found["vault.argocd-role"]
    assert role.state == "unknown"
    assert "does not exist yet" in role.detail
    assert "vault write auth/hub-of-two/role/" in role.fix.text

    here.vault.request("POST", "sys/auth/hub-of-two", {"type": "kubernetes"})
    written = here.run()["vault.argocd-role"]
    assert written.state == "changed"
    path = f"auth/hub-of-two/role/{here.store.role}-argocd"
    name = f"{here.made.release.installation}-repository"
    assert here.stored(path)["bound_service_account_names"] == [name]
    assert {event.state for event in here.run().values()} <= {"holds", "unknown"}


def test_what_is_still_waited_for_is_said(
    kube_with_crds: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(kube_with_crds, tmp_path, monkeypatch)
    world.put("ConfigMap", "there", data={})
    name = "airflow-repository"
    rights = [
        rule("get list create patch", "secretstores externalsecrets", "external-secrets.io"),
        rule("get create patch", "serviceaccounts"),
    ]
    _, limited = account(kube_with_crds, *rights)
    target = world.target(**STORE)
    put, ready = store_credential.build_store_credential_steps(target)

    def look(action: Step = ready) -> tuple[str, str]:
        found: StepStatus = asyncio.run(action.check())  # type: ignore[arg-type]
        return found.state, found.detail

    assert look() == ("wanted", f"ExternalSecret {world.argo}/{name} does not exist yet")
    # Whoever may not see the Secrets of Argo CD may still do this.
    first, seen = store_credential.build_store_credential_steps(world.target(limited, **STORE))
    assert told([first])["argocd.credential"].state == "changed"
    assert look(put)[0] == "holds"
    assert "has no state yet" in look()[1]

    beside = Operators(kube_with_crds, world.argo, world.argo)
    beside.ready("ExternalSecret", name, "could not get secret data from provider", ok=False)
    beside.ready("SecretStore", name, "unable to log in to auth method: permission denied",
                 ok=False)  # fmt: skip
    assert look()[0] == "wanted"
    assert f"SecretStore {world.argo}/{name} is not valid: Vault refuses the login" in look()[1]
    beside.ready("SecretStore", name, "store validated")
    assert name in look()[1]
    beside.secret(name, "type", "url", "name")
    beside.seen(name)
    assert look() == ("wanted", f"Secret {world.argo}/{name} is missing the keys sshPrivateKey")
    beside.secret(name, "type", "url", "name", "sshPrivateKey")
    assert "is missing the label argocd.argoproj.io/secret-type" in look()[1]
    assert look(seen)[0] == "unknown"
    kube_with_crds.request(
        "PATCH",
        f"/api/v1/namespaces/{world.argo}/secrets/{name}",
        {"metadata": {"labels": {"argocd.argoproj.io/secret-type": "repository"}}},
        "application/merge-patch+json",
    )
    assert look()[0] == "holds"


class Hub(Place):
    """An installation whose Argo CD reads this repository with a key from Vault."""

    def _answer(self) -> None:
        super()._answer()
        data = yaml.safe_load(self.file.read_text())
        self.file.write_text(
            yaml.safe_dump(put_value(data, ("delivery", "argocd", "credential"), "store"))
        )

    def more_to_write(self) -> tuple[str, ...]:
        role = f"{self.role}-argocd"
        return (
            f"sys/policies/acl/{role}-read",
            f"auth/{self.auth}/role/{role}",
            f"{self.mount}/data/{self.own}",
        )

    @property
    def own(self) -> str:
        return f"airflow-install/{self.name}/argocd"

    def read(self, token: str, path: str) -> Any:
        found = self.vault.request("GET", f"{self.mount}/data/{path}", token=token)
        return found["data"]["data"]


@pytest.fixture
def hub(
    kube_with_crds: Server,
    vault: Vault,
    eso_template: EsoTemplate,
    tmp_path: Path,
    canary: Canary,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Hub]:
    world = World(kube_with_crds, tmp_path, monkeypatch)
    made = Hub("production", world, vault, canary, eso_template, tmp_path)
    for path in made.paths():
        made.delete(path)
    with TokenController(kube_with_crds, REVIEWER), made.operators:
        yield made
    assert made.operators.faults == []


def refused(ask: Callable[[], object]) -> None:
    with pytest.raises(RefusedError) as caught:
        ask()
    assert caught.value.status == 403


def test_argo_cd_reads_its_own_path_and_nothing_else(hub: Hub, tmp_path: Path) -> None:
    hub.fill()
    hub.commit()
    taken = ended(hub("apply", "--yes", "--json", code=5))["argocd.credential"]
    assert taken["state"] == "blocked"
    assert "Secret repo-repository already gives Argo CD a credential" in taken["detail"]
    assert "delivery.argocd.credential=known" in taken["fix"]
    hub.delete("/api/v1/namespaces/{argo}/secrets/repo-repository")

    dry, lines = hub.counted("apply", "--dry-run", "--json")
    assert states(dry)["argocd.credential"] == "would change"
    assert outward_writes(lines) == []
    first = ended(hub("apply", "--yes", "--json"))

    order = list(first)
    assert order.index("argocd.repository") < order.index("argocd.application")
    assert first["argocd.credential"]["state"] == "changed"
    assert first["argocd.repository"]["state"] == "holds"
    name = f"{hub.name}-repository"
    secret = hub.world.read(f"/api/v1/namespaces/{{argo}}/secrets/{name}")
    assert secret["metadata"]["labels"] == {"argocd.argoproj.io/secret-type": "repository"}
    made = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
    private = made.pop("sshPrivateKey")
    assert made == {"name": hub.name, "type": "git", "url": GITHUB}
    answers = yaml.safe_load(hub.clone.git("show", f"HEAD:.airflow-wizard/{hub.name}/answers.yaml"))
    public = answers["delivery"]["argocd"]["key"]["public"]
    assert is_same_key(public_of(private, tmp_path), public)

    second, lines = hub.counted("apply", "--yes", "--json")
    assert set(states(second).values()) == {"holds"}, second
    assert "can log in and read" in ended(second)["vault.argocd-login"]["detail"]
    assert outward_writes(lines) == []

    stores = "/apis/external-secrets.io/v1/namespaces/{}/secretstores/{}"
    theirs = hub.world.read(stores.format("{argo}", name))
    ours = hub.world.read(stores.format("{namespace}", f"vault-{hub.name}"))
    argo, airflow = hub.operators.login(theirs), hub.operators.login(ours)
    assert list(hub.read(argo, hub.own)) == ["repositorySshKey"]
    assert hub.read(airflow, hub.path) == hub.values()
    refused(partial(hub.read, argo, hub.path))
    refused(partial(hub.read, airflow, hub.own))
    ask = hub.vault.request
    for token, path in ((argo, hub.own), (airflow, hub.path)):
        refused(partial(ask, "POST", f"{hub.mount}/data/{path}", {"data": {}}, token))
        refused(partial(ask, "LIST", f"{hub.mount}/metadata/", None, token))
    # Neither account logs in with the other's role.
    roles = (hub.role, f"{hub.role}-argocd")
    for store, role in ((theirs, roles[0]), (ours, roles[1])):
        auth = store["spec"]["provider"]["vault"]["auth"]["kubernetes"]
        account = auth["serviceAccountRef"]["name"]
        jwt = hub.operators.requested(account, store["metadata"]["namespace"], "vault")
        refused(partial(hub.operators.logged_in, hub.auth, role, jwt))
    hub.require_git_is_clean()
    for folder in (hub.clone, hub.remote):
        batch = ["git", "cat-file", "--batch-all-objects", "--batch"]
        objects = subprocess.run(batch, cwd=folder.path, capture_output=True, check=True).stdout
        assert private.splitlines()[1].encode() not in objects
