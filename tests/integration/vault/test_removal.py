"""What a removal leaves to others in a real Vault: by its source and by who uses it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from tests.integration.vault.test_steps import Bench, controller, new_bench
from tests.support.cluster.argocd import told
from tests.support.cluster.controllers.operators import MERGE
from wizard.clients.vault.transport import VaultHttp, VaultResponse
from wizard.engine.steps import StepEvent, StepStatus
from wizard.errors import RefusedError
from wizard.manifests.ownership import OWNER_ANNOTATION
from wizard.secrets.deploy_key import generate_key_pair
from wizard.state.apply_journal import VAULT_CLUSTER_ID
from wizard.stores.vault.live.location import OpenVault
from wizard.systems.target import DataKind, Target
from wizard.systems.vault.identity import build_identity_proof
from wizard.systems.vault.payload_removal import build_payload_steps
from wizard.systems.vault.removal import build_mount_removal, build_vault_removal
from wizard.systems.vault.session import VaultLogin
from wizard.workspace.deploy_keys import git_key, with_git_key

__all__ = ["controller", "new_bench"]

pytestmark = pytest.mark.integration

ROLE, AUTH, POLICY, MOUNT, PAYLOAD = (
    "remove.vault-role", "remove.vault-auth", "remove.vault-policy", "remove.vault-mount",
    "destroy.payload",
)  # fmt: skip


def root(bench: Bench) -> Bench:
    bench.log_in(bench.vault.token)
    return bench


def removed(
    target: Target,
    pieces: Collection[DataKind] = (),
    keys: Collection[str] = ("fernetKey",),
    *,
    dry_run: bool = False,
) -> dict[str, StepEvent]:
    """How each step of the removal ended."""
    session = VaultLogin(target)
    try:
        steps = [
            *build_vault_removal(target, session),
            *build_payload_steps(target, session, pieces, {"": frozenset(keys)}),
            build_mount_removal(target, session),
        ]
        return told(steps, dry_run=dry_run)
    finally:
        for end in target.cleanups:
            end()


def seal(event: StepEvent) -> str:
    found = re.search(rf"--take-over {re.escape(event.id)}@([0-9a-f]{{12}})", event.fix.text)
    assert found, event
    return found[1]


def dump(bench: Bench) -> dict[str, Any]:
    """Everything of this Vault that a removal could touch."""
    vault = bench.vault

    def names(path: str) -> list[str]:
        found = bench.stored(f"{path}?list=true")
        return sorted(found["keys"]) if isinstance(found, dict) else []

    mounts = {
        mount: {key: entry.get(key) for key in ("type", "description", "options")}
        for listing in ("sys/auth", "sys/mounts")
        for mount, entry in vault.request("GET", listing)["data"].items()
        if isinstance(entry, dict) and "type" in entry
    }
    roles = {
        f"auth/{mount}role/{name}": bench.stored(f"auth/{mount}role/{name}")
        for mount, about in mounts.items()
        if about["type"] == "kubernetes"
        for name in names(f"auth/{mount}role")
    }
    policies = {
        name: bench.stored(f"sys/policies/acl/{name}") for name in names("sys/policies/acl")
    }
    return {"mounts": mounts, "roles": roles, "policies": policies}


def applied(bench: Bench) -> Bench:
    """It is set up; the policy of the bench's own operator names the same paths."""
    bench.account()
    for name in bench.stored("sys/policies/acl?list=true")["keys"]:
        if name.startswith("rights-"):
            bench.vault.request("DELETE", f"sys/policies/acl/{name}")
    assert set(root(bench).states()) <= {"changed", "holds"}
    return bench


def test_a_policy_that_anothers_role_gives_stays(new_bench: Callable[..., Bench]) -> None:
    hers = applied(new_bench())
    mine = applied(new_bench())
    # As an earlier version set it up for a second cluster: the same policy in a further role.
    shared = f"auth/{hers.store.auth_mount}/role/hers"
    body = {
        "bound_service_account_names": ["x"], "bound_service_account_namespaces": ["x"],
        "token_policies": [mine.store.policy],
    }  # fmt: skip
    mine.vault.request("POST", shared, body)
    before = dump(mine)
    found = removed(mine.target)
    assert found[ROLE].state == "changed"
    assert (found[POLICY].state, shared in found[POLICY].detail) == ("kept", True), found[POLICY]
    after = dump(mine)
    assert after["policies"] == before["policies"]
    assert after["roles"].pop(f"auth/{mine.store.auth_mount}/role/{mine.store.role}", None) is None
    mine.vault.request("DELETE", shared)
    assert removed(mine.target)[POLICY].state == "changed"
    # Nothing of hers went with it.
    left = dump(mine)
    for name, one in dump(hers)["policies"].items():
        assert left["policies"][name] == one
    assert hers.store.policy in left["policies"]


