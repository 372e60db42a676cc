"""Why Vault refuses the store's login, on a real Vault and API server: each cause by its name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.support.certificates import Authority
from tests.support.cluster.kubeconfigs import cluster as cluster_entry
from tests.support.cluster.kubeconfigs import written
from tests.support.vault_store import Cluster, place, store_of
from tests.testbed.kube import Kube, RejectedError
from tests.testbed.vault import Vault
from wizard.clients.kube.connect import open_kube
from wizard.clients.vault.address import Token
from wizard.engine.probes import ProbeResult, run_probes
from wizard.systems.vault import reviewer
from wizard.systems.vault.auth_mount import find_cluster_config
from wizard.systems.vault.login_evidence import Surroundings
from wizard.systems.vault.probes import vault_probes

pytestmark = pytest.mark.integration

BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
ACCOUNT = f"/api/v1/namespaces/{reviewer.NAMESPACE}/serviceaccounts/{reviewer.ACCOUNT}"


@dataclass
class Bench:
    """A store that can log in, reviewed by the wizard's own account; then something breaks."""

    cluster: Cluster
    around: Surroundings

    async def ask(self, *, as_nobody: bool = False, without_cluster: bool = False) -> ProbeResult:
        """The result of the probe of the login, with a root token unless `as_nobody`."""
        vault, store = self.cluster.vault, self.cluster.store
        who = None if as_nobody else Token(SecretStr(vault.token), "a test")
        around = Surroundings(self.around.address) if without_cluster else self.around
        mint = self.cluster.mint()
        probes = [
            one
            for one in vault_probes(store, place(vault), who, mint=mint, around=around)
            if one.id == "vault.role"
        ]
        [(_, result)] = [found async for found in run_probes(probes)]
        assert vault.token not in str(result)
        return result

    def token(self) -> str:
        """A token of the reviewer."""
        return self.cluster.minted(reviewer.ACCOUNT, namespace=reviewer.NAMESPACE)

    def unbind(self) -> None:
        self.cluster.kube.request("DELETE", f"{BINDINGS}/{reviewer.BINDING}")


