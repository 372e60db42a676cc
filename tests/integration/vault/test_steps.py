"""Vault's side of `apply` on a real Vault and API server: safe to repeat, never over another's."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tests.support.canary import Canary
from tests.support.cluster.kubeconfigs import account, cluster, rule, written
from tests.support.rendered import answers, rendering
from tests.support.repository import GitFolder
from tests.testbed.kube import Kube, RejectedError
from tests.testbed.token_controller import TokenController
from tests.testbed.vault import RefusedError, Vault
from wizard.clients.kube.connect import open_kube
from wizard.clients.kube.transport import Transport
from wizard.clients.vault.address import AppRole, Token, VaultAccess, VaultAddress
from wizard.clients.vault.transport import VaultHttp, VaultResponse
from wizard.engine.steps import StepEvent, run_steps
from wizard.manifests.ownership import OWNER_ANNOTATION
from wizard.plan.render import Rendering
from wizard.stores.vault.settings import vault_settings
from wizard.systems.target import Target
from wizard.systems.vault import reviewer
from wizard.systems.vault import steps as applying
from wizard.systems.vault.auth_config import parse_server
from wizard.systems.vault.role import normalize_role
from wizard.systems.vault.uses import APPLY_REQUESTS

pytestmark = pytest.mark.integration

_NUMBERS = itertools.count()
IDS = ("vault.mount", "vault.policy", "vault.auth", "vault.role", "vault.login")
REVIEWER = "vault-auth"
BINDINGS = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
OBJECTS = (
    f"/api/v1/namespaces/{REVIEWER}/secrets/vault-auth-token",
    f"{BINDINGS}/vault-auth-delegator",
    f"/api/v1/namespaces/{REVIEWER}/serviceaccounts/vault-auth",
)


class KilledError(BaseException):
    """Ends the run as kill -9 does: nothing handles it."""


@dataclass
class Wire:
    """Every request to Vault and to the API server; after write number `last` the run is killed."""

    lines: list[str] = field(default_factory=list)
    last: int = 0
    before: Callable[[str], None] = lambda _line: None

    def begin(self, line: str) -> None:
        self.end()
        self.before(line)
        self.lines.append(line)

    def end(self) -> None:
        if self.last and len(self.writes) >= self.last:
            raise KilledError

    @property
    def writes(self) -> list[str]:
        """What changes stored state: logins, reviews and requested tokens do not."""
        harmless = ("capabilities-self", "/login", "revoke-self", "/token", "accessreviews")
        return [
            line
            for line in self.lines
            if not line.startswith("GET ")
            and not line.partition("?")[0].endswith(harmless)
            and "dryRun=All" not in line
        ]


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    found = Wire()
    ask, once = VaultHttp.ask, Transport._once

    def asked(self: VaultHttp, method: str, path: str, *args: Any, **options: Any) -> VaultResponse:
        found.begin(f"{method} {path}")
        answer = ask(self, method, path, *args, **options)
        found.end()
        return answer

    def sent(self: Transport, request: Any, *args: Any, stream: bool) -> Any:
        found.begin(request.line)
        answer = once(self, request, *args, stream=stream)
        try:
            found.end()
        except KilledError:
            if hasattr(answer, "close"):
                answer.close()
            raise
        return answer

    monkeypatch.setattr(VaultHttp, "ask", asked)
    monkeypatch.setattr(Transport, "_once", sent)
    return found


@dataclass
class Bench:
    """One installation that is committed, with a Vault and a cluster nothing is set up in."""

    vault: Vault
    kube: Kube
    git: GitFolder
    made: Rendering
    target: Target
    canary: Canary
    controller: TokenController
    said: list[StepEvent] = field(default_factory=list)

    @property
    def store(self) -> Any:
        return vault_settings(self.target.answers.secrets, self.target.release)

    @property
    def role(self) -> str:
        return f"auth/{self.store.auth_mount}/role/{self.store.role}"

    @property
    def config(self) -> str:
        return f"auth/{self.store.auth_mount}/config"

    @property
    def policy(self) -> str:
        return f"sys/policies/acl/{self.store.policy}"

    def file(self, logical: str) -> str:
        return self.made.tree.by_logical(logical).path

    def stored(self, path: str) -> Any:
        try:
            return self.vault.request("GET", path)["data"]
        except RefusedError as error:
            return error.status

    def state(self) -> dict[str, Any]:
        """Everything that the actions may change, without ids and tokens."""
        store, kept = self.store, ("type", "options", "description")
        mount = self.stored("sys/mounts").get(f"{store.mount}/") or {}
        auth = self.stored("sys/auth").get(f"{store.auth_mount}/") or {}
        return {
            "mount": {name: mount.get(name) for name in kept},
            "auth": {name: auth.get(name) for name in kept},
            "policy": self.stored(self.policy),
            "config": self.stored(self.config),
            "role": self.stored(self.role),
            "reviewer": [self.object(path) for path in OBJECTS],
        }

    def object(self, path: str) -> Any:
        try:
            found = self.kube.request("GET", path)
        except RejectedError as error:
            return error.code
        return {key: found.get(key) for key in ("kind", "type", "roleRef", "subjects")}

    def forget_reviewer(self) -> None:
        for path in OBJECTS:
            self.remove(path)

    def remove(self, path: str) -> None:
        with suppress(RejectedError):
            self.kube.request("DELETE", path)
        assert self.object(path) == 404

    def account(self) -> None:
        """The ServiceAccount that delivery would make."""
        self.kube.apply(self.made.tree.by_logical("secrets/service-account").text)

    def log_in(self, value: str) -> None:
        assert self.target.access is not None
        token = Token(SecretStr(value), "a test")
        self.target = replace(self.target, access=VaultAccess(self.target.access[0], token))

    def token(self, rules: dict[str, list[str]], **options: Any) -> str:
        """A token that every leak of can be found, with exactly these rights."""
        number = next(_NUMBERS)
        self.vault.policy(f"rights-{number}", rules)
        own = f"{self.canary.secret('vault')}-{number}"
        return self.vault.new_token(f"rights-{number}", id=own, **options)

    def rights(self) -> dict[str, list[str]]:
        """What the actions need, and nothing more."""
        store, write = self.store, ["create", "read", "update"]
        return {
            "sys/mounts": ["read"],
            f"sys/mounts/{store.mount}": ["create", "update", "sudo"],
            "sys/auth": ["read"],
            f"sys/auth/{store.auth_mount}": ["create", "update", "sudo"],
            self.policy: write,
            self.config: write,
            self.role: write,
            store.data_path: write,
        }

    def run(self, *, dry: bool = False) -> dict[str, StepEvent]:
        """What became of each action; nothing that is said holds a secret."""
        self.said.clear()

        async def collect() -> None:
            async for event in run_steps(applying.build_vault_steps(self.target), dry_run=dry):
                self.said.append(event)

        asyncio.run(collect())
        # As every run ends: a login made for it is revoked now, not when it is collected.
        for end in self.target.cleanups:
            end()
        told = "\n".join([json.dumps(one.to_json()) + repr(one) for one in self.said])
        self.canary.assert_absent(told)
        assert self.vault.token not in told
        for issued in self.controller.issued:
            assert issued.split(".")[2] not in told
        return {one.id: one for one in self.said if one.has_ended}

    def states(self, *, dry: bool = False) -> list[str]:
        found = self.run(dry=dry)
        assert tuple(found) == IDS
        return [one.state for one in found.values()]


@pytest.fixture
def controller(kube: Kube) -> Iterator[TokenController]:
    with TokenController(kube, REVIEWER) as running:
        yield running


@pytest.fixture
def new_bench(
    vault: Vault,
    kube: Kube,
    controller: TokenController,
    tmp_path: Path,
    canary: Canary,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Bench]:
    """new_bench(changes): names that no other test uses, and no reviewer in the cluster."""
    path = written(tmp_path / "admin", cluster(kube), {"token": kube.token})
    monkeypatch.setenv("KUBECONFIG", str(path))
    monkeypatch.setattr(applying, "_LOGIN_SECONDS", 1.0)
    monkeypatch.setattr(reviewer, "_PAUSE", 0.05)

    def make(changes: dict[str, object] | None = None, *, server: Vault = vault) -> Bench:
        number = next(_NUMBERS)
        settings = {
            "secrets.vault.mount": f"apply-{number}",
            "secrets.vault.auth_mount": f"apply-kubernetes-{number}",
            "secrets.vault.role": f"apply-role-{number}",
            # Mounts of others, which no payload of this one may have been moved to.
            "delivery.argocd.repo_url": f"ssh://git@git.example.com/team-{number}/airflow.git",
            **(changes or {}),
        }
        made = rendering("production", settings)
        git = GitFolder.init(tmp_path / f"config-{number}")
        files = [file for file in made.tree.values() if file.logical.startswith("vault/")]
        git.commit({file.path: file.text for file in files})
        target = Target(
            answers("production", settings),
            made.release,
            git.repo,
            "sha256:0",
            {file.logical: file.data for file in files},
            access=VaultAccess(
                VaultAddress(server.url, server.ca.read_text()),
                Token(SecretStr("x"), "a test"),
            ),
            kube=open_kube(patience=2),
        )
        bench = Bench(server, kube, git, made, target, canary, controller)
        bench.forget_reviewer()
        if server.token:
            bench.log_in(bench.token(bench.rights()))
        return bench

    return make


@pytest.fixture
def bench(new_bench: Callable[..., Bench]) -> Bench:
    return new_bench()


# --- the first run and the second


def test_the_first_run_makes_it_and_the_second_changes_nothing(bench: Bench, wire: Wire) -> None:
    bench.account()
    assert bench.states() == ["changed", "changed", "changed", "changed", "holds"]
    state = bench.state()
    assert state["mount"]["options"] == {"version": "2"}
    assert state["policy"]["policy"] == bench.target.text("vault/policy")
    assert state["config"]["kubernetes_host"] == bench.kube.url
    assert state["config"]["token_reviewer_jwt_set"] is True
    assert normalize_role(state["role"]) == normalize_role(
        json.loads(bench.target.text("vault/role"))
    )
    assert state["role"]["token_ttl"] == 1200
    # Reviewers of all installations share their namespace: another test may have made it.
    writes = [one for one in wire.writes if "/api/v1/namespaces?" not in one]
    assert len(writes) == 8, wire.writes

    wire.lines.clear()
    assert bench.states() == ["holds"] * 5
    assert wire.writes == []
    assert bench.state() == state
    assert len(wire.lines) < 25


def test_the_account_comes_with_delivery_and_is_proven_then(bench: Bench) -> None:
    path = f"/api/v1/namespaces/{bench.store.account_namespace}/serviceaccounts"
    bench.remove(f"{path}/{bench.store.service_account}")
    assert bench.states() == ["changed"] * 4 + ["unknown"]
    assert "does not exist yet" in bench.said[-1].detail
    assert "delivery" in bench.said[-1].fix.text
    bench.account()
    assert bench.states() == ["holds"] * 5


def test_a_dry_run_names_the_requests_and_makes_none(bench: Bench, wire: Wire) -> None:
    bench.account()
    before = bench.state()
    assert bench.states(dry=True) == ["would change"] * 4 + ["unknown"]
    assert wire.writes == []
    assert bench.state() == before
    said = {one.id: one.detail for one in bench.said if one.has_ended}
    store = bench.store
    assert said["vault.mount"] == f"POST sys/mounts/{store.mount}"
    assert said["vault.policy"] == f"PUT {bench.policy}"
    assert said["vault.auth"].endswith(f"; POST sys/auth/{store.auth_mount}; POST {bench.config}")
    assert "apply ClusterRoleBinding vault-auth-delegator" in said["vault.auth"]
    assert said["vault.role"] == f"POST {bench.role}"


def _login_paths(vault: Vault) -> set[str]:
    """The paths at which the tokens that exist now were made; other tests make some meanwhile."""
    found = set()
    for accessor in vault.request("LIST", "auth/token/accessors")["data"]["keys"]:
        with suppress(RefusedError):  # that token has ended since the list was made
            looked = vault.request("POST", "auth/token/lookup-accessor", {"accessor": accessor})
            found.add(looked["data"]["path"])
    return found


def test_an_approle_logs_in_once_and_leaves_nothing(bench: Bench, wire: Wire) -> None:
    bench.account()
    name = f"approle-{next(_NUMBERS)}"
    vault = bench.vault
    vault.request("POST", f"sys/auth/{name}", {"type": "approle"})
    vault.policy(name, bench.rights())
    role = {"token_policies": [name], "secret_id_num_uses": 1}
    vault.request("POST", f"auth/{name}/role/wizard", role)
    role_id = vault.request("GET", f"auth/{name}/role/wizard/role-id")["data"]["role_id"]
    made = vault.request("POST", f"auth/{name}/role/wizard/secret-id", {})["data"]["secret_id"]
    assert bench.target.access is not None
    who = AppRole(SecretStr(role_id), SecretStr(made), name)
    bench.target = replace(bench.target, access=VaultAccess(bench.target.access[0], who))
    assert bench.states() == ["changed"] * 4 + ["holds"]
    assert f"auth/{name}/login" not in _login_paths(vault)
    assert wire.lines.count(f"POST auth/{name}/login") == 1


# --- tokens with a limit, or without the policy default


def test_a_token_of_few_requests_lasts_for_the_whole_run_or_is_refused(
    bench: Bench, wire: Wire
) -> None:
    bench.account()
    bench.log_in(bench.token(bench.rights(), num_uses=APPLY_REQUESTS))
    before = bench.state()
    wire.lines.clear()
    found = bench.run()["vault.mount"]
    assert found.state == "failed"
    assert f"allows {APPLY_REQUESTS - 1} more requests (token_num_uses)" in found.detail
    assert "without a limit" in found.fix.text
    assert [line for line in wire.lines if "/api" not in line] == [
        "GET sys/health",
        "GET auth/token/lookup-self",
    ]
    assert bench.state() == before
    # The bound holds for the first run, which makes the most requests.
    bench.log_in(bench.token(bench.rights(), num_uses=APPLY_REQUESTS + 1))
    assert bench.states() == ["changed"] * 4 + ["holds"]


def test_a_token_without_the_policy_default_does_its_work(bench: Bench) -> None:
    bench.account()
    rights = bench.rights()
    del rights[bench.policy]
    bench.log_in(bench.token({**rights, bench.policy: ["read"]}, no_default_policy=True))
    found = bench.run()
    assert found["vault.mount"].state == "changed"
    assert found["vault.policy"].state == "failed"
    assert "its rights cannot be looked up, so it was tried" in found["vault.policy"].detail
    assert "ask Vault's owner to run: vault policy write" in found["vault.policy"].fix.text
    bench.log_in(bench.token(bench.rights(), no_default_policy=True))
    assert bench.states() == ["holds"] + ["changed"] * 3 + ["holds"]
    assert bench.states() == ["holds"] * 5


# --- what another wrote


def blocked(bench: Bench, at: str) -> StepEvent:
    """The run stops at this action, and everything that can be stored stays as it is."""
    before = bench.state()
    found = bench.run()
    place = IDS.index(at)
    assert [found[one].state for one in IDS[place:]] == ["blocked"] + ["left"] * (4 - place)
    after = bench.state()
    ours = {"vault.mount": "mount", "vault.policy": "policy", "vault.role": "role"}.get(at, "auth")
    assert after[ours] == before[ours]
    assert found[at].fix.text
    return found[at]


def test_version_one_is_never_written_to(bench: Bench, wire: Wire) -> None:
    bench.vault.mount(bench.store.mount, version=1)
    event = blocked(bench, "vault.mount")
    assert "KV version 1" in event.detail
    assert "secrets.vault.mount" in event.fix.text
    assert wire.writes == []


@pytest.mark.parametrize("seen", [True, False])
def test_mounts_that_are_in_the_way(bench: Bench, wire: Wire, seen: bool) -> None:
    """The same whether the token may do something in the mount or only list all."""
    if not seen:
        rights = bench.rights()
        del rights[bench.store.data_path]
        bench.log_in(bench.token(rights))
    bench.vault.mount(bench.store.mount, version=1)
    assert "KV version 1" in blocked(bench, "vault.mount").detail
    bench.vault.request("DELETE", f"sys/mounts/{bench.store.mount}")
    bench.vault.mount(f"{bench.store.mount}/deeper")
    assert "the paths nest" in blocked(bench, "vault.mount").detail
    assert wire.writes == []


def test_a_mount_that_is_only_listed_holds(bench: Bench) -> None:
    rights = bench.rights()
    del rights[bench.store.data_path]
    bench.log_in(bench.token(rights))
    bench.vault.mount(bench.store.mount)
    assert bench.run()["vault.mount"].state == "holds"


def test_another_policy_stays_and_both_are_shown(bench: Bench) -> None:
    theirs = 'path "other/data/*" {\n  capabilities = ["list"]\n}\n'
    bench.vault.request("PUT", bench.policy, {"policy": theirs})
    event = blocked(bench, "vault.policy")
    assert '-path "other/data/*" {' in event.diff
    assert f'+path "{bench.store.data_path}" {{' in event.diff
    assert "secrets.vault.role" in event.fix.text
    assert f"vault policy write {bench.store.policy} {bench.file('vault/policy')}" in event.fix.text
    assert bench.stored(bench.policy)["policy"] == theirs


def test_a_policy_in_other_words_is_the_same(bench: Bench, wire: Wire) -> None:
    """Vault's owner wrote it from a hand-over; whether this token could does not matter."""
    text = f'# ours\npath "{bench.store.data_path}" {{ capabilities = ["read"] }}'
    bench.vault.request("PUT", bench.policy, {"policy": text})
    bench.log_in(bench.token({**bench.rights(), bench.policy: ["read"]}))
    assert bench.run()["vault.policy"].state == "holds"
    assert f"PUT {bench.policy}" not in wire.writes
    wider = text + f'\npath "{bench.store.data_path}x" {{ capabilities = ["read"] }}'
    bench.vault.request("PUT", bench.policy, {"policy": wider})
    assert bench.run()["vault.policy"].state == "blocked"