def test_a_role_that_may_not_go_keeps_its_auth_mount(new_bench: Callable[..., Bench]) -> None:
    """As where others still read the installation's Secrets through it."""
    mine = applied(new_bench())
    before = dump(mine)

    async def is_used() -> StepStatus:
        return StepStatus("blocked", "somebody uses it")

    session = VaultLogin(mine.target)
    steps = build_vault_removal(mine.target, session)
    found = told([replace(one, check=is_used) if one.id == ROLE else one for one in steps])
    assert found[ROLE].state == "blocked"
    assert found[AUTH].state in {"blocked", "left"}, found[AUTH]
    assert dump(mine) == before
    assert removed(mine.target)[AUTH].state in {"changed", "kept"}


@pytest.mark.usefixtures("kube_with_crds")
def test_a_role_that_others_log_in_with_stays(new_bench: Callable[..., Bench]) -> None:
    """Their store names our mount, role and ServiceAccount, as a copy of ours does."""
    mine = applied(new_bench())
    filled(mine)
    store = mine.store

    def put(name: str, account: str, kind: str = "SecretStore", **more: str) -> str:
        login = {
            "mountPath": store.auth_mount, "role": store.role.upper(),
            "serviceAccountRef": {"name": account, **more},
        }  # fmt: skip
        vault = {"server": "https://other.example:8200", "auth": {"kubernetes": login}}
        about = {"name": name, **({} if more else {"namespace": store.account_namespace})}
        kube = mine.target.kube
        assert kube is not None
        api = "external-secrets.io/v1"
        spec = {"provider": {"vault": vault}}
        kube.apply({"apiVersion": api, "kind": kind, "metadata": about, "spec": spec})
        place = f"namespaces/{store.account_namespace}/secretstores"
        return f"/apis/{api}/{'clustersecretstores' if more else place}/{name}"

    other = put(f"no-user-{store.role}", "an-account-that-the-role-does-not-bind")
    named = {
        f"SecretStore {store.account_namespace}/hers-{store.role}": put(
            f"hers-{store.role}", store.service_account
        ),
        f"ClusterSecretStore all-{store.role}": put(
            f"all-{store.role}", store.service_account, "ClusterSecretStore",
            namespace=store.account_namespace,
        ),
    }  # fmt: skip
    # Made with `kubectl get -o yaml` from ours, so it names our source.
    copied = put(f"copied-{store.role}", store.service_account)
    note = {"annotations": {OWNER_ANNOTATION: mine.target.release.owner_id}}
    mine.kube.request("PATCH", copied, {"metadata": note}, MERGE)
    named[f"SecretStore {store.account_namespace}/copied-{store.role}"] = copied
    before = dump(mine)
    for name, path in named.items():
        found = removed(mine.target, ["payload"])
        assert (found[ROLE].state, name in found[ROLE].detail) == ("blocked", True), found[ROLE]
        assert "no-user" not in found[ROLE].detail
        assert {found[one].state for one in (POLICY, PAYLOAD)} == {"blocked"}, found
        assert dump(mine) == before
        mine.remove(path)
    # Without a cluster to look in, nobody knows.
    done = removed(replace(mine.target, kube=None))[ROLE]
    assert (done.state, "log in with" in done.detail) == ("unknown", True), done
    assert dump(mine) == before
    assert removed(mine.target)[ROLE].state == "changed"
    mine.remove(other)


def filled(bench: Bench) -> str:
    """Its payload is written by `secrets`; where its metadata is."""
    session = VaultLogin(bench.target)
    store = OpenVault(session.vault, bench.target.release.owner_id).payload_store(bench.store)
    assert store.write({"fernetKey": "x"}, 0) == 1
    return f"{bench.store.mount}/metadata/{bench.store.path}"


def test_a_payload_that_anothers_role_reads_by_our_policy_stays(
    new_bench: Callable[..., Bench],
) -> None:
    mine = applied(new_bench())
    where = filled(mine)
    shared = f"auth/{mine.store.auth_mount}/role/hers"
    # Vault's names have no case.
    body = {
        "bound_service_account_names": ["x"], "bound_service_account_namespaces": ["x"],
        "token_policies": [mine.store.policy.upper()],
    }  # fmt: skip
    mine.vault.request("POST", shared, body)
    found = removed(mine.target, ["payload"])
    assert (found[PAYLOAD].state, shared in found[PAYLOAD].detail) == ("kept", True), found[PAYLOAD]
    assert found[MOUNT].state == "kept"
    assert isinstance(mine.stored(where), dict)
    # Also where nothing is in the way of the payload's own step.
    mine.vault.request("DELETE", where)
    assert (removed(mine.target)[MOUNT].state, mine.stored(where)) == ("kept", 404)
    mine.vault.request("DELETE", shared)
    assert removed(mine.target, ["payload"])[MOUNT].state == "changed"