@pytest.fixture
def bench(
    kube: Kube, vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    monkeypatch.setenv(
        "KUBECONFIG", str(written(tmp_path / "admin", cluster_entry(kube), {"token": kube.token}))
    )
    for manifest in reviewer.build_manifests()[:3]:
        kube.apply(json.dumps(manifest))
    store, client = store_of(), open_kube(patience=2)
    vault.mount(store.mount)
    spec = find_cluster_config(store.server, "", client, place(vault))
    found = Bench(Cluster(kube, vault, store), Surroundings(place(vault), spec, client))
    found.cluster.set_up()
    found.cluster.configure(token_reviewer_jwt=found.token())
    yield found
    for path in (f"{BINDINGS}/{reviewer.BINDING}", ACCOUNT):
        with suppress(RejectedError):
            kube.request("DELETE", path)


def listed(result: ProbeResult) -> list[str]:
    """The causes that are listed, in order."""
    return re.findall(r"\(\d\) (.*?): ", result.fix.text)


async def test_each_cause_in_the_review_has_its_name(bench: Bench, tmp_path: Path) -> None:
    result = await bench.ask()
    assert result.status == "pass", result
    configure = bench.cluster.configure
    config = f"auth/{bench.cluster.store.auth_mount}/config"

    # Only a token that is no token of the reviewer is left.
    configure(token_reviewer_jwt="rubbish")
    result = await bench.ask()
    assert result.status == "fail"
    assert f"token_reviewer_jwt of {config} is not a valid token of" in result.detail
    assert "vault-auth/vault-auth, which may review tokens" in result.detail
    assert "auth can-i create tokenreviews.authentication.k8s.io" in result.fix.text
    assert "rubbish" not in str(result)

    configure(token_reviewer_jwt=bench.token(), kubernetes_host="https://127.0.0.1:1")
    result = await bench.ask()
    assert result.status == "fail"
    assert f"kubernetes_host of {config} is https://127.0.0.1:1, which this machine cannot" in (
        result.detail
    )
    assert "curl -sS --cacert ca.pem https://127.0.0.1:1/readyz" in result.fix.text

    other = Authority.make(tmp_path).certificate
    configure(token_reviewer_jwt=bench.token(), kubernetes_ca_cert=other)
    result = await bench.ask()
    assert result.status == "fail"
    assert f"kubernetes_ca_cert of {config} does not sign the certificate of" in result.detail
    assert f"vault write {config}" in result.fix.text

    configure(token_reviewer_jwt="")
    result = await bench.ask()
    assert result.status == "fail"
    assert f"{config} has no token_reviewer_jwt" in result.detail

    bench.unbind()
    configure(token_reviewer_jwt=bench.token())
    result = await bench.ask()
    assert result.status == "fail"
    assert "Vault does not say why" in result.detail
    assert listed(result) == [
        "ServiceAccount vault-auth/vault-auth may not review tokens (system:auth-delegator)",
        f"token_reviewer_jwt of {config} is expired, deleted or of another cluster",
    ]
    assert "kubectl create clusterrolebinding vault-auth-delegator" in result.fix.text

    # Without the account, its owner alone can tell the two apart.
    bench.cluster.kube.request("DELETE", ACCOUNT)
    result = await bench.ask()
    assert listed(result) == [
        f"token_reviewer_jwt of {config} is expired, deleted or of another cluster",
        "the account of token_reviewer_jwt may not review tokens (system:auth-delegator)",
    ]
    assert "there is no ServiceAccount vault-auth/vault-auth" in result.fix.text


async def test_what_cannot_be_read_stays_possible_and_no_more(bench: Bench) -> None:
    """Without rights at Vault: Vault's own order of checks still excludes some causes."""
    config = f"auth/{bench.cluster.store.auth_mount}/config"
    bench.cluster.configure(token_reviewer_jwt="rubbish")
    result = await bench.ask(as_nobody=True, without_cluster=True)
    assert result.status == "unknown"
    assert listed(result) == [
        f"token_reviewer_jwt of {config} is expired, deleted or of another cluster",
        "the account of token_reviewer_jwt may not review tokens (system:auth-delegator)",
        "Vault cannot reach kubernetes_host",
        f"kubernetes_ca_cert of {config} does not sign the cluster's certificate",
    ]
    # The addresses are checked before the token: then nothing of the review is possible.
    bench.cluster.write_role(token_bound_cidrs=["10.9.9.0/24"])
    result = await bench.ask(as_nobody=True)
    assert result.status == "unknown"
    assert len(listed(result)) == 2
    assert "token_bound_cidrs of the role" in listed(result)[0]
    assert "there is no auth mount" in listed(result)[1]
    result = await bench.ask()
    # External Secrets has another address, so this proves nothing about it.
    assert result.status == "unknown"
    assert "(10.9.9.0/24) do not contain this machine's address" in result.detail
    assert "vault read -field=token_bound_cidrs" in result.fix.text
    assert "token_reviewer" not in str(result)


async def test_what_vault_says_about_role_and_token_is_passed_on(bench: Bench) -> None:
    store, write = bench.cluster.store, bench.cluster.write_role

    write(audience="another")
    result = await bench.ask()
    assert result.status == "fail"
    assert f"secrets.vault.audience is {store.audience}, but the role wants another" in (
        result.detail
    )
    assert result.fix.question == "secrets.vault.audience"
    write(bound_service_account_names=["another"])
    result = await bench.ask()
    assert result.status == "fail"
    assert f"not bound to ServiceAccount {store.service_account}, but to another" in result.detail
    result = await bench.ask(as_nobody=True)
    assert result.status == "unknown"
    assert result.detail.endswith(f"not bound to ServiceAccount {store.service_account}")
    write(bound_service_account_namespaces=["another"])
    result = await bench.ask()
    assert f"not bound to namespace {store.account_namespace}, but to another" in result.detail
    write()
    bench.cluster.configure(issuer="https://old.example", disable_iss_validation=False)
    result = await bench.ask()
    assert "the token's issuer is https://kubernetes.default.svc.cluster.local, but" in (
        result.detail
    )
    assert "wants https://old.example" in result.detail
    # A mount that was enabled, but not configured.
    mount = f"sys/auth/{store.auth_mount}"
    bench.cluster.vault.request("DELETE", mount)
    bench.cluster.vault.request("POST", mount, {"type": "kubernetes"})
    write()
    result = await bench.ask()
    assert result.status == "fail"
    assert f"auth/{store.auth_mount} has no config yet" in result.detail
    bench.cluster.configure(token_reviewer_jwt=bench.token())
    write(token_no_default_policy=True)
    result = await bench.ask()
    assert result.status == "fail"
    assert "token_no_default_policy=false" in result.fix.text
