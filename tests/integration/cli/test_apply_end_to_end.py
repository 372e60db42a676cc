"""`secrets`, `commit`, `apply` as processes on real servers, until Airflow's parts are there.

Vault, the API server and the Git remote are real; tests/syncing.py stands in for the operators.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.canary import Canary
from tests.support.cluster.argocd import GITHUB, World
from tests.support.cluster.controllers.syncing import Syncing
from tests.support.cluster.kubeconfigs import account, cluster, rule, written
from tests.support.outward import writes
from tests.support.process import WIZARD, Finished, run
from tests.support.repository import GitFolder
from tests.testbed.eso import EsoTemplate
from tests.testbed.kube import Kube as Server
from tests.testbed.kube import RejectedError
from tests.testbed.token_controller import TokenController
from tests.testbed.vault import RefusedError, Vault
from wizard.formats.nested import put_value
from wizard.formats.yaml_writer import dump_yaml

pytestmark = pytest.mark.integration

PRESETS = ("production", "gitops-vault")
ARGO_KNOWS = "# Argo CD's own\n"
ALLOW = ("--allow-reference", "database.password")
REVIEWER = "vault-auth"


@dataclass
class Place:
    """One installation to be: a clone of an empty remote, an operator with their own logins."""

    preset: str
    world: World
    vault: Vault
    canary: Canary
    template: EsoTemplate
    folder: Path
    operators: Syncing = field(init=False)
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.name = self.world.namespace.replace("airflow-", "flow-")
        self.mount = f"kv-{self.name}"
        self.remote = GitFolder.init(self.folder / "remote.git", "--bare")
        self.clone = GitFolder.init(self.folder / "clone")
        self.clone.git("remote", "add", "origin", self.remote.path)
        self.file = self.folder / "answers.yaml"
        self.vault.mount(self.mount)
        self.world.install_argo()
        self.user, token = account(self.kube, rule("*", "*", "*"))
        kubeconfig = written(self.folder / "kubeconfig", cluster(self.kube), {"token": token})
        own = self.canary.secret(f"operator-{self.name}")
        self.env = {
            "VAULT_ADDR": self.vault.url,
            "VAULT_CACERT": str(self.vault.ca),
            "VAULT_TOKEN": self.vault.new_token(self._rights(), id=own),
            "KUBECONFIG": str(kubeconfig),
            "AIRFLOW_DB_PASSWORD": self.canary.hostile("database"),
        }
        self._answer()
        self.operators = Syncing(
            self.world.operators, self.vault, self.template, self.remote, self.name
        )

    @property
    def kube(self) -> Server:
        return self.world.server

    @property
    def path(self) -> str:
        return "airflow/config" if self.document else f"airflow-install/{self.name}/config"

    @property
    def document(self) -> bool:
        return self.preset == "gitops-vault"

    @property
    def role(self) -> str:
        return f"role-{self.name}"

    @property
    def auth(self) -> str:
        return f"kubernetes-{self.name}"

    def _answer(self) -> None:
        data: dict[str, Any] = {}
        for key, value in {
            "installation.name": self.name,
            "installation.namespace": self.world.namespace,
            "installation.release": "airflow",
            "database.host": "database.invalid",
            "dags.repo": "ssh://git@github.com/acme/airflow-dags.git",
            "secrets.vault.server": "https://vault.example.internal:8200",
            "secrets.vault.mount": self.mount,
            "secrets.vault.auth_mount": self.auth,
            "secrets.vault.role": self.role,
            "delivery.argocd.namespace": self.world.argo,
            "delivery.argocd.project": self.name,
            "delivery.argocd.repo_url": GITHUB,
            **({"secrets.vault.operator_namespace": f"eso-{self.name}"} if self.document else {}),
        }.items():
            data = put_value(data, tuple(key.split(".")), value)
        self.file.write_text(dump_yaml(data))

    def _rights(self) -> str:
        """What `apply` and `secrets` need in Vault, and nothing more."""
        policy, write = f"operator-{self.name}", ["create", "read", "update"]
        self.vault.policy(policy, {
            "sys/mounts": ["read"],
            f"sys/mounts/{self.mount}": ["create", "update", "sudo"],
            "sys/auth": ["read"],
            f"sys/auth/{self.auth}": ["create", "update", "sudo"],
            f"sys/policies/acl/{self.role}-read": write,
            f"auth/{self.auth}/config": write,
            f"auth/{self.auth}/role/{self.role}": write,
            f"{self.mount}/data/{self.path}": write,
            **dict.fromkeys(self.more_to_write(), write),
        })  # fmt: skip
        return policy

    def more_to_write(self) -> tuple[str, ...]:
        """Paths in Vault that another kind of installation has besides."""
        return ()

    def __call__(
        self, *words: str, code: int | None = 0, command: tuple[str, ...] = WIZARD
    ) -> Finished:
        """Run the command in the clone; nothing that it says is ever a secret."""
        try:
            done = run([*command, *words], cwd=self.clone.path, env=self.env, timeout=45)
        except subprocess.TimeoutExpired as late:
            said = (late.stderr or b"").decode()[-2000:] + (late.output or b"").decode()[-2000:]
            raise AssertionError(f"no end: {self.operators.faults[-3:]}\n{said}") from None
        self.said += [done.out, done.err]
        self.require_no_leak()
        assert code in {None, done.code}, done
        return done

    def require_no_leak(self) -> None:
        for text in self.said:
            self.canary.assert_absent(text)
            for value in self.values().values():
                assert len(value) < 20 or value.strip() not in text

    def counted(self, *words: str, last: str = "0") -> tuple[Finished, list[str]]:
        """The same with the lines of its requests; it may be killed before its end (see `last`)."""
        log = self.folder / f"requests-{time.monotonic_ns()}"
        command = (sys.executable, "-m", "tests.support.outward", str(log), last)
        done = self(*words, code=None if last != "0" else 0, command=command)
        return done, log.read_text().splitlines()

    def killed(self, *words: str, last: str) -> bool:
        """Run it and kill it after this request; False when it ended well before that."""
        done, _ = self.counted(*words, last=last)
        assert done.code in {0, -signal.SIGKILL}, done.err
        return done.code != 0

    def fill(self) -> Finished:
        return self("secrets", *self.given, "--yes", *ALLOW)

    def commit(self) -> Finished:
        return self("commit", *self.given, "--push", "--yes")

    @property
    def given(self) -> tuple[str, ...]:
        return ("--preset", self.preset, "--answers", str(self.file))

    def stored(self, path: str) -> Any:
        try:
            return self.vault.request("GET", path)["data"]
        except RefusedError as error:
            return error.status

    def values(self) -> dict[str, str]:
        payload = self.stored(f"{self.mount}/data/{self.path}")
        return {} if payload == 404 else dict(payload["data"])

    def object(self, path: str) -> Any:
        try:
            found = self.world.read(path)
        except RejectedError as error:
            return error.code
        return {name: found.get(name) for name in ("kind", "spec", "data", "roleRef", "subjects")}

    def paths(self) -> list[str]:
        """What `apply` may make in the cluster, in an order in which it can be taken away."""
        argo = "/apis/argoproj.io/v1alpha1/namespaces/{argo}"
        parent = f"{self.name}-parent" if self.document else self.name
        admission = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic"
        guard = f"{self.world.namespace}-airflow-store-account"
        found = [
            f"{argo}/applications/{parent}",
            f"{argo}/appprojects/{self.name}",
            f"{argo}/appprojects/{self.name}-bootstrap",
            f"{admission}ybindings/{guard}",
            f"{admission}ies/{guard}",
            f"/api/v1/namespaces/{REVIEWER}/secrets/vault-auth-token",
            "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/vault-auth-delegator",
            f"/api/v1/namespaces/{REVIEWER}/serviceaccounts/vault-auth",
        ]
        return [one for one in found if self.document or not one.endswith("-bootstrap")]

    def state(self) -> dict[str, Any]:
        """All that `apply` and `secrets` may change, without ids and tokens."""
        auth = self.stored("sys/auth").get(f"{self.auth}/") or {}
        hosts = "/api/v1/namespaces/{argo}/configmaps/argocd-ssh-known-hosts-cm"
        leases = "/apis/coordination.k8s.io/v1/namespaces/{argo}/leases"
        skipped = f"/api/v1/namespaces/{REVIEWER}/secrets/vault-auth-token"
        return {
            "payload": self.stored(f"{self.mount}/data/{self.path}"),
            "auth": {name: auth.get(name) for name in ("type", "options", "description")},
            "policy": self.stored(f"sys/policies/acl/{self.role}-read"),
            "config": self.stored(f"auth/{self.auth}/config"),
            "role": self.stored(f"auth/{self.auth}/role/{self.role}"),
            "objects": {one: self.object(one) for one in self.paths() if one != skipped},
            "hosts": self.object(hosts)["data"],
            "leases": [one["spec"] for one in self.world.read(leases)["items"]],
            "remote": self.remote.git("rev-parse", "main"),
        }

    def kube_writes(self) -> list[str]:
        """What the API server's own log has of this operator."""
        return writes(self.kube.audited(self.user))

    def accessors(self) -> set[str]:
        """The tokens that Vault knows; External Secrets' stand-in makes none in between."""
        return set(self.vault.request("LIST", "auth/token/accessors")["data"]["keys"])

    def require_store_reads_its_payload_only(self) -> None:
        """The store's account logs in through the real TokenReview; no other account does."""
        kind = "clustersecretstores" if self.document else "namespaces/{namespace}/secretstores"
        store = self.world.read(f"/apis/external-secrets.io/v1/{kind}/vault-{self.name}")
        token = self.operators.login(store)
        payload = f"{self.mount}/data/{self.path}"
        read = self.vault.request("GET", payload, token=token)["data"]["data"]
        assert read == self.values()
        for method, path in (
            ("POST", payload),
            ("GET", f"{self.mount}/data/{self.path}-other"),
            ("LIST", f"{self.mount}/metadata/"),
            ("GET", f"{self.mount}/metadata/{self.path}"),
            ("DELETE", payload),
            ("GET", f"auth/{self.auth}/config"),
            ("GET", "sys/mounts"),
        ):
            with pytest.raises(RefusedError) as refused:
                self.vault.request(method, path, {"data": {}} if method == "POST" else None, token)
            assert refused.value.status == 403, path
        for name, namespace in (
            ("airflow-worker", self.world.namespace),
            ("argocd-repo-server", self.world.argo),
        ):
            about = {"name": name, "namespace": namespace}
            one = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": about}
            self.kube.apply(json.dumps(one))
            with pytest.raises(RefusedError) as refused:
                self.operators.logged_in(
                    self.auth, self.role, self.operators.requested(name, namespace, "vault")
                )
            assert refused.value.status == 403

    def require_git_is_clean(self) -> None:
        """No object of either repository holds a secret."""
        for folder in (self.clone, self.remote):
            batch = ["git", "cat-file", "--batch-all-objects", "--batch"]
            objects = subprocess.run(batch, cwd=folder.path, capture_output=True, check=True).stdout
            self.canary.assert_absent(objects)
            for value in self.values().values():
                assert value.strip().encode() not in objects
        assert self.clone.git("status", "--porcelain") == ""
        self.canary.assert_absent(self.clone.path)

    def forget(self) -> None:
        """Nothing that runs left on this machine outside the repository."""
        shutil.rmtree(os.environ["XDG_STATE_HOME"], ignore_errors=True)

    def remove(self) -> None:
        """Take away what `apply` made; the payload and the commit stay."""
        for name in (f"{self.name}-parent", f"{self.name}-secrets", self.name):
            self.delete(f"/apis/argoproj.io/v1alpha1/namespaces/{{argo}}/applications/{name}")
        for path in self.paths():
            self.delete(path)
        self.vault.request("DELETE", f"sys/auth/{self.auth}")
        self.vault.request("DELETE", f"sys/policies/acl/{self.role}-read")
        self.world.put(
            "ConfigMap", "argocd-ssh-known-hosts-cm", data={"ssh_known_hosts": ARGO_KNOWS}
        )

    def delete(self, path: str) -> None:
        try:
            self.kube.request("DELETE", path.format(argo=self.world.argo))
        except RejectedError as error:
            if error.code != 404:
                raise