def test_what_this_repository_held_before_is_brought_up_to_date(bench: Bench) -> None:
    bench.account()
    policy, role = bench.file("vault/policy"), bench.file("vault/role")
    now = {policy: bench.target.text("vault/policy"), role: bench.target.text("vault/role")}
    former = bench.store.data_path.replace("/config", "/former")
    before: dict[str, str | bytes] = {
        policy: now[policy].replace(bench.store.data_path, former),
        role: now[role].replace('"20m"', '"15m"'),
    }
    bench.git.commit(before)
    bench.git.commit({**now})
    assert bench.states() == ["changed"] * 4 + ["holds"]
    bench.vault.request("PUT", bench.policy, {"policy": before[policy]})
    bench.vault.request("POST", bench.role, json.loads(str(before[role])))
    limited = {path: ["read"] for path in (bench.policy, bench.role)}
    own, less = bench.target.access, bench.token({**bench.rights(), **limited})
    bench.log_in(less)
    assert bench.states()[1:4:2] == ["unknown", "unknown"]
    bench.target = replace(bench.target, access=own)
    found = bench.run()
    assert [one.state for one in found.values()] == [
        "holds",
        "changed",
        "holds",
        "changed",
        "holds",
    ]
    changing = {one.id: one.diff for one in bench.said if one.state == "changing"}
    assert f'-path "{former}" {{' in changing["vault.policy"]
    assert '-  "token_ttl": 900' in changing["vault.role"]
    assert bench.states() == ["holds"] * 5


