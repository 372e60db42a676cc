"""Checks of the programs that an installation needs: what they serve, and whether they run."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from wizard.clients.kube.errors import KubeError
from wizard.engine.probes import ProbeResult, fail_result, pass_result, warn_result
from wizard.errors import Fix
from wizard.formats.images import split_reference
from wizard.manifests.prerequisites import EXTERNAL_SECRETS

if TYPE_CHECKING:
    from wizard.clients.kube.protocol import Kube
    from wizard.manifests.prerequisites import Prerequisite

_INSTALL = "ask the platform team to install it: `airflow-wizard handover --owner platform`"
_DEFAULT_CLASS = "ingressclass.kubernetes.io/is-default-class"
_CLASS_QUESTION = "access.class"


def check_prerequisite(kube: Kube, one: Prerequisite) -> ProbeResult:
    """Return whether the cluster has the program, and whether its pods are ready."""
    if one.ingress_class is not None:
        return _check_ingress_class(kube, one.ingress_class)
    if not one.api:
        return check_pods(kube, one, None)
    missing = [kind for kind in one.kinds if kind not in kube.kinds(one.api)]
    if missing:
        return fail_result(
            f"{one.title} is not installed: {one.api} has no {' and no '.join(missing)}",
            one.note if not one.source else f"{_INSTALL} has prerequisites.sh",
        )
    return check_pods(kube, one, pass_result(f"serves {one.api}"))


def check_pods(kube: Kube, one: Prerequisite, served: ProbeResult | None) -> ProbeResult:
    """Return the result `served` with version and state of the program's pods.

    Without the right to list workloads, and for a program that cannot be found by its image, that
    is all there is to say. `served` is None if the program serves nothing.
    """
    if served is not None and served.status != "pass":
        return served
    try:
        found = list(_list_workloads(kube, one.image)) if one.image else []
    except KubeError as error:
        if error.kind != "forbidden":
            raise
        return served or pass_result("no permission to list the workloads of the cluster")
    if not found:
        return served or warn_result(f"{one.title} was not found by its image", _INSTALL)
    version = found[0][1] or "unknown version"
    start = f"{served.detail}; " if served else ""
    waiting = [f"{name} has {ready} of {wanted}" for name, _, ready, wanted in found
               if ready < wanted]  # fmt: skip
    if not waiting:
        return pass_result(f"{start}{version} is ready")
    judge = warn_result if len(waiting) < len(found) else fail_result
    return judge(f"{start}{version}: {'; '.join(waiting)} pods ready", "see its pods and events")


def _list_workloads(kube: Kube, image: str) -> Iterator[tuple[str, str, int, int]]:
    """Yield name, version, ready and wanted pods of each workload with this image."""
    for kind in ("Deployment", "StatefulSet"):
        for item in kube.find("apps/v1", kind):
            spec, about = item.get("spec") or {}, item["metadata"]
            for container in _containers(spec):
                repository, tail = split_reference(str(container.get("image", "")))
                if not f"/{repository}".endswith(f"/{image}"):
                    continue
                ready = int((item.get("status") or {}).get("readyReplicas") or 0)
                version = tail.partition("@")[0].removeprefix(":")
                name = f"{about['namespace']}/{about['name']}"
                yield name, version, ready, int(spec.get("replicas", 1))
                break


def _containers(spec: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = spec["template"]["spec"].get("containers") or []
    return found


def _check_ingress_class(kube: Kube, name: str) -> ProbeResult:
    classes = {
        one["metadata"]["name"]: (one["metadata"].get("annotations") or {}).get(_DEFAULT_CLASS)
        for one in kube.find("networking.k8s.io/v1", "IngressClass", metadata=True)
    }
    if name in classes:
        return pass_result(f"class {name} exists")
    if not name and "true" in classes.values():
        default = next(one for one, mark in classes.items() if mark == "true")
        return pass_result(f"class {default} is the default")
    listed = f"; there are {', '.join(sorted(classes))}" if classes else "; there is none"
    wanted = f"class {name} does not exist" if name else "no class is the default"
    return fail_result(
        f"{wanted}{listed}", Fix(f"set access.class, or {_INSTALL}", _CLASS_QUESTION)
    )


def list_checks(
    kube: Kube, needed: tuple[Prerequisite, ...]
) -> Iterator[tuple[Prerequisite, partial[ProbeResult]]]:
    """Yield each program that no store and no delivery checks itself, and its check."""
    for one in needed:
        if not one.hub and one.id != EXTERNAL_SECRETS.id:
            yield one, partial(check_prerequisite, kube, one)