@pytest.fixture
def place(
    kube_with_crds: Server,
    plain_vault: Vault,
    eso_template: EsoTemplate,
    tmp_path: Path,
    canary: Canary,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[[str], Place]]:
    """place(preset): names that no other test uses, and operators at work."""
    started: list[Syncing] = []

    def make(preset: str) -> Place:
        world = World(kube_with_crds, tmp_path, monkeypatch)
        made = Place(preset, world, plain_vault, canary, eso_template, tmp_path)
        for path in made.paths():
            made.delete(path)
        if made.document:
            # The operator's own account, which comes with External Secrets.
            about = {"name": "external-secrets", "namespace": f"eso-{made.name}"}
            one = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": about}
            kube_with_crds.apply(json.dumps(one))
        started.append(made.operators)
        made.operators.__enter__()
        return made

    with TokenController(kube_with_crds, REVIEWER):
        yield make
        for one in started:
            one.__exit__(None, None, None)
    assert [fault for one in started for fault in one.faults] == []


def ended(done: Finished) -> dict[str, dict[str, Any]]:
    """The last event of each action, from `apply --json`."""
    events = [json.loads(line) for line in done.out.splitlines()]
    return {event["action"]: event for event in events}


def states(done: Finished) -> dict[str, str]:
    return {name: event["state"] for name, event in ended(done).items()}