def test_a_role_without_audience_works_and_takes_none_from_before(
    new_bench: Callable[..., Bench],
) -> None:
    bench = new_bench({"secrets.vault.audience": "none"})
    bench.account()
    assert bench.run()["vault.role"].state == "changed"
    assert not bench.stored(bench.role).get("audience")
    assert bench.states() == ["holds"] * 5
    role = json.loads(bench.target.text("vault/role"))
    bench.vault.request("POST", bench.role, {**role, "audience": "from before"})
    bench.vault.request("POST", bench.role, role)
    assert not bench.stored(bench.role).get("audience")


def test_another_role_stays(bench: Bench) -> None:
    assert bench.run()["vault.role"].state == "changed"
    for change in (
        {"bound_service_account_namespaces": ["somewhere", bench.store.account_namespace]},
        {"token_no_default_policy": True},
        {"bound_service_account_namespace_selector": '{"matchLabels":{"a":"b"}}'},
        {"token_period": "1h"},
        {"token_policies": ["root-like", bench.store.policy]},
        {"audience": "another"},
    ):
        bench.vault.request(
            "POST", bench.role, {**json.loads(bench.target.text("vault/role")), **change}
        )
        stands = bench.stored(bench.role)
        event = blocked(bench, "vault.role")
        assert next(iter(change)) in event.diff
        assert bench.stored(bench.role) == stands
        bench.vault.request("DELETE", bench.role)
        bench.vault.request("POST", bench.role, json.loads(bench.target.text("vault/role")))


