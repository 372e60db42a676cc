"""Before copies or payload go, it is shown whose keys are where, and for how long."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from tests.integration.vault.test_removal import applied, filled, root
from tests.integration.vault.test_steps import Bench, controller, new_bench
from tests.support.cluster.argocd import told
from tests.support.cluster.controllers.operators import MERGE, PLURAL, Operators
from tests.testbed.kube import Kube
from wizard.clients.kube.client import KubeClient
from wizard.destroy.steps import _collect_own_keys
from wizard.engine.steps import StepEvent
from wizard.errors import RefusedError
from wizard.manifests.ownership import OWNER_ANNOTATION
from wizard.secrets.payload import collect_facts
from wizard.stores.vault.live.location import OpenVault
from wizard.systems.argocd import store_credential
from wizard.systems.argocd.removal import build_argocd_removal
from wizard.systems.payload_store import WriteConflictError
from wizard.systems.release import delivered_objects
from wizard.systems.vault.paths import list_payload_settings
from wizard.systems.vault.payload_removal import build_payload_steps
from wizard.systems.vault.session import VaultLogin

__all__ = ["controller", "new_bench"]

pytestmark = pytest.mark.integration


def delivered(bench: Bench) -> Operators:
    """Its ExternalSecrets are in the cluster, and Ready."""
    operators = Operators(bench.kube, bench.made.release.namespace, "argocd")
    for text in bench.target.files_under("secrets/").values():
        one = yaml.safe_load(text)
        if one["kind"] == "ExternalSecret":
            bench.kube.apply(text)
            operators.ready("ExternalSecret", one["metadata"]["name"])
            operators.seen(one["metadata"]["name"])
    return operators


def refreshed(bench: Bench, operators: Operators, minutes: float) -> None:
    """As External Secrets: when it last read the store."""
    when = datetime.now(UTC) - timedelta(minutes=minutes)
    path = PLURAL["ExternalSecret"].format(operators.namespace)
    for one in bench.kube.request("GET", path)["items"]:
        status = {"refreshTime": when.strftime("%Y-%m-%dT%H:%M:%SZ")}
        operators.status("ExternalSecret", one["metadata"]["name"], status)


def copies(bench: Bench) -> StepEvent:
    """What the check says."""
    session = VaultLogin(bench.target)
    step = delivered_objects.build_copies_check(bench.target, session)
    return told([step])[step.id]


@pytest.fixture
def bench(new_bench: Callable[..., Bench], kube_with_crds: Kube) -> Bench:
    """An installation whose payload is one document."""
    name = f"copies-{uuid.uuid4().hex[:6]}"
    made = new_bench({"secrets.payload": "document", "installation.namespace": name})
    kube_with_crds.apply(yaml.safe_dump({"apiVersion": "v1", "kind": "Namespace",
                                         "metadata": {"name": name}}))  # fmt: skip
    files = {one.logical: one.data for one in made.made.tree.values() if one.logical}
    made.target = replace(made.target, files=files)
    return applied(made)


def write(bench: Bench, document: dict[str, Any], **more: str) -> None:
    body = {"data": {"config": yaml.safe_dump(document), **more}}
    bench.vault.request("POST", bench.store.data_path, body)


def nested(places: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for place in places:
        *parents, last = place.split(".")
        below = found
        for part in parents:
            below = below.setdefault(part, {})
        below[last] = "x"
    return found


def test_every_key_of_a_document_counts(bench: Bench) -> None:
    delivered(bench)
    places = [fact.place for fact in collect_facts(bench.made.total.secrets)]
    write(bench, nested(places))
    assert copies(bench).state == "holds"
    write(bench, nested([one for one in places if one != "fernetKey"]))
    done = copies(bench)
    assert (done.state, "does not hold config.fernetKey" in done.detail) == ("blocked", True), done

    # Whoever cleared a value left its key.
    for nothing in ("", "  ", None):
        write(bench, {**nested(places), "fernetKey": nothing})
        done = copies(bench)
        assert (done.state, "config.fernetKey" in done.detail) == ("blocked", True), done
    bench.vault.request("DELETE", f"{bench.store.mount}/metadata/{bench.store.path}")
    write(bench, nested(places))
    write(bench, nested([one for one in places if one != "fernetKey"]))

    def payload() -> StepEvent:
        own = _collect_own_keys(SimpleProposal(bench))  # type: ignore[arg-type]
        session = VaultLogin(bench.target)
        (step,) = build_payload_steps(bench.target, session, ["payload"], own)
        return told([replace(step, needs=())])[step.id]

    where = f"{bench.store.mount}/metadata/{bench.store.path}"
    mark = {"custom_metadata": {OWNER_ANNOTATION: bench.target.release.owner_id}}
    bench.vault.request("POST", where, mark)
    for document, more, says in (
        ({**nested(places), "team": {"token": "x"}}, {}, "config.team.token"),
        (nested(places), {"hers": "x"}, "hers"),
    ):
        write(bench, document, **more)
        done = payload()
        assert (done.state, says in done.detail) == ("blocked", True), done
        assert isinstance(bench.stored(where), dict)
    bench.vault.request("POST", bench.store.data_path, {"data": {"config": "- not\n- keys: ["}})
    done = payload()
    assert (done.state, "owners are unknown" in done.detail) == ("blocked", True), done
    write(bench, nested(places))
    # Older versions go too, so whatever they hold counts.
    done = payload()
    assert (done.state, "version 5" in done.detail) == ("blocked", True), done
    older = where.replace("/metadata/", "/destroy/")
    bench.vault.request("POST", older, {"versions": [3, 4, 5]})
    assert payload().state == "changed"
    assert bench.stored(where) == 404


class SimpleProposal:
    """What `destroy` was given, as far as the payload's keys need it."""

    def __init__(self, bench: Bench) -> None:
        self.proposal = self
        self.answers, self.rendering = bench.target.answers, bench.made