# What `status` knows between `commit --push` and `apply`: nobody can clone or sync here yet.
FILLED = {
    "vault.fill": "done",
    "dags.register-key": "unknown",
    "git.push": "done",
    "vault.set-up": "open",
    "argocd.install": "open",
    "secrets.exist": "open",
    "argocd.synced": "open",
    "airflow.healthy": "open",
}


def statuses(here: Place) -> dict[str, str]:
    """The states of the next steps; the look writes nothing."""
    done, lines = here.counted("status", "--json")
    assert writes(lines) == []
    return {step["id"]: step["state"] for step in json.loads(done.out)["next"]}


CHANGED = {
    "vault.policy",
    "vault.auth",
    "vault.role",
    "argocd.known-hosts",
    "argocd.project",
    "argocd.application",
}


@pytest.mark.parametrize("preset", PRESETS)
def test_from_nothing_to_an_installation_that_works(
    place: Callable[[str], Place], preset: str
) -> None:
    here = place(preset)
    here.fill()
    here.commit()
    before = here.state()
    assert statuses(here) == FILLED

    tried, lines = here.counted("apply", "--dry-run", "--json")
    assert {name for name, state in states(tried).items() if state == "would change"} >= CHANGED
    assert writes(lines) == []
    assert here.state() == before

    began = time.monotonic()
    first, lines = here.counted("apply", "--yes", "--json")
    spent = time.monotonic() - began
    changed = CHANGED if here.document else CHANGED | {"cluster.store-account"}
    seen = states(first)
    assert {name for name, state in seen.items() if state == "changed"} == changed, first
    # Its account comes with delivery, so the login is tried again at the end.
    left = {name: state for name, state in seen.items() if name not in changed}
    assert left == dict.fromkeys(left, "holds"), first
    assert ('"unknown"' in first.out) is not here.document
    assert here.kube_writes() == [one for one in writes(lines) if "/v1/" not in one[:10]]
    reached = here.state()

    kept = (here.kube_writes(), here.accessors())
    began = time.monotonic()
    second, again = here.counted("apply", "--yes", "--json")
    spent_again = time.monotonic() - began
    assert set(states(second).values()) == {"holds"}, second
    assert writes(again) == []
    assert (here.kube_writes(), here.accessors()) == kept
    assert here.state() == reached
    assert set(statuses(here).values()) == {"done"}
    assert (here.kube_writes(), here.state()) == (kept[0], reached)
    report(preset, ("first", lines, spent), ("second", again, spent_again))

    here.require_store_reads_its_payload_only()
    here.require_git_is_clean()