CONFIG_FAULTS: list[tuple[dict[str, object], str, str]] = [
    ({"kubernetes_host": "https://other.example:6443"}, "other.example:6443", "<cluster>"),
    ({"kubernetes_host": "https://kubernetes.default.svc"}, "kubernetes.default", "vault.server="),
    ({"token_reviewer_jwt": ""}, "no token reviewer", "token_reviewer_jwt"),
    ({"kubernetes_ca_cert": "other"}, "CA different from", "<cluster>"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "says", "fix"), CONFIG_FAULTS)
def test_another_config_is_never_touched(
    bench: Bench, wire: Wire, change: dict[str, object], says: str, fix: str
) -> None:
    jwt = bench.canary.secret("reviewer")
    if "kubernetes_ca_cert" in change:
        change = {"kubernetes_ca_cert": bench.vault.ca.read_text()}
    body = {
        "kubernetes_host": bench.kube.url,
        "kubernetes_ca_cert": bench.kube.ca.read_text(),
        "token_reviewer_jwt": jwt,
        "disable_local_ca_jwt": True,
        **change,
    }
    bench.vault.request("POST", f"sys/auth/{bench.store.auth_mount}", {"type": "kubernetes"})
    bench.vault.request("POST", bench.config, body)
    stands = json.dumps(bench.stored(bench.config), sort_keys=True)
    event = blocked(bench, "vault.auth")
    assert says in event.detail
    assert fix in event.fix.text
    assert event.diff
    assert json.dumps(bench.stored(bench.config), sort_keys=True) == stands
    assert not [line for line in wire.writes if bench.store.auth_mount in line]
    assert [bench.object(path) for path in OBJECTS] == [404] * 3


