"""A database of CloudNativePG that `destroy` keeps needs its logins: they go only after a yes.

The API server is a stand-in with one Cluster and the Secrets named.
"""

from __future__ import annotations

import asyncio
import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.support.rendered import rendering
from wizard.systems.release.database_logins import LOGINS, build_logins_check
from wizard.systems.release.dependents import build_dependents_check

if TYPE_CHECKING:
    from wizard.clients.kube.protocol import Ref
    from wizard.engine.steps import StepStatus
    from wizard.systems.target import Target

BACKUP = {"database.cluster.backup.url": "s3://backups/airflow",
          "database.cluster.backup.auth": "keys"}  # fmt: skip
CLUSTER, OWNER, BACKUPS = "airflow-db", "airflow-database-owner", "airflow-database-backup"


class Kube:
    """The stand-in: objects of these names exist."""

    identity = "a stand-in"

    def __init__(self, *names: str) -> None:
        self.names = names

    def get(self, ref: Ref, *, metadata: bool = False) -> dict[str, Any] | None:
        assert metadata
        return {"metadata": {"name": ref.name, "uid": "u-1"}} if ref.name in self.names else None


def target(*names: str, kind: str = "cloudnativepg", **agreed: str) -> Target:
    changes: dict[str, object] = {"database.kind": kind}
    made = rendering("production", changes | BACKUP if kind == "cloudnativepg" else {})
    texts = {file.logical: file.text for file in made.tree.values()}
    found = SimpleNamespace(
        release=made.release,
        kube=Kube(*names),
        agreed=agreed,
        files_under=lambda prefix: {
            name: text for name, text in texts.items() if name.startswith(prefix)
        },
    )
    return cast("Target", found)


def look(found: Target, *pieces: Any) -> StepStatus:
    (step,) = build_logins_check(found, pieces)

    async def check() -> StepStatus:
        return await step.check()

    return asyncio.run(check())


def test_the_logins_of_a_kept_database_need_a_yes() -> None:
    names = (CLUSTER, OWNER, BACKUPS)
    asked = look(target(*names))
    assert asked.state == "blocked"
    assert f"reads Secret {OWNER} and {BACKUPS}, which would be deleted" in asked.detail
    assert "its backups end, and its log fills its volumes" in asked.detail
    assert "--data volumes" in asked.fix.text
    seal = re.search(rf"--take-over {LOGINS}@([0-9a-f]{{12}})", asked.fix.text)
    assert seal
    assert look(target(*names, **{LOGINS: seal[1]})).state == "holds"
    # A yes to less is not a yes to all.
    assert look(target(CLUSTER, OWNER, **{LOGINS: seal[1]})).state == "blocked"
    assert look(target(*names), "payload").state == "blocked"


@pytest.mark.parametrize("names", [(OWNER, BACKUPS), (CLUSTER,), ()])
def test_nothing_is_asked_without_database_or_logins(names: tuple[str, ...]) -> None:
    assert look(target(*names)).state == "holds"


def test_other_removals_have_no_such_step() -> None:
    assert build_logins_check(target(CLUSTER, OWNER), ["volumes"]) == ()
    assert build_logins_check(target(CLUSTER, OWNER, kind="external"), ["payload"]) == ()


class OwningKube(Kube):
    """The stand-in: the Cluster owns a claim, and a copy of one."""

    def get(self, ref: Ref, *, metadata: bool = False) -> dict[str, Any] | None:
        del metadata
        if super().get(ref, metadata=True) is None:
            return None
        about = {"name": ref.name, "uid": f"of {ref.kind}"}
        return {"apiVersion": ref.api_version, "kind": ref.kind, "metadata": about}

    def find(self, _api: str, kind: str, _space: str, **_more: Any) -> list[dict[str, Any]]:
        owners = [{"kind": "Cluster", "name": CLUSTER, "uid": "of Cluster"}]
        names = (f"{CLUSTER}-1", f"{CLUSTER}-copy") if kind == "PersistentVolumeClaim" else ()
        return [{"metadata": {"name": name, "ownerReferences": owners}} for name in names]


@pytest.mark.parametrize("pieces", [(), ("payload",), ("volumes",)])
def test_what_a_database_owns_is_asked_about_only_if_it_goes(pieces: tuple[str, ...]) -> None:
    found = target()
    cast("Any", found).kube = OwningKube(CLUSTER)
    step = build_dependents_check(found, cast("Any", pieces))

    async def check() -> StepStatus:
        return await step.check()

    looked = asyncio.run(check())
    if "volumes" not in pieces:
        assert looked.state == "holds", looked
        return
    assert looked.state == "blocked"
    assert f"{CLUSTER}-copy would be deleted" in looked.detail
    assert f"{CLUSTER}-1 " not in looked.detail
