"""A person's own pod of tasks (`podTemplate`), as KubernetesExecutor reads it.

Source: provider cncf-kubernetes 10.25.0, PodGenerator: the task starts in the first container,
which gets the name `base`. Namespace, name, image and arguments of the template are replaced;
everything else stays. The chart adds nothing to a template of one's own (chart 1.22.0).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TEMPLATE = "podTemplate"
BASE = "base"


def parse_pod_template(text: str) -> Mapping[str, Any]:
    """Return the Pod in the text of a pod template.

    Raises ValueError, which never repeats the text, if no task could run with it.
    """
    if "{{" in text:
        raise ValueError("write it without templates: the chart would carry out {{ }}")
    pod = _parse_document(text)
    if not isinstance(pod, Mapping) or (pod.get("apiVersion"), pod.get("kind")) != ("v1", "Pod"):
        raise ValueError("it is no Pod: write apiVersion: v1 and kind: Pod")
    if not isinstance(pod.get("metadata") or {}, Mapping):
        raise ValueError("metadata: write labels and annotations below it")
    spec = pod.get("spec")
    found = spec.get("containers") if isinstance(spec, Mapping) else None
    if not isinstance(spec, Mapping) or not isinstance(found, list) or not found:
        raise ValueError(f"spec.containers: write a container named {BASE}")
    for key in ("containers", "initContainers"):
        listed = spec.get(key) or []
        if not isinstance(listed, list) or not all(isinstance(one, Mapping) for one in listed):
            raise ValueError(f"spec.{key}: write a list of containers")
    if [one.get("name") == BASE for one in found] != [True, *([False] * (len(found) - 1))]:
        raise ValueError(
            f"spec.containers: name the first one {BASE}, and no other: the task starts in it"
        )
    if spec.get("restartPolicy") != "Never":
        raise ValueError(
            "spec.restartPolicy: write Never: Kubernetes would start a task again when it ends"
        )
    return pod


def _parse_document(text: str) -> Any:
    # Loaded only where there is a template.
    from wizard.formats.yaml_untrusted import parse_yaml

    documents, findings = parse_yaml("", text.encode("utf-8", "replace"))
    for finding in findings:
        where = f"{finding.where}: " if finding.where else ""
        raise ValueError(f"{where}{finding.message}: {finding.fix.text}")
    if len(documents) != 1:
        raise ValueError("write one YAML document")
    return documents[0]


def base_container(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the container of the task in a Pod of `parse_pod_template`."""
    found: Mapping[str, Any] = pod["spec"]["containers"][0]
    return found