def test_a_payload_that_others_read_by_a_wildcard_stays_without_a_yes(
    new_bench: Callable[..., Bench],
) -> None:
    bench = applied(new_bench())
    where = filled(bench)
    mount, parent = bench.store.mount, bench.store.data_path.rpartition("/")[0]
    wide = {
        "glob": f"{parent}/*", "segment": f"{mount}/data/+/+/config", "mount": f"{mount}/*",
        "templated": f"{mount}/data/{{{{identity.entity.name}}}}/config",
    }  # fmt: skip
    harmless = {"list": ["list"], "deny": ["deny"]}
    try:
        for name, path in wide.items():
            bench.vault.policy(f"{name}-{mount}", {path: ["read"]})
        for name, rights in harmless.items():
            bench.vault.policy(f"{name}-{mount}", {f"{mount}/data/*": rights})
        bench.vault.policy(f"other-{mount}", {f"{mount}/data/+/other": ["read"]})
        done = removed(bench.target, ["payload"])[PAYLOAD]
        assert done.state == "blocked", done
        named = {name for name in (*wide, *harmless, "other") if f"{name}-{mount}" in done.detail}
        assert named == set(wide), done.detail
        agreed = {PAYLOAD: seal(done)}
        # The yes is for these readers, and for no more.
        bench.vault.policy(f"more-{mount}", {f"{mount}/data/*": ["read"]})
        again = removed(replace(bench.target, agreed=agreed), ["payload"])[PAYLOAD]
        assert (again.state, f"more-{mount}" in again.detail) == ("blocked", True), again
        bench.vault.request("DELETE", f"sys/policies/acl/more-{mount}")
        found = removed(replace(bench.target, agreed=agreed), ["payload"])
        assert (found[PAYLOAD].state, bench.stored(where)) == ("changed", 404), found
    finally:
        for name in (*wide, *harmless, "other", "more"):
            bench.vault.request("DELETE", f"sys/policies/acl/{name}-{mount}")


@pytest.mark.parametrize("kind", ["userpass", "token", "token by pattern"])
def test_users_of_other_methods_count(new_bench: Callable[..., Bench], kind: str) -> None:
    bench = applied(new_bench())
    path = f"sys/auth/{bench.store.role}"
    if kind == "userpass":
        bench.vault.request("POST", path, {"type": "userpass"})
        user = f"auth/{bench.store.role}/users/hers"
        body: Any = {"password": "x" * 12, "token_policies": [bench.store.policy]}
    elif kind == "token":
        user = f"auth/token/roles/{bench.store.role}"
        body = {"allowed_policies": [bench.store.policy]}
    else:
        user = f"auth/token/roles/{bench.store.role}"
        body = {"allowed_policies_glob": [f"{bench.store.policy[:-3]}*"]}
    bench.vault.request("POST", user, body)
    try:
        done = removed(bench.target)[POLICY]
        assert (done.state, user in done.detail) == ("kept", True), done
    finally:
        bench.vault.request("DELETE", user)
        if kind == "userpass":
            bench.vault.request("DELETE", path)


def test_what_cannot_be_seen_is_unknown_and_stays(new_bench: Callable[..., Bench]) -> None:
    bench = applied(new_bench())
    where = filled(bench)
    write = ["create", "read", "update", "delete"]
    rights = {
        "sys/auth": ["read"], "sys/mounts": ["read"], bench.policy: write, bench.role: write,
        f"auth/{bench.store.auth_mount}/role": ["list"],
        where: write, bench.store.data_path: write, "sys/policies/acl": ["list"],
        "sys/policies/acl/*": ["read"],
    }  # fmt: skip
    bench.log_in(bench.token(rights))
    found = removed(bench.target, ["payload"])
    done = found[PAYLOAD]
    assert (done.state, "cannot see whether" in done.detail) == ("unknown", True), done
    assert isinstance(bench.stored(where), dict)
    # Whether its mount is empty is hidden too: unknown is not kept.
    assert (found[MOUNT].state, "cannot see whether" in found[MOUNT].detail) == ("unknown", True)
    # Mounts may be hidden from the list, but not from who has rights in them.
    bench.log_in(bench.token({**rights, "sys/mounts": ["deny"]}))
    assert removed(bench.target)[MOUNT].state == "unknown"
    hers = {"description": "hers"}
    bench.vault.request("POST", f"sys/mounts/{bench.store.mount}/tune", hers)
    done = removed(bench.target)[MOUNT]
    assert (done.state, "not created by this installation" in done.detail) == ("kept", True), done
    bench.log_in(bench.token({"sys/mounts": ["deny"]}))
    assert removed(bench.target)[MOUNT].state == "unknown"
    bench.log_in(bench.token(rights))
    done = removed(bench.target)[POLICY]
    assert (done.state, "cannot see whether" in done.detail) == ("unknown", True), done
    assert f"only if nothing uses it: vault policy delete {bench.store.policy}" in done.fix.text
    assert isinstance(bench.stored(bench.policy), dict)