def report(preset: str, *runs: tuple[str, list[str], float]) -> None:
    """What the runs cost; `pytest -s` shows it."""
    for name, lines, seconds in runs:
        vault = [line for line in lines if line.split()[1].startswith("/v1/")]
        print(
            f"\n{preset}, {name} apply: {len(lines)} requests ({len(vault)} to Vault), "
            f"{len(writes(lines))} of them change something, {seconds:.1f} s",
            end="",
        )


@pytest.mark.parametrize("last", ["2", "1w"])
def test_secrets_that_were_killed_make_nothing_twice(
    place: Callable[[str], Place], last: str
) -> None:
    here = place("production")
    words = ("secrets", *here.given, "--yes", *ALLOW)
    assert here.killed(*words, last=last)
    left = here.values()
    assert bool(left) is (last == "1w")
    assert b"ssh-ed25519 " not in here.file.read_bytes()
    here(*words)
    payload = here.stored(f"{here.mount}/data/{here.path}")
    assert payload["metadata"]["version"] == 1
    assert left in ({}, payload["data"])
    assert b"ssh-ed25519 " in here.file.read_bytes()


def test_killed_after_each_write_it_goes_on_from_there(place: Callable[[str], Place]) -> None:
    """Each run may change one thing and is killed at once; the lock of the dead is taken over.

    Every third does not live to see the answer.
    """
    here, wanted = applied(place("production"))
    kills = 0
    while here.killed("apply", "--yes", last=f"{2 if kills else 1}w{'' if kills % 3 else 's'}"):
        kills += 1
        assert kills < 30, here.said[-1]
        if kills % 2:
            here.forget()
    assert kills > 9
    assert here.state() | {"leases": []} == wanted


