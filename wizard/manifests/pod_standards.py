"""Judges what `values:` adds to the pods by the Pod Security Standard `restricted`.

Source: Kubernetes 1.34, Pod Security Standards. The contexts that the questions give meet it, so
only containers, volumes and contexts of others are judged. A context replaces the chart's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from wizard.chart.pod_template import TEMPLATE
from wizard.errors import AnswersError, Problem
from wizard.formats.nested import format_path, walk

_CONTAINER_LISTS = ("extraContainers", "extraInitContainers")
_VOLUME_LISTS = ("volumes", "extraVolumes")
_VOLUMES = frozenset(
    {
        "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim",
        "projected", "secret",
    }
)  # fmt: skip
_KEY, _TEMPLATE = "environment.pod_security", "executor.task_pods.template"
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?").fullmatch


def require_restricted(values: Mapping[str, Any], *, own_template: bool) -> None:
    """Raise AnswersError for what the values add and the standard `restricted` refuses.

    `own_template`: the values have the pod template that executor.task_pods.template names.
    """
    found = dict.fromkeys(_find_violations(values))
    if found:
        problems = [
            Problem(
                _TEMPLATE if own_template and where == TEMPLATE else f"values.{where}",
                f"{what}: {fix}, or choose another {_KEY}",
            )
            for where, what, fix in found
        ]
        raise AnswersError("pods would not meet the standard restricted", problems)


def _find_violations(values: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for path, node in walk(values):
        where, last = format_path(path), path[-1] if path else ""
        if last in _CONTAINER_LISTS and isinstance(node, list):
            for container in node:
                yield from _judge_container(where, container)
        elif last in _VOLUME_LISTS and isinstance(node, list):
            yield from _judge_volumes(where, node)
        elif path[-2:] == ("securityContexts", "pod") and isinstance(node, Mapping) and node:
            yield from _judge_pod(where, f"the pod of {_owner(path)}", node)
        elif last in ("container", "containers") and path[-2:-1] == ("securityContexts",):
            if isinstance(node, Mapping) and node:
                yield from _judge_context(where, f"container of {_owner(path)}", node)
        elif last == "securityContext" and isinstance(node, Mapping) and node:
            # An old key, which replaces the contexts of pod and containers.
            if "extra" not in where:
                yield where, f"the pod of {_owner(path)}", "use securityContexts"
        elif last == TEMPLATE and isinstance(node, str) and node.strip():
            yield from _judge_template(where, node)


def _owner(path: tuple[str | int, ...]) -> str:
    parts = [str(one) for one in path if "securityContext" not in str(one)]
    names = [one for one in parts if one not in ("pod", "container", "containers")]
    return ".".join(names) or "all components"


def _name(what: str, node: Mapping[str, Any]) -> str:
    """Return what is judged by its name, if the name is one that Kubernetes takes."""
    name = str(node.get("name"))
    return f"{what} {name}" if _LABEL(name) else f"a {what}"


def _judge_template(where: str, text: str) -> Iterator[tuple[str, str, str]]:
    # Loaded only where there is a template: every command imports this module.
    from wizard.formats.yaml_untrusted import parse_yaml_text

    pod = parse_yaml_text(text)
    spec = pod.get("spec") if isinstance(pod, Mapping) else None
    if not isinstance(spec, Mapping):
        yield where, "the pod of tasks cannot be read", "write it without templates"
        return
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(name):
            yield where, "the pod of tasks", f"remove {name}"
    context = spec.get("securityContext")
    own = context if isinstance(context, Mapping) else {}
    yield from _judge_pod(where, "the pod of tasks", own)
    for key in ("initContainers", "containers"):
        for container in spec.get(key) or []:
            yield from _judge_container(where, container)
    yield from _judge_volumes(where, spec.get("volumes") or [])


def _judge_pod(where: str, who: str, context: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    if context.get("runAsNonRoot") is not True:
        yield where, who, "set runAsNonRoot: true"
    if context.get("runAsUser") == 0:
        yield where, who, "set a runAsUser other than 0"
    profile = context.get("seccompProfile")
    kind = profile.get("type") if isinstance(profile, Mapping) else None
    if kind not in ("RuntimeDefault", "Localhost"):
        yield where, who, "set seccompProfile.type: RuntimeDefault"


def _judge_container(where: str, container: object) -> Iterator[tuple[str, str, str]]:
    if not isinstance(container, Mapping):
        return
    who = _name("container", container)
    context = container.get("securityContext")
    yield from _judge_context(where, who, context if isinstance(context, Mapping) else {})
    for port in container.get("ports") or []:
        if isinstance(port, Mapping) and port.get("hostPort"):
            yield where, who, "remove hostPort"


def _judge_context(
    where: str, who: str, context: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    if context.get("privileged"):
        yield where, who, "remove privileged"
    if context.get("allowPrivilegeEscalation") is not False:
        yield where, who, "set allowPrivilegeEscalation: false"
    capabilities = context.get("capabilities")
    own = capabilities if isinstance(capabilities, Mapping) else {}
    if "ALL" not in (own.get("drop") or []):
        yield where, who, "set capabilities.drop: [ALL]"
    if set(own.get("add") or []) - {"NET_BIND_SERVICE"}:
        yield where, who, "remove capabilities.add"
    if context.get("runAsUser") == 0 or context.get("runAsNonRoot") is False:
        yield where, who, "run it as a user other than root"
    profile = context.get("seccompProfile")
    if isinstance(profile, Mapping) and profile.get("type") == "Unconfined":
        yield where, who, "remove the seccompProfile"


def _judge_volumes(where: str, volumes: list[Any]) -> Iterator[tuple[str, str, str]]:
    for volume in volumes:
        if isinstance(volume, Mapping) and set(volume) - {"name"} - _VOLUMES:
            kinds = ", ".join(sorted(_VOLUMES))
            yield where, _name("volume", volume), f"use a volume of another kind ({kinds})"