def test_equal_contents_do_not_make_it_ours(new_bench: Callable[..., Bench]) -> None:
    bench = applied(new_bench())
    text = bench.stored(bench.policy)["policy"]
    mark = f"# {OWNER_ANNOTATION}: {bench.target.release.owner_id}\n"
    assert mark in text
    # Of another repository: never, whatever is accepted.
    other = mark.replace(bench.target.release.owner_id, "git.example.com/hers/airflow#airflow")
    bench.vault.request("POST", bench.policy, {"policy": text.replace(mark, other)})
    before = dump(bench)
    again = bench.run()
    assert again["vault.policy"].state == "blocked"
    assert "belongs to installation airflow of git.example.com/hers" in again["vault.policy"].detail
    agreed = dict.fromkeys((ROLE, POLICY, AUTH), "0" * 12)
    found = removed(replace(bench.target, agreed=agreed))
    assert found[ROLE].state == found[POLICY].state == "blocked", found
    assert "--take-over" not in f"{found[ROLE].fix.text}{found[POLICY].fix.text}"
    # The empty mount was ours and went.
    after = dump(bench)
    assert (after["roles"], after["policies"]) == (before["roles"], before["policies"])
    # Of an earlier version, which wrote no source: after a yes to exactly this.
    bench.vault.request("POST", bench.policy, {"policy": text.replace(mark, "")})
    assert {one.state for one in bench.run().values()} <= {"changed", "holds"}
    bench.vault.request("POST", bench.policy, {"policy": text.replace(mark, "")})
    found = removed(bench.target)
    assert [found[one].state for one in (ROLE, POLICY)] == ["blocked", "blocked"]
    agreed = {ROLE: seal(found[ROLE])}
    found = removed(replace(bench.target, agreed=agreed))
    assert [found[one].state for one in (ROLE, POLICY)] == ["changed", "blocked"], found
    agreed = {POLICY: seal(found[POLICY])}
    found = removed(replace(bench.target, agreed=agreed))
    assert found[POLICY].state == "changed"
    assert bench.stored(bench.policy) == 404


def test_a_mount_that_others_name_or_made_stays(new_bench: Callable[..., Bench]) -> None:
    bench = applied(new_bench())
    mount = bench.store.mount
    bench.vault.policy(f"hers-{mount}", {f"{mount}/data/hers": ["read"]})
    done = removed(bench.target)[MOUNT]
    assert (done.state, f"policy hers-{mount}" in done.detail) == ("kept", True), done
    bench.vault.request("DELETE", f"sys/policies/acl/hers-{mount}")
    entry = bench.vault.request("GET", "sys/mounts")["data"][f"{mount}/"]
    assert OWNER_ANNOTATION in entry["description"]
    tune = f"sys/mounts/{mount}/tune"
    hers = entry["description"].replace(bench.target.release.owner_id, "hers/airflow#airflow")
    bench.vault.request("POST", tune, {"description": hers})
    assert removed(bench.target)[MOUNT].state == "kept"
    # An earlier version named the installation only.
    named = entry["description"].partition(";")[0]
    bench.vault.request("POST", tune, {"description": named})
    done = removed(bench.target)[MOUNT]
    assert done.state == "blocked", done
    found = removed(replace(bench.target, agreed={MOUNT: seal(done)}))
    assert found[MOUNT].state == "changed"


def test_a_mount_of_another_type_is_not_empty(new_bench: Callable[..., Bench]) -> None:
    """Made again with our description: what it holds is in other places than ours would have it."""
    bench = applied(new_bench())
    vault, mount, auth = bench.vault, bench.store.mount, bench.store.auth_mount
    for path, kind in ((f"sys/mounts/{mount}", {"type": "kv", "options": {"version": "1"}}),
                       (f"sys/auth/{auth}", {"type": "userpass"})):  # fmt: skip
        listing, _, name = path.rpartition("/")
        entry = vault.request("GET", listing)["data"][f"{name}/"]
        vault.request("DELETE", path)
        vault.request("POST", path, {"description": entry["description"], **kind})
    vault.request("POST", f"{mount}/hers", {"password": "x" * 12})
    vault.request("POST", f"auth/{auth}/users/hers", {"password": "x" * 12})
    found = removed(bench.target)
    assert (found[MOUNT].state, found[AUTH].state) == ("kept", "kept"), found
    assert bench.stored(f"{mount}/hers") != 404
    assert bench.stored(f"auth/{auth}/users/hers") != 404