@pytest.mark.timeout(300)
def test_killed_after_some_requests_it_ends_the_same(place: Callable[[str], Place]) -> None:
    here, wanted = applied(place("gitops-vault"))
    for last in itertools.count(4, 13):
        if not here.killed("apply", "--yes", last=str(last)):
            break
    assert last > 40
    assert here.state() | {"leases": []} == wanted


def applied(here: Place) -> tuple[Place, dict[str, Any]]:
    """What an undisturbed run comes to; the place is as before it again."""
    here.fill()
    here.commit()
    here("apply", "--yes")
    wanted = here.state()
    assert wanted["leases"] == []
    here.remove()
    assert here.state() != wanted
    return here, wanted


def test_the_runbook_is_followed_where_vault_lacks_the_mount(
    place: Callable[[str], Place],
) -> None:
    here = place("production")
    here.vault.request("DELETE", f"sys/mounts/{here.mount}")
    here("secrets", *here.given, "--yes", *ALLOW, code=1)
    here.commit()
    runbook = (here.clone.path / f"docs/{here.name}/RUNBOOK.md").read_text()
    own = ("--installation", here.name)
    for words in (
        ("apply", *own, "--only", "store"),
        ("secrets", *own),
        ("commit", *own),
        ("push",),
        ("apply", *own),
    ):
        shown = " ".join(words)
        assert shown in runbook
        if words == ("push",):
            here.clone.git("push", "origin", "main")
        else:
            here(*words, "--yes")
    assert set(states(here("apply", "--yes", "--json")).values()) == {"holds"}
    assert here.values()
