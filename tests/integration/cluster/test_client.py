"""The Kubernetes client on a real API server: operations, rights, conflicts, and faults."""

from __future__ import annotations

import base64
import json
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.support.canary import Canary
from tests.support.cluster.kubeconfigs import account, cluster, expired, rule, written
from tests.testbed.kube import Kube as Server
from wizard.clients.kube.connect import open_kube
from wizard.clients.kube.errors import (
    FieldsOwnedError,
    KubeConflictError,
    KubeError,
    UnservedVersionError,
)
from wizard.clients.kube.protocol import Kube, Ref, Right, data_keys
from wizard.errors import ExitCode
from wizard.systems.cluster.object_removal import read_object
from wizard.systems.cluster.store_users import list_objects

pytestmark = pytest.mark.integration


def config_map(name: str, namespace: str = "default", **data: str) -> dict[str, Any]:
    about = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": about, "data": data}


@pytest.fixture
def name() -> str:
    """A name of this test's own: the API server is shared."""
    return f"test-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def admin(kube: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kube:
    """The client of a cluster administrator."""
    path = written(tmp_path / "admin", cluster(kube), {"token": kube.token})
    monkeypatch.setenv("KUBECONFIG", str(path))
    return open_kube()


@pytest.fixture
def as_user(kube: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """as_user(token): the client of somebody else."""

    def client(token: str) -> Kube:
        path = written(tmp_path / "other", cluster(kube), {"token": token})
        monkeypatch.setenv("KUBECONFIG", str(path))
        return open_kube(patience=2)

    return client


def refused(call: Any) -> KubeError:
    with pytest.raises(KubeError) as caught:
        call()
    return caught.value


def test_identity_is_told_before_anything_is_sent(admin: Kube, kube: Server) -> None:
    assert admin.identity == f"context test: {kube.url} as ada (token)"
    found = admin.cluster()
    known = kube.request("GET", "/api/v1/namespaces/kube-system")
    assert (found.server, found.uid) == (kube.url, known["metadata"]["uid"])
    assert f"v{found.version}" == kube.request("GET", "/version")["gitVersion"]


def test_what_is_served(admin: Kube) -> None:
    assert admin.list_api_versions("apps") == ("v1",)
    assert admin.list_api_versions("no-such.example.com") == ()
    assert "Deployment" in admin.kinds("apps/v1")
    assert admin.kinds("no-such.example.com/v1") == frozenset()
    error = refused(lambda: admin.get(Ref("no-such.example.com/v1", "Thing", "a")))
    assert (error.kind, "Thing of no-such" in error.message) == ("missing", True)


def test_apply_is_repeatable_and_a_dry_run_stores_nothing(admin: Kube, name: str) -> None:
    wanted = config_map(name, colour="blue")
    ref = Ref.from_manifest(wanted)
    assert admin.apply(wanted, dry_run=True)["data"] == {"colour": "blue"}
    assert admin.get(ref) is None
    first = admin.apply(wanted)
    again = admin.apply(wanted)
    assert first["metadata"]["resourceVersion"] == again["metadata"]["resourceVersion"]
    assert first["metadata"]["managedFields"][0]["manager"] == "airflow-wizard"
    about = admin.get(ref, metadata=True)
    assert about is not None
    assert "data" not in about
    assert data_keys(about) == {"colour"}


def test_keys_of_a_secret_are_known_however_they_were_sent(admin: Kube, name: str) -> None:
    made = {**config_map(name), "kind": "Secret", "stringData": {"colour": "blue"}}
    del made["data"]
    admin.apply(made)
    about = admin.get(Ref.from_manifest(made), metadata=True)
    assert about is not None
    assert data_keys(about) == {"colour"}


def test_unknown_fields_are_refused(admin: Kube, name: str) -> None:
    error = refused(lambda: admin.apply({**config_map(name), "datta": {}}))
    assert (error.kind, "datta" in error.message) == ("invalid", True)


def test_fields_of_others_are_named_and_kept(admin: Kube, kube: Server, name: str) -> None:
    kube.apply(json.dumps(config_map(name, colour="red")))
    with pytest.raises(FieldsOwnedError) as caught:
        admin.apply(config_map(name, colour="blue"))
    assert caught.value.exit_code == ExitCode.CONFLICT
    assert [(one.manager, one.field) for one in caught.value.owned] == [("test", ".data.colour")]
    assert f"ConfigMap default/{name}" in caught.value.message
    kept = admin.get(Ref.from_manifest(config_map(name)))
    assert kept is not None
    assert kept["data"] == {"colour": "red"}
    assert admin.apply(config_map(name, colour="blue"), force=True)["data"] == {"colour": "blue"}


def test_create_and_replace_overwrite_nobody(admin: Kube, name: str) -> None:
    made = admin.create(config_map(name, lines="one"))
    with pytest.raises(KubeConflictError) as caught:
        admin.create(config_map(name, lines="other"))
    assert caught.value.reason == "AlreadyExists"
    made["data"]["lines"] = "one two"
    admin.replace(made)
    with pytest.raises(KubeConflictError) as caught:
        admin.replace(made)
    assert caught.value.reason == "Conflict"
    with pytest.raises(ValueError, match="resourceVersion"):
        admin.replace(config_map(name))


def test_delete_removes_only_what_was_meant(admin: Kube, name: str) -> None:
    made = admin.create(config_map(name))
    ref, uid = Ref.from_manifest(made), made["metadata"]["uid"]
    with pytest.raises(KubeConflictError):
        admin.delete(ref, uid=str(uuid.uuid4()))
    assert admin.delete(ref, uid=uid, dry_run=True)
    assert admin.get(ref) is not None
    assert admin.delete(ref, uid=uid)
    assert not admin.delete(ref, uid=uid)


def test_lists_take_as_many_pages_as_there_are(
    admin: Kube, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wizard.clients.kube.client._PAGE", 2)
    for number in range(5):
        made = config_map(f"{name}-{number}")
        made["metadata"]["labels"] = {"test": name}
        admin.apply(made)
    found = admin.find("v1", "ConfigMap", "default", labels=f"test={name}", metadata=True)
    assert len(found) == 5
    assert admin.find("v1", "ConfigMap", "default", labels="test=nobody") == []


def test_rights_are_those_of_the_login(admin: Kube, kube: Server, as_user: Any) -> None:
    right = Right("create", "applications", "argoproj.io", "argocd")
    assert admin.may(right)
    token_right = Right("create", "serviceaccounts", "", "airflow", "store", "token")
    assert str(token_right) == "create serviceaccounts/token store in airflow"
    _, token = account(kube, rule("create", "serviceaccounts/token", names="store"))
    client = as_user(token)
    assert client.may(token_right)
    assert not client.may(Right("create", "serviceaccounts", "", "airflow", "x", "token"))
    assert not client.may(right)


def test_tokens_are_for_one_audience(admin: Kube, kube: Server, name: str) -> None:
    account(kube, name=name)
    token = admin.token(name, "accounts", "vault")
    claims = token.get_secret_value().split(".")[1]
    assert json.loads(base64.urlsafe_b64decode(claims + "=="))["aud"] == ["vault"]
    assert token.get_secret_value() not in repr(token)
    assert refused(lambda: admin.token("nobody", "accounts", "vault")).kind == "missing"


def test_a_user_without_rights_is_told_what_is_missing(kube: Server, as_user: Any) -> None:
    user, token = account(kube)
    client = as_user(token)
    error = refused(lambda: client.get(Ref("v1", "ConfigMap", "any", "default")))
    assert (error.kind, user in error.message, token in str(error)) == ("forbidden", True, False)
    assert client.cluster().uid == ""


def test_an_expired_token_is_a_login_that_is_over(kube: Server, as_user: Any) -> None:
    _, token = account(kube)
    assert as_user(token).cluster().version
    over = expired(kube, token)
    error = refused(as_user(over).cluster)
    assert (error.kind, over in str(error)) == ("login", False)
    assert "log in again" in error.hint


def test_a_secret_is_never_quoted(admin: Kube, canary: Canary, name: str) -> None:
    """The API server's own message repeats what it could not read."""
    about = {"name": name, "namespace": "default"}
    wrong = {"apiVersion": "v1", "kind": "Secret", "metadata": about}
    for data in ({"data": {"key": canary.hostile()}}, {"stringData": {"key": [canary.secret()]}}):
        error = refused(lambda data=data: admin.apply({**wrong, **data}))
        canary.assert_absent(str(error), error.message, error.hint, repr(error))
        assert f"Secret default/{name}" in error.message


def changing(admin: Kube, name: str) -> threading.Thread:
    def change() -> None:
        time.sleep(0.3)
        made = admin.apply(config_map(name, state="first"))
        admin.apply(config_map(name, state="second"))
        admin.delete(Ref.from_manifest(made), uid=made["metadata"]["uid"])

    thread = threading.Thread(target=change, daemon=True)
    thread.start()
    return thread


def test_changes_are_followed_as_they_come(admin: Kube, name: str) -> None:
    thread = changing(admin, name)
    seen: list[str] = []
    for state in admin.follow(Ref.from_manifest(config_map(name)), 20):
        seen.append(state["data"]["state"] if state else "none")
        if len(seen) > 1 and seen[-1] == "none":
            break
    thread.join()
    assert seen == ["none", "first", "second", "none"]


def test_who_may_not_watch_looks_again_and_again(
    admin: Kube, kube: Server, as_user: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wizard.clients.kube.client._PAUSE", 0.05)
    _, token = account(kube, rule("get", "configmaps"))
    admin.apply(config_map(name, state="there"))
    client = as_user(token)
    started = time.monotonic()
    states = list(client.follow(Ref.from_manifest(config_map(name)), 0.5))
    assert 0.4 < time.monotonic() - started < 3
    assert len(states) > 2
    assert all(state and state["data"] == {"state": "there"} for state in states)


def test_following_ends_in_time_and_when_it_is_let_go(admin: Kube, name: str) -> None:
    started = time.monotonic()
    assert list(admin.follow(Ref.from_manifest(config_map(name)), 1)) == [None]
    assert time.monotonic() - started < 3
    follower = admin.follow(Ref.from_manifest(config_map(name)), 600)
    assert next(follower) is None
    # The watch would go on for ten minutes, longer than a test may take.
    follower.close()  # type: ignore[attr-defined]


def test_every_request_can_be_listed(
    kube: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = written(tmp_path / "config", cluster(kube), {"token": kube.token})
    monkeypatch.setenv("KUBECONFIG", str(path))
    lines: list[str] = []
    client = open_kube(told=lines.append)
    client.apply(config_map(name), dry_run=True)
    assert lines == [
        "GET /api/v1",
        f"PATCH /api/v1/namespaces/default/configmaps/{name}"
        "?fieldManager=airflow-wizard&fieldValidation=Strict&dryRun=All",
    ]


def test_what_is_served_in_another_version_only_is_not_missing(admin: Kube, kube: Server) -> None:
    """An operator that was changed serves what it has under another version: nothing is gone."""
    group, name = "versions.example", "things.versions.example"
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    versions = [
        {"name": one, "served": True, "storage": one == "v1", "schema": schema}
        for one in ("v1", "v2")
    ]
    names = {"kind": "Thing", "plural": "things", "singular": "thing"}
    made = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": name},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": versions},
    }
    kube.apply(json.dumps(made))
    ref = Ref(f"{group}/v1", "Thing", "one", "default")

    def wait_for(version: str, *, served: bool) -> None:
        end = time.monotonic() + 20
        while ("Thing" in admin.kinds(f"{group}/{version}")) is not served:
            assert time.monotonic() < end
            time.sleep(0.1)

    wait_for("v1", served=True)
    thing = {"apiVersion": ref.api_version, "kind": "Thing"}
    admin.apply({**thing, "metadata": {"name": "one", "namespace": "default"}})
    versions[0]["served"] = False
    kube.apply(json.dumps(made))
    wait_for("v1", served=False)
    fresh = open_kube(patience=2)
    for look in (lambda: read_object(fresh, ref), lambda: fresh.find(ref.api_version, "Thing")):
        with pytest.raises(UnservedVersionError) as caught:
            look()
        assert f"{group}/v2" in caught.value.message
    (found,) = list_objects(fresh, [(ref.api_version, "Thing")], ["default"])
    assert found[1]["metadata"]["name"] == "one"