def test_a_payload_says_whose_it_is(new_bench: Callable[..., Bench]) -> None:
    bench = applied(new_bench())
    session = VaultLogin(bench.target)
    source = bench.target.release.owner_id
    store = OpenVault(session.vault, source).payload_store(bench.store)
    assert store.write({"fernetKey": "x"}, 0) == 1
    where = f"{bench.store.mount}/metadata/{bench.store.path}"
    assert bench.stored(where)["custom_metadata"] == {OWNER_ANNOTATION: source}
    for hers, state in (("git.example.com/hers/airflow#airflow", False), ("", True)):
        body = {"custom_metadata": {OWNER_ANNOTATION: hers} if hers else {}}
        bench.vault.request("POST", where, body)
        done = removed(bench.target, ["payload"])[PAYLOAD]
        assert (done.state, "--take-over" in done.fix.text) == ("blocked", state), done
        assert isinstance(bench.stored(where), dict)
        if hers:
            again_in = VaultLogin(bench.target)
            again = OpenVault(again_in.vault, source).payload_store(bench.store)
            with pytest.raises(RefusedError, match="belongs to installation airflow"):
                again.write({"fernetKey": "x", "jwtSecret": "y"}, 1)
    # Another repository's policy reads it.
    bench.vault.request("POST", where, {"custom_metadata": {OWNER_ANNOTATION: source}})
    reader = f"reader-{bench.store.mount}"
    bench.vault.policy(reader, {bench.store.data_path: ["read"]})
    done = removed(bench.target, ["payload"])[PAYLOAD]
    assert (done.state, f"policy {reader}" in done.detail) == ("kept", True), done
    bench.vault.request("DELETE", f"sys/policies/acl/{reader}")
    assert removed(bench.target, ["payload"])[PAYLOAD].state == "changed"
    assert bench.stored(where) == 404


def test_a_payload_goes_only_if_every_version_is_ours(new_bench: Callable[..., Bench]) -> None:
    """`kv metadata delete` takes the older versions too, where a careless write left others'."""
    bench = applied(new_bench())
    mount, path = bench.store.mount, bench.store.path
    where = filled(bench)

    def put(**data: str) -> None:
        bench.vault.request("POST", bench.store.data_path, {"data": data})

    put(fernetKey="x", hers="y")
    put(fernetKey="x")
    done = removed(bench.target, ["payload"])[PAYLOAD]
    assert (done.state, "hers (version 2)" in done.detail) == ("blocked", True), done
    assert f"vault kv destroy -mount={mount} -versions=2 {path}" in done.fix.text
    # Deleted, an undelete would still bring it back; destroyed, nothing would.
    version = {"versions": [2]}
    bench.vault.request("POST", f"{mount}/delete/{path}", version)
    done = removed(bench.target, ["payload"])[PAYLOAD]
    assert (done.state, "version 2 of payload" in done.detail) == ("blocked", True), done
    assert f"vault kv undelete -mount={mount} -versions=2 {path}" in done.fix.text
    assert isinstance(bench.stored(where), dict)
    bench.vault.request("POST", f"{mount}/destroy/{path}", version)
    assert removed(bench.target, ["payload"])[PAYLOAD].state == "changed"
    assert bench.stored(where) == 404


def test_values_of_another_under_our_names_are_asked_about(
    new_bench: Callable[..., Bench],
) -> None:
    """A careless write leaves the metadata, so only the recorded deploy key tells them apart."""
    bench = applied(new_bench())
    where = filled(bench)
    own, hers = (generate_key_pair("ed25519", "a test") for _ in range(2))
    key = git_key(bench.target.answers)
    answer = key.answer.model_copy(update={"public": own.public})
    target = replace(bench.target, answers=with_git_key(bench.target.answers, key, answer))

    def deleted(value: str, agreed: str = "") -> StepEvent:
        body = {"data": {"fernetKey": "x", "gitSshKey": value}}
        if not agreed:
            bench.vault.request("POST", bench.store.data_path, body)
        one = replace(target, agreed={PAYLOAD: agreed})
        return removed(one, ["payload"], ("fernetKey", "gitSshKey"))[PAYLOAD]

    done = deleted(hers.private.get_secret_value())
    assert (done.state, "another key than dags.key records" in done.detail) == ("blocked", True)
    assert hers.private.get_secret_value() not in f"{done}"
    yes = seal(done)
    assert deleted("no key at all").state == "blocked"
    assert deleted("", yes).state == "blocked", "a yes to version 2 is none to version 3"
    assert isinstance(bench.stored(where), dict)
    assert deleted(own.private.get_secret_value()).state == "changed"
    assert bench.stored(where) == 404


