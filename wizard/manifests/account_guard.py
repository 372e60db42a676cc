"""The admission policy that prevents pods from using the store's ServiceAccount.

The chart's pod launcher role lets Airflow's workers start pods with any ServiceAccount of their
namespace, so DAG code could otherwise log in to the store like External Secrets. The policy is
cluster-scoped, so the platform's owner applies it; the Argo CD project does not allow it.
Source: Kubernetes, ValidatingAdmissionPolicy (v1 since 1.30).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from wizard.formats.yaml_writer import dump_yaml
from wizard.manifests.contribution import StepSpec
from wizard.manifests.objects import manifest_file, object_metadata
from wizard.manifests.tree import File

if TYPE_CHECKING:
    from wizard.manifests.release import Release

API_VERSION = "admissionregistration.k8s.io/v1"
GUARD_STEP = StepSpec(
    "cluster.store-account",
    "Reserve the store's ServiceAccount for the store",
    "platform",
    ("argocd/bootstrap/store-account", "secrets/store-account"),
)


def account_guard(release: Release, account: str) -> tuple[File, ...]:
    """Return policy and binding that refuse pods with this account in the release's namespace."""
    name = f"{release.namespace}-{release.names.object_name('store-account')}"
    allowed = "has(object.spec.serviceAccountName) ? object.spec.serviceAccountName : ''"
    policy = {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "resourceRules": [
                {
                    "apiGroups": [""],
                    "apiVersions": ["v1"],
                    "operations": ["CREATE"],
                    "resources": ["pods"],
                }
            ]
        },
        "validations": [
            {
                "expression": f"({allowed}) != {json.dumps(account)}",
                "message": f"ServiceAccount {account} belongs to the secrets store alone",
                "reason": "Forbidden",
            }
        ],
    }
    binding = {
        "policyName": name,
        "validationActions": ["Deny"],
        "matchResources": {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": release.namespace}}
        },
    }
    return (
        _file(release, name, "ValidatingAdmissionPolicy", "store-account-policy", policy),
        _file(release, name, "ValidatingAdmissionPolicyBinding", "store-account-binding", binding),
    )


def _file(release: Release, name: str, kind: str, stem: str, spec: dict[str, Any]) -> File:
    about = object_metadata(release, name, namespaced=False)
    data: dict[str, Any] = {
        "apiVersion": API_VERSION,
        "kind": kind,
        "metadata": about,
        "spec": spec,
    }
    if not release.gitops:
        return manifest_file(release, stem, data)
    # In a folder that Argo CD does not sync: see the module's docstring.
    path = f"{release.paths.argocd}/bootstrap/{stem}.yaml"
    return File(f"argocd/bootstrap/{stem}", path, dump_yaml(data))