def test_a_config_of_the_platforms_that_serves_this_cluster_holds(bench: Bench, wire: Wire) -> None:
    bench.vault.request("POST", f"sys/auth/{bench.store.auth_mount}", {"type": "kubernetes"})
    body = {
        "kubernetes_host": bench.kube.url.removeprefix("https://"),
        "kubernetes_ca_cert": bench.vault.ca.read_text() + bench.kube.ca.read_text(),
        "token_reviewer_jwt": bench.canary.secret("reviewer"),
        "disable_local_ca_jwt": True,
    }
    bench.vault.request("POST", bench.config, body)
    found = bench.run()
    assert found["vault.auth"].state == "holds"
    assert f"POST {bench.config}" not in wire.writes


def test_an_auth_mount_of_others_gets_no_config(bench: Bench, wire: Wire) -> None:
    """Without a config too: another's never, an unknown one after a yes to exactly this mount."""
    mount, made = f"sys/auth/{bench.store.auth_mount}", "made by airflow-wizard for airflow"
    hers = f"{made}; {OWNER_ANNOTATION}: git.example.com/hers/airflow#airflow"
    bench.account()
    agreed: dict[str, str] = {"vault.auth": "0" * 12}
    for says, whose in ((hers, "belongs to"), ("the platform's", "was not created"), (made, "say")):
        bench.vault.request("POST", mount, {"type": "kubernetes", "description": says})
        before = (bench.stored(mount), [bench.object(path) for path in OBJECTS])
        bench.target = replace(bench.target, agreed=agreed)
        event = bench.run()["vault.auth"]
        assert (event.state, whose in event.detail) == ("blocked", True), event
        assert (bench.stored(mount), [bench.object(path) for path in OBJECTS]) == before
        assert bench.stored(bench.config) == 404
        seal = event.fix.text.partition("--take-over vault.auth@")[2]
        assert bool(seal) is (says != hers), event.fix
        agreed = {"vault.auth": seal}
        if says != made:
            bench.vault.request("DELETE", mount)
    # Replaced by another of the same name between the look and the change.
    bench.target = replace(bench.target, agreed=agreed)

    def replaced(line: str) -> None:
        if line.startswith("POST") and "clusterrolebindings" in line and "dryRun" not in line:
            wire.before = lambda _line: None
            bench.vault.request("DELETE", mount)
            bench.vault.request("POST", mount, {"type": "kubernetes", "description": hers})

    wire.before = replaced
    event = bench.run()["vault.auth"]
    assert (event.state, bench.stored(bench.config)) == ("blocked", 404), event
    bench.vault.request("DELETE", mount)
    bench.vault.request("POST", mount, {"type": "kubernetes", "description": made})
    bench.target = replace(bench.target, agreed={})
    seal = bench.run()["vault.auth"].fix.text.partition("--take-over vault.auth@")[2]
    bench.target = replace(bench.target, agreed={"vault.auth": seal})
    assert bench.run()["vault.auth"].state == "changed"
    assert bench.run()["vault.auth"].state == "holds"