def test_tokens_count_where_they_can_be_seen(
    new_bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = applied(new_bench())
    store, vault = bench.store, bench.vault
    kube = bench.target.kube
    assert kube is not None
    # One that a login with our role made ends with the role.
    jwt = kube.token(store.service_account, store.account_namespace, store.audience)
    login = {"role": store.role, "jwt": jwt.get_secret_value()}
    vault.request("POST", f"auth/{store.auth_mount}/login", login)
    would = removed(bench.target, dry_run=True)[POLICY]
    assert (would.state, "or listed token uses it" in would.detail) == ("would change", True), would
    hers = vault.new_token(store.policy)
    done = removed(bench.target)[POLICY]
    assert (done.state, "is used by token token (accessor " in done.detail) == ("kept", True), done
    ask = VaultHttp.ask
    for answer, state, says in (
        # Of a proxy: it does not say that the token has ended.
        (VaultResponse(404, {"errors": ["no Route matched"]}), "failed", "has nothing at POST"),
        (VaultResponse(400, {"errors": ["missing accessor"]}), "failed", "does not accept POST"),
        # The right is lost between the list and the look.
        (VaultResponse(403, {"errors": ["permission denied"]}), "would change", "unknown: tokens"),
    ):

        def answered(
            self: VaultHttp, method: str, path: str, *args: Any, **options: Any
        ) -> VaultResponse:
            found = ask(self, method, path, *args, **options)
            return answer if path == "auth/token/lookup-accessor" else found  # noqa: B023

        monkeypatch.setattr(VaultHttp, "ask", answered)
        would = removed(bench.target, dry_run=True)[POLICY]
        assert (would.state, says in would.detail) == (state, True), would
        monkeypatch.setattr(VaultHttp, "ask", ask)
    # Who may not list accessors is told that tokens are unknown.
    bench.log_in(bench.token({
        "sys/*": ["create", "read", "update", "delete", "list", "sudo"],
        "auth/token/accessors": ["deny"], "auth/*": ["read", "list", "delete", "sudo"],
        "identity/*": ["read", "list"],
    }))  # fmt: skip
    would = removed(bench.target, dry_run=True)[POLICY]
    assert would.state == "would change", would
    assert "unknown: tokens that were created without a role" in would.detail, would
    assert "nothing else" not in would.detail

    def ending(self: VaultHttp, method: str, path: str, *args: Any, **options: Any) -> Any:
        found = ask(self, method, path, *args, **options)
        if path == "auth/token/accessors?list=true":
            vault.request("POST", "auth/token/revoke", {"token": hers})
        return found

    monkeypatch.setattr(VaultHttp, "ask", ending)
    assert removed(root(bench).target, dry_run=True)[POLICY].state == "would change"
    monkeypatch.setattr(VaultHttp, "ask", ask)
    assert removed(root(bench).target)[POLICY].state == "changed"


def test_a_policy_of_the_login_counts_where_others_have_it(
    new_bench: Callable[..., Bench],
) -> None:
    bench = applied(new_bench())
    where, vault, mount = filled(bench), bench.vault, bench.store.mount
    operator, users = f"operator-{mount}", f"users-{mount}"
    every = ["create", "read", "update", "delete", "list", "sudo"]
    vault.policy(operator, dict.fromkeys(("sys/*", "auth/*", "identity/*", f"{mount}/*"), every))
    vault.request("POST", f"sys/auth/{users}", {"type": "userpass"})
    body = {"password": "x" * 12, "token_policies": [operator]}
    vault.request("POST", f"auth/{users}/users/me", body)
    login = {"password": body["password"]}
    made = vault.request("POST", f"auth/{users}/login/me", login)["auth"]["client_token"]
    bench.log_in(made)
    try:
        assert removed(bench.target, ["payload"], dry_run=True)[PAYLOAD].state == "would change"
        vault.request("POST", f"auth/{users}/users/hers", body)
        done = removed(bench.target, ["payload"])[PAYLOAD]
        assert done.state == "blocked", done
        assert f"policy {operator} ({mount}/*; also auth/{users}/users/hers)" in done.detail, done
        agreed = {PAYLOAD: seal(done)}
        found = removed(replace(bench.target, agreed=agreed), ["payload"])
        assert (found[PAYLOAD].state, bench.stored(where)) == ("changed", 404), found
    finally:
        vault.request("DELETE", f"sys/auth/{users}")
        vault.request("DELETE", f"sys/policies/acl/{operator}")


def test_a_login_with_a_limit_removes_nothing(new_bench: Callable[..., Bench]) -> None:
    """How much is to be read depends on the roles of others, so no number would do."""
    bench = applied(new_bench())
    before = dump(bench)
    known = {VAULT_CLUSTER_ID: VaultLogin(bench.target).read_identity()}
    bench.log_in(bench.vault.new_token("root", num_uses=5000))
    target = replace(bench.target, known_identities=known)
    session = VaultLogin(target)
    proof = build_identity_proof(target, session)
    found = told([*proof, *build_vault_removal(target, session)])
    done = found[proof[0].id]
    assert (done.state, "token_num_uses" in done.detail) == ("failed", True), done
    assert "without a limit" in done.fix.text
    assert {event.state for name, event in found.items() if name != done.id} == {"left"}
    assert dump(bench) == before


def a_url() -> str:
    """A repository of this test only: mounts that other tests left name another one."""
    return f"ssh://git@git.example.com/team-{uuid4().hex[:8]}/airflow.git"


def moved(bench: Bench, place: str) -> None:
    """Move a mount, as Vault does in the background."""
    made = bench.vault.request("POST", "sys/remount", {"from": place, "to": f"{place}-moved"})[
        "migration_id"
    ]
    end = time.monotonic() + 20
    while bench.stored(f"sys/remount/status/{made}")["migration_info"]["status"] != "success":
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_list_that_vault_does_not_give_is_not_empty(
    new_bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy on its way answers for it, or the mount is not served at this moment."""
    bench = applied(new_bench())
    hers = f"{bench.store.mount}/data/team-b/key"
    bench.vault.request("POST", hers, {"data": {"key": "hers"}})
    before, ask = dump(bench), VaultHttp.ask
    unrouted = {"errors": ["no handler for route 'x'. route entry not found."]}
    for answer in (
        VaultResponse(200),
        VaultResponse(200, {"data": {}}),
        VaultResponse(404, unrouted),
    ):

        def answered(
            self: VaultHttp, method: str, path: str, *args: Any, **options: Any
        ) -> VaultResponse:
            found = ask(self, method, path, *args, **options)
            return answer if path.endswith("?list=true") else found  # noqa: B023

        monkeypatch.setattr(VaultHttp, "ask", answered)
        found = removed(bench.target)
        assert {found[one].state for one in (AUTH, POLICY, MOUNT)} <= {"failed", "left"}, found
        monkeypatch.setattr(VaultHttp, "ask", ask)
        after = dump(bench)
        assert (after["mounts"], after["policies"]) == (before["mounts"], before["policies"])
        assert bench.stored(hers)["data"] == {"key": "hers"}


def test_an_absence_that_vault_contradicts_is_none(
    new_bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy may answer as Vault does where nothing is, for some paths or for one."""
    bench = applied(new_bench())
    filled(bench)
    before, ask = dump(bench), VaultHttp.ask
    absent = VaultResponse(404, {"errors": []})
    hidden: Collection[str] = ()

    def answered(
        self: VaultHttp, method: str, path: str, *args: Any, **options: Any
    ) -> VaultResponse:
        found = ask(self, method, path, *args, **options)
        forged = method == "GET" and path.startswith(tuple(hidden)) and "?" not in path
        return absent if forged else found

    monkeypatch.setattr(VaultHttp, "ask", answered)
    for step, hidden in (  # noqa: B007 - the function above reads it
        (ROLE, [f"auth/{bench.store.auth_mount}/role/"]),
        (POLICY, ["sys/policies/acl/"]),
        (PAYLOAD, [f"{bench.store.mount}/"]),
    ):
        session = VaultLogin(bench.target)
        every = (
            *build_vault_removal(bench.target, session),
            *build_payload_steps(bench.target, session, ["payload"], {"": frozenset()}),
        )
        (one,) = (replace(one, needs=()) for one in every if one.id == step)
        done = told([one])[step]
        assert (done.state, "contradicts" in done.detail) == ("failed", True), done
    monkeypatch.setattr(VaultHttp, "ask", ask)
    assert dump(bench) == before


def test_what_was_moved_is_not_gone(new_bench: Callable[..., Bench]) -> None:
    """`vault secrets move` and `vault auth move`: everything in the mounts is still there."""
    bench = applied(new_bench({"delivery.argocd.repo_url": a_url()}))
    session = VaultLogin(bench.target)
    store = session.store
    payload = f"{store.mount}/data/{store.path}"
    bench.vault.request("POST", payload, {"data": {"fernetKey": "x"}})
    moved(bench, store.mount)
    moved(bench, f"auth/{store.auth_mount}")
    before = dump(bench)
    pieces: tuple[DataKind, ...] = ("payload",)
    found = removed(bench.target, pieces)
    assert (found[PAYLOAD].state, f"{store.mount}-moved" in found[PAYLOAD].detail) == (
        "blocked",
        True,
    ), found
    assert f"vault secrets move {store.mount}-moved {store.mount}" in found[PAYLOAD].fix.text
    assert {found[one].state for one in (ROLE, POLICY, AUTH)} == {"kept"}, found
    assert f"at auth/{store.auth_mount}-moved gives policy" in found[ROLE].detail
    assert removed(bench.target)[MOUNT].state == "kept"
    assert dump(bench) == before
    assert bench.stored(payload.replace("/data/", "-moved/data/"))["data"] == {"fernetKey": "x"}


def test_a_payload_is_not_gone_where_another_mount_has_its_path(
    new_bench: Callable[..., Bench],
) -> None:
    """Ours was moved, and somebody made a mount of version 1, then 2, at its former path."""
    bench = applied(new_bench({"delivery.argocd.repo_url": a_url()}))
    filled(bench)
    mount, path = bench.store.mount, bench.store.path
    moved(bench, mount)
    hers = {"hers": "x", "custom_metadata": {OWNER_ANNOTATION: bench.target.release.owner_id}}
    every = ["create", "read", "update", "delete", "list"]
    rights = {"sys/*": every, "auth/*": every, f"{mount}/*": every, "identity/*": ["read", "list"]}
    try:
        for version, says in (("1", "a different engine or version"), ("2", f"{mount}-moved")):
            made = {"type": "kv", "options": {"version": version}}
            bench.vault.request("POST", f"sys/mounts/{mount}", made)
            if version == "1":
                bench.vault.request("POST", f"{mount}/metadata/{path}", hers)
            done = removed(bench.target, ["payload"])[PAYLOAD]
            assert (done.state, says in done.detail) == ("blocked", True), done
            if version == "1":
                assert bench.stored(f"{mount}/metadata/{path}") == hers
            else:
                # Policies name paths: they do not move with the mount.
                bench.log_in(bench.token(rights))
                done = removed(bench.target, ["payload"])[PAYLOAD]
                assert done.state == "blocked", done
                assert f"{mount}-moved may hold {path}" in done.detail, done
                assert "a token that may read it" in done.fix.text, done
            assert isinstance(bench.stored(f"{mount}-moved/metadata/{path}"), dict)
            bench.vault.request("DELETE", f"sys/mounts/{mount}")
        # Nothing is at the path, and this login cannot see what was moved where.
        bench.log_in(bench.token({**rights, "sys/mounts": ["deny"]}))
        done = removed(bench.target, ["payload"])[PAYLOAD]
        assert (done.state, "cannot read sys/mounts" in done.detail) == ("unknown", True), done
    finally:
        bench.vault.request("DELETE", f"sys/mounts/{mount}-moved")


def test_where_a_moved_mount_is_may_be_unclear(new_bench: Callable[..., Bench]) -> None:
    """Vault keeps no former path: of several mounts, the one that holds the payload is named."""
    bench = applied(new_bench({"delivery.argocd.repo_url": a_url()}))
    session = VaultLogin(bench.target)
    store, vault = session.store, bench.vault
    body = {"data": {"fernetKey": "x"}}
    vault.request("POST", f"{store.mount}/data/{store.path}", body)
    own = bench.stored("sys/mounts")[f"{store.mount}/"]
    # It sorts before the moved one.
    old, now = f"a-{store.mount}", f"{store.mount}-moved"
    made = {key: own[key] for key in ("type", "description", "options")}
    vault.request("POST", f"sys/mounts/{old}", made)
    try:
        moved(bench, store.mount)
        done = removed(bench.target, ["payload"])[PAYLOAD]
        assert (done.state, f"mount {now}, which holds" in done.detail) == ("blocked", True), done
        assert f"vault secrets move {now} {store.mount}" in done.fix.text
        # With the payload in both, or in none, each is named and no command picks one.
        end = time.monotonic() + 20
        while bench.stored(f"{old}/config") == 400:
            assert time.monotonic() < end
            time.sleep(0.1)
        vault.request("POST", f"{old}/data/{store.path}", body)
        both = removed(bench.target, ["payload"])
        for mount in (old, now):
            vault.request("DELETE", f"{mount}/metadata/{store.path}")
        none = removed(bench.target, ["payload"])
        for found, verb in ((both, "holds"), (none, "may hold")):
            done = found[PAYLOAD]
            assert done.state == "blocked", done
            assert f"mounts {old}, {now}, each of which {verb} {store.path}" in done.detail, done
            assert f"vault secrets move MOUNT {store.mount}" in done.fix.text
            assert "if one of them was moved" in done.fix.text
        done = removed(bench.target)[MOUNT]
        assert (done.state, f"mounts {old}, {now}" in done.detail) == ("kept", True), done
    finally:
        vault.request("DELETE", f"sys/mounts/{old}")