def test_what_will_be_deleted_is_no_place_for_the_last_copy(bench: Bench) -> None:
    delivered(bench)
    places = [fact.place for fact in collect_facts(bench.made.total.secrets)]
    limit = {"delete_version_after": "24h"}
    bench.vault.request("POST", f"{bench.store.mount}/metadata/{bench.store.path}", limit)
    write(bench, nested(places))
    done = copies(bench)
    assert (done.state, "will be deleted at 20" in done.detail) == ("blocked", True), done
    bench.vault.request("DELETE", bench.store.data_path)
    done = copies(bench)
    assert (done.state, "version was deleted" in done.detail) == ("blocked", True), done


def test_an_old_state_does_not_show_what_the_store_has(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    operators = delivered(bench)
    bench.log_in(bench.token({"sys/mounts": ["read"]}))
    done = copies(bench)
    assert (done.state, "in the last 10 minutes" in done.detail) == ("blocked", True), done
    refreshed(bench, operators, minutes=30)
    done = copies(bench)
    assert done.state == "blocked"
    assert "annotate externalsecret" in done.fix.text
    assert "--overwrite force-sync=$(date +%s)" in done.fix.text
    refreshed(bench, operators, minutes=1)
    assert copies(bench).state == "holds"
    # The cluster's clock counts: that of a laptop may be slow after a sleep.
    with monkeypatch.context() as patch:
        clock = KubeClient.read_clock
        now = clock(bench.target.kube)  # type: ignore[arg-type]
        assert now is not None
        assert abs(now - datetime.now(UTC)) < timedelta(minutes=1)
        for other in (now + timedelta(hours=1), None):
            patch.setattr(KubeClient, "read_clock", lambda _, other=other: other)
            assert copies(bench).state == "blocked"
    # Synced, but not with what is wanted now.
    path = PLURAL["ExternalSecret"].format(operators.namespace)
    name = bench.kube.request("GET", path)["items"][0]["metadata"]["name"]
    bench.kube.request("PATCH", f"{path}/{name}", {"spec": {"refreshInterval": "2h"}}, MERGE)
    done = copies(bench)
    assert (done.state, "1 of " in done.detail) == ("blocked", True), done


def test_the_last_copy_of_argo_cds_credential_stays(
    new_bench: Callable[..., Bench], kube_with_crds: Kube
) -> None:
    argo = f"argocd-{uuid.uuid4().hex[:6]}"
    keys = {"delivery.argocd.credential": "store", "delivery.argocd.namespace": argo}
    bench = root(new_bench(keys))
    bench.vault.mount(bench.store.mount)
    about = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": argo}}
    kube_with_crds.apply(yaml.safe_dump(about))
    files = {one.logical: one.data for one in bench.made.tree.values() if one.logical}
    bench.target = replace(bench.target, files=files, argocd=bench.target.kube)
    for one in store_credential.credential_manifests(bench.target):
        assert bench.target.kube is not None
        bench.target.kube.apply(one.manifest())
    payload = next(
        one for one in list_payload_settings(bench.target.answers, bench.target.release)
        if one.reader
    )  # fmt: skip

    def removal() -> StepEvent:
        session = VaultLogin(bench.target)
        steps = build_argocd_removal(bench.target, exact=True, session=session)
        (step,) = [replace(one, needs=()) for one in steps if one.id == "remove.credential"]
        return told([step])[step.id]

    done = removal()
    assert (done.state, "last copy" in done.detail) == ("blocked", True), done
    token = bench.vault.token
    bench.log_in(bench.token({"sys/mounts": ["read"]}))
    done = removal()
    assert (done.state, "this login may not see" in done.detail) == ("blocked", True), done
    bench.log_in(token)
    (secret,) = bench.kube.request(
        "GET", f"/apis/external-secrets.io/v1/namespaces/{argo}/externalsecrets"
    )["items"]
    read = [one["remoteRef"]["property"] for one in secret["spec"]["data"]]
    assert read
    where = f"{payload.mount}/data/{payload.path}"
    bench.vault.request("POST", where, {"data": dict.fromkeys(read, "x")})
    assert removal().state == "changed"


def test_values_that_others_wrote_first_are_not_taken(new_bench: Callable[..., Bench]) -> None:
    bench = applied(new_bench())
    where = filled(bench)
    session = VaultLogin(bench.target)
    store = OpenVault(session.vault, bench.target.release.owner_id).payload_store(bench.store)
    with pytest.raises(WriteConflictError):
        store.write({"fernetKey": "y"}, 0)
    hers = {"custom_metadata": {OWNER_ANNOTATION: "git.example.com/hers/airflow#airflow"}}
    bench.vault.request("POST", where, hers)
    with pytest.raises(RefusedError, match="belongs to installation airflow"):
        store.write({"fernetKey": "y"}, 0)