def test_an_auth_mount_of_another_kind(bench: Bench) -> None:
    bench.vault.request("POST", f"sys/auth/{bench.store.auth_mount}", {"type": "userpass"})
    event = blocked(bench, "vault.auth")
    assert "of type userpass" in event.detail
    assert "secrets.vault.auth_mount" in event.fix.text


def test_reviewers_objects_of_another_stay(bench: Bench) -> None:
    other = {
        "metadata": {"name": "vault-auth-delegator"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
    }
    bench.kube.request("POST", BINDINGS, other)
    event = blocked(bench, "vault.auth")
    assert "a different ClusterRoleBinding vault-auth-delegator" in event.detail
    assert bench.object(OBJECTS[1])["roleRef"]["name"] == "view"
    bench.forget_reviewer()


# --- rights that are missing


def owner_sets_up(bench: Bench) -> None:
    """Everything as the files say, by others."""
    mine = bench.target.access
    bench.log_in(bench.vault.token)
    bench.account()
    assert bench.states()[:4] == ["changed"] * 4
    bench.target = replace(bench.target, access=mine)


@pytest.mark.parametrize("options", [{}, {"no_default_policy": True}])
def test_a_token_for_the_payload_alone_leaves_the_rest(
    bench: Bench, wire: Wire, options: dict[str, object]
) -> None:
    rights = {bench.store.data_path: ["create", "read", "update"]}
    bench.log_in(bench.token(rights, **options))
    if options:
        # Such a token is told from one that has ended by what it sees of its own mount.
        bench.vault.mount(bench.store.mount)
    before = bench.state()
    first = "holds" if options else "unknown"
    found = bench.run()
    assert [one.state for one in found.values()] == [first] + ["unknown"] * 4
    assert bench.state() == before
    assert wire.writes == []
    for name in ("vault.policy", "vault.auth", "vault.role"):
        assert "Vault's owner must do this" in found[name].detail
    assert bench.file("vault/policy") in found["vault.policy"].fix.text
    assert f"@{bench.file('vault/role')}" in found["vault.role"].fix.text
    assert f"vault auth enable -path={bench.store.auth_mount}" in found["vault.auth"].fix.text


def test_what_the_owners_did_is_proven_by_its_effect(bench: Bench, wire: Wire) -> None:
    owner_sets_up(bench)
    bench.log_in(bench.token({bench.store.data_path: ["create", "read", "update"]}))
    wire.lines.clear()
    assert bench.states() == ["holds", "unknown", "unknown", "unknown", "holds"]
    assert wire.writes == []


def test_rights_to_read_are_enough_where_all_is_done(bench: Bench) -> None:
    owner_sets_up(bench)
    bench.log_in(bench.token({path: ["read"] for path in bench.rights()}))
    assert bench.states() == ["holds"] * 5


def test_nobody_is_logged_in(bench: Bench, wire: Wire) -> None:
    bench.target = replace(bench.target, access=None)
    assert bench.states() == ["unknown"] * 5
    assert wire.lines == []
    assert all(one.fix.text for one in bench.said if one.has_ended)


def test_each_missing_right_leaves_only_its_own_step(bench: Bench) -> None:
    store = bench.store
    for path, names in (
        (f"sys/mounts/{store.mount}", {"vault.mount"}),
        (bench.policy, {"vault.policy"}),
        (f"sys/auth/{store.auth_mount}", {"vault.auth", "vault.role"}),
        (bench.config, {"vault.auth", "vault.role"}),
        (bench.role, {"vault.role"}),
    ):
        rights = bench.rights()
        del rights[path]
        bench.log_in(bench.token(rights))
        found = bench.run(dry=True)
        unknown = {name for name, one in found.items() if one.state == "unknown"}
        assert unknown == {*names, "vault.login"}, path
        assert {one.state for name, one in found.items() if name not in unknown} == {"would change"}


def test_a_cluster_that_gives_no_reviewer(
    bench: Bench, wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, token = account(bench.kube, rule("get", "namespaces serviceaccounts"))
    path = written(tmp_path / "other", cluster(bench.kube), {"token": token})
    monkeypatch.setenv("KUBECONFIG", str(path))
    bench.target = replace(bench.target, kube=open_kube(patience=2))
    found = bench.run()
    states = [one.state for one in found.values()]
    assert states == ["changed", "changed", "unknown", "unknown", "unknown"]
    assert "the cluster's owner must do this" in found["vault.auth"].detail
    assert "clusterrolebinding" in found["vault.auth"].fix.text
    assert not [line for line in wire.writes if bench.store.auth_mount in line]
    bench.target = replace(bench.target, kube=None)
    found = bench.run()
    assert [one.state for one in found.values()][2:] == ["unknown"] * 3
    assert "no cluster" in found["vault.auth"].detail


def test_an_address_that_vault_cannot_reach_is_not_written(bench: Bench, wire: Wire) -> None:
    """A tunnel's end on this machine means nothing to a Vault elsewhere."""
    assert bench.target.access is not None
    from wizard.systems.vault.auth_mount import AuthMount
    from wizard.systems.vault.session import VaultLogin

    where, who = bench.target.access
    elsewhere = replace(
        bench.target, access=VaultAccess(replace(where, url="https://vault.example:8200"), who)
    )
    session = VaultLogin(elsewhere)
    # The login and the look at Vault's identity before it go to the Vault at hand.
    near = VaultLogin(bench.target)
    session._vault = near.vault
    look = AuthMount(elsewhere, session).look()
    assert look.state == "unknown"
    assert "cluster.server" in look.detail
    assert wire.writes == []


def test_a_vault_inside_the_cluster_reviews_with_its_own_account(
    new_bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch, wire: Wire
) -> None:
    """This Vault is in no pod, so it refuses; a CA in its place stands for the pod's own."""
    bench = new_bench({"secrets.vault.server": "https://vault.vault.svc:8200"})
    event = bench.run()["vault.auth"]
    assert event.state == "failed"
    assert "secrets.vault.server" in event.fix.text
    assert bench.stored(bench.config) == 404

    bodies: list[object] = []
    ask = VaultHttp.ask

    def in_pod(
        self: VaultHttp, method: str, path: str, body: Any = None, **options: Any
    ) -> VaultResponse:
        if (method, path) == ("POST", bench.config):
            bodies.append(dict(body))
            body["kubernetes_ca_cert"] = bench.kube.ca.read_text()
        return ask(self, method, path, body, **options)

    monkeypatch.setattr(VaultHttp, "ask", in_pod)
    assert bench.run()["vault.auth"].state == "changed"
    host = "https://kubernetes.default.svc:443"
    assert bodies == [{"kubernetes_host": host, "disable_local_ca_jwt": False}]
    assert bench.stored(bench.config)["token_reviewer_jwt_set"] is False
    assert [bench.object(path) for path in OBJECTS] == [404] * 3
    wire.lines.clear()
    assert bench.run()["vault.auth"].state == "holds"
    assert wire.writes == []


# --- logins that show what is wrong


def test_a_login_with_more_than_the_payload_is_refused(bench: Bench) -> None:
    owner_sets_up(bench)
    bench.log_in(bench.token({bench.store.data_path: ["create", "read", "update"]}))
    bench.vault.policy(f"{bench.store.role}-wide", {f"{bench.store.mount}/*": ["list", "read"]})
    policies = [bench.store.policy, f"{bench.store.role}-wide"]
    bench.vault.request("POST", bench.role, {"token_policies": policies})
    found = bench.run()["vault.login"]
    assert found.state == "blocked"
    assert f"policy {bench.store.role}-wide" in found.detail


def test_a_reviewer_that_was_taken_away_shows_in_the_login(bench: Bench) -> None:
    owner_sets_up(bench)
    bench.kube.request("DELETE", OBJECTS[1])
    bench.log_in(bench.token(bench.rights()))
    found = bench.run()["vault.login"]
    assert found.state == "failed"
    assert "refuses the login" in found.detail
    # As `check --live` says it: see test_login_refusal.py.
    assert "(1) ServiceAccount vault-auth/vault-auth may not review tokens" in found.fix.text
    bench.vault.request("POST", bench.role, {"token_bound_cidrs": ["10.9.9.0/24"]})
    found = bench.run()["vault.role"]
    assert found.state == "blocked"


# --- faults


def test_a_sealed_vault_stops_the_run(
    fresh_vault: Vault, new_bench: Callable[..., Bench], wire: Wire
) -> None:
    fresh_vault.initialise()
    bench = new_bench(server=fresh_vault)
    bench.account()
    fresh_vault.seal()
    found = bench.run()
    assert [one.state for one in found.values()] == ["failed"] + ["left"] * 4
    assert "sealed" in found["vault.mount"].detail
    assert "unsealed" in found["vault.mount"].fix.text
    assert wire.writes == []
    fresh_vault.unseal()
    assert bench.states() == ["changed"] * 4 + ["holds"]


@pytest.mark.parametrize("at", [0, 1, 2, 3])
def test_a_token_that_ends_half_way(bench: Bench, wire: Wire, at: int) -> None:
    bench.account()
    mine = bench.token(bench.rights())
    bench.log_in(mine)
    marks = (f"/mounts/{bench.store.mount}", bench.policy, bench.config, bench.role)

    def revoke(line: str) -> None:
        if line.startswith(("POST ", "PUT ")) and line.endswith(marks[at]):
            wire.before = lambda _line: None
            bench.vault.request("POST", "auth/token/revoke", {"token": mine})

    wire.before = revoke
    found = bench.run()
    states = [one.state for one in found.values()]
    assert states == ["changed"] * at + ["failed"] + ["left"] * (4 - at)
    assert "expired" in found[IDS[at]].detail
    found = bench.run()
    assert found["vault.mount"].state == "failed"
    assert "log in to Vault again" in found["vault.mount"].fix.text
    bench.log_in(bench.token(bench.rights()))
    assert bench.run()["vault.login"].state == "holds"


def test_others_who_are_quicker(bench: Bench, wire: Wire) -> None:
    """Mounts that appear between look and write are taken as they are; a config stays."""
    store = bench.store
    theirs = {
        "kubernetes_host": "https://other.example:6443",
        "token_reviewer_jwt": bench.canary.secret("reviewer"),
        "disable_local_ca_jwt": True,
    }

    def first(line: str) -> None:
        if line == f"POST sys/mounts/{store.mount}":
            bench.vault.mount(store.mount)
        if line == f"POST sys/auth/{store.auth_mount}":
            bench.vault.request("POST", f"sys/auth/{store.auth_mount}", {"type": "kubernetes"})
            bench.vault.request("POST", bench.config, theirs)

    wire.before = first
    found = bench.run()
    states = [one.state for one in found.values()]
    assert states == ["changed", "changed", "blocked", "left", "left"]
    assert "in the meantime" in found["vault.auth"].detail
    assert bench.stored(bench.config)["kubernetes_host"] == theirs["kubernetes_host"]


def test_a_vault_that_asks_to_wait_is_waited_for(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.account()
    ask, turns = VaultHttp.ask, itertools.count()

    def asked(self: VaultHttp, method: str, path: str, *args: Any, **options: Any) -> VaultResponse:
        if next(turns) % 5 == 1:
            return VaultResponse(429 if "capabilities" in path else 503, {"errors": []}, 0.0)
        return ask(self, method, path, *args, **options)

    monkeypatch.setattr(VaultHttp, "ask", asked)
    assert bench.states()[:4] == ["changed"] * 4


def test_killed_after_each_write_the_next_run_ends_the_same(
    new_bench: Callable[..., Bench], wire: Wire
) -> None:
    """With one installation and one cluster: what was made is taken away again before each run.

    Between two writes, nothing is stored that a kill could leave behind.
    """
    bench = new_bench()
    bench.account()
    bench.log_in(bench.vault.token)
    assert bench.states() == ["changed"] * 4 + ["holds"]
    wanted = bench.state()

    def take_away() -> None:
        bench.vault.request("DELETE", f"sys/mounts/{bench.store.mount}")
        bench.vault.request("DELETE", f"sys/auth/{bench.store.auth_mount}")
        bench.vault.request("DELETE", bench.policy)
        bench.forget_reviewer()
        wire.lines.clear()

    for last in itertools.count(1):
        take_away()
        wire.last = last
        try:
            bench.run()
        except KilledError:
            killed = True
        else:
            killed = False
        wire.last = 0
        assert bench.states()[-1] == "holds"
        assert bench.state() == wanted, last
        if not killed:
            break
    # Mount, policy, auth mount, config and role, and the reviewer's objects in the namespace.
    assert last > 8


def test_addresses_of_one_cluster() -> None:
    inside = {
        parse_server(f"https://kubernetes.default.svc{end}")
        for end in ("", ":443", ".cluster.local")
    }
    assert len(inside | {parse_server("kubernetes.default.svc")}) == 1
    assert parse_server("https://A.example:443/") == parse_server("a.example")
    assert parse_server("https://a.example:6443") != parse_server("https://a.example")
    assert parse_server("https://rancher.example/k8s/a") != parse_server(
        "https://rancher.example/k8s/b"
    )


def test_the_plan_lists_what_is_done(bench: Bench) -> None:
    done = [(one.id, one.owner, one.title) for one in applying.build_vault_steps(bench.target)]
    planned = [(one.id, one.owner, one.title) for one in bench.made.total.steps]
    listed = [one for one in planned if one[0].startswith("vault.") and one[0] != "vault.payload"]
    assert done[:-1] == listed
    assert done[-1][:2] == ("vault.login", "me")


def test_a_connection_that_breaks_names_the_endpoint(bench: Bench) -> None:
    assert bench.target.access is not None
    where, who = bench.target.access
    bench.target = replace(
        bench.target, access=VaultAccess(replace(where, url="https://127.0.0.1:9"), who)
    )
    found = bench.run()
    assert [one.state for one in found.values()] == ["failed"] + ["left"] * 4
    assert "127.0.0.1:9" in found["vault.mount"].detail
