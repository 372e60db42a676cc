"""The scripts that create the local cluster with Airflow in it, and delete it again.

Both look for the labels of installation and repository on the node first, so that a cluster of
somebody else with the same name stays as it is. They use a kubeconfig of their own: whatever
context is in use, no other cluster is touched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.deliveries.kind.manifests import CLUSTER_LABEL, SOURCE_LABEL, cluster_file_path
from wizard.formats.shell import comment, quote
from wizard.manifests.objects import pod_security_labels
from wizard.manifests.ownership import apply_command, owner_label
from wizard.manifests.prerequisites import install_commands
from wizard.manifests.runbook import remove_jobs_command, wait_commands
from wizard.manifests.tree import File
from wizard.stores.registry import store_kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wizard.manifests.contribution import Contribution
    from wizard.manifests.release import Release

_OWN_CLUSTER = """\
kubeconfig="$(mktemp)"
trap 'rm -f "$kubeconfig"' EXIT
# Another repository may have an installation of the same name.
source={source}
use_own() {{
  kind get kubeconfig --name {name} >"$kubeconfig"
  export KUBECONFIG="$kubeconfig"
}}
create_own() {{
  kind create cluster --config {config}
  use_own
  kubectl label nodes --all "{source_label}=$source" >/dev/null
}}
require_own() {{
  use_own
  if [ -z "$(kubectl get nodes --selector {label}={name} --output name)" ]; then
    echo 'The kind cluster {name} is not from this repository: it lacks the label {label}.' >&2
    echo 'To delete it with everything in it: kind delete cluster --name {name}' >&2
    exit 4
  fi
  own="{label}={name},{source_label}=$source"
  if [ -z "$(kubectl get nodes --selector "$own" --output name)" ]; then
    echo 'The kind cluster {name} may belong to another repository: its node has no label' >&2
    echo "{source_label}=$source. If it is this repository's, label it, and run this again:" >&2
    echo "kubectl --context kind-{name} label --overwrite nodes --all {source_label}=$source" >&2
    exit 4
  fi
}}
exists() {{
  kind get clusters 2>/dev/null | grep --quiet --line-regexp --fixed-strings {name}
}}"""


def up_path(release: Release) -> str:
    """Return the path of the script that creates everything."""
    return f"{release.paths.apps}/up.sh"


def down_path(release: Release) -> str:
    """Return the path of the script that deletes the cluster."""
    return f"{release.paths.apps}/down.sh"


def up_script(release: Release, total: Contribution) -> File:
    """Return the script that creates cluster, Secrets and Airflow; it does what is missing.

    The types of all names exclude characters that need shell quoting.
    """
    namespace = release.namespace
    store = store_kind(release.store).runbook(release, total)
    secrets, runbook = store.create, f"{release.paths.docs}/RUNBOOK.md"
    parts = [
        _start(release, "Creates the kind cluster and installs Airflow; run it again to continue"),
        _require("kind", "kubectl", "helm", *(["airflow-wizard"] if secrets else [])),
        _own_cluster(release),
        "exists || create_own\nrequire_own",
        f"kubectl get namespace {namespace} >/dev/null 2>&1 ||\n"
        f"  kubectl create namespace {namespace}",
    ]
    if labels := pod_security_labels(release):
        pairs = " ".join(f"{key}={value}" for key, value in labels.items())
        parts.append(f"kubectl label --overwrite namespace {namespace} {pairs}")
    if release.prerequisites:
        parts.append("\n".join([comment("What Airflow needs in the cluster."), *_install(release)]))
    if secrets:
        note = "Values are generated once. They are never in a file or a command line."
        parts.append(f"{comment(note)}\n{secrets}")
    if total.manifests:
        parts.append(apply_command(release.owner_id, f"-k {release.paths.apps}"))
    if waits := wait_commands(release, store):
        parts.append(_wait_for_secrets(waits, runbook, made_by_others=store.made_by_others))
    done = f"echo 'Airflow is installed. {runbook} says how to reach it.' >&2"
    parts += ["\n".join(chart_commands(release)), done]
    return File("kind-up", up_path(release), _join(*parts))


def down_script(release: Release) -> File:
    """Return the script that deletes the cluster, if it is there and ours."""
    name = release.installation
    text = _join(
        _start(release, "Deletes the kind cluster and all data in it"),
        _require("kind", "kubectl"),
        _own_cluster(release),
        "if ! exists; then\n"
        f"  echo 'There is no kind cluster {name}.' >&2\n"
        "  exit 0\n"
        "fi\n"
        "require_own\n"
        "unset KUBECONFIG\n"
        f"kind delete cluster --name {name}",
    )
    return File("kind-down", down_path(release), text)


def chart_commands(release: Release) -> list[str]:
    """Return the commands that upgrade the chart, without its finished Jobs."""
    return [
        *release.chart_repository.setup,
        remove_jobs_command(release),
        f"helm upgrade --install {release.names.release} {release.chart_repository.chart} \\",
        f"  --version {release.chart} --namespace {release.namespace} \\",
        f"  --values {release.paths.values} --wait --timeout 10m",
    ]


def _install(release: Release) -> Iterator[str]:
    for command, fix in install_commands(release.prerequisites):
        if fix:
            yield f"{command} >/dev/null || {{ echo {quote(fix)} >&2; exit 1; }}"
        else:
            yield command


def _wait_for_secrets(waits: Sequence[str], runbook: str, *, made_by_others: bool) -> str:
    """Return the commands, which stop the script with a hint instead of a chart without Secrets."""
    missing = "The Secrets are not there yet"
    fix = "have them created" if made_by_others else "let the store serve this cluster"
    text = quote(f"{missing}: {fix}, as {runbook} says, and run this script again.")
    looks = " &&\n  ".join(f"{one} >&2" for one in waits)
    return f"{{ {looks}; }} || {{\n  echo {text} >&2\n  exit 1\n}}"


def _start(release: Release, what: str) -> str:
    up = "/".join([".."] * len(release.paths.apps.split("/")))
    return (
        f"#!/usr/bin/env bash\n{comment(f'{what}: bash FILE')}\n"
        f'set -euo pipefail\ncd "$(dirname "${{BASH_SOURCE[0]}}")/{up}"'
    )


def _require(*programs: str) -> str:
    return (
        f"for program in {' '.join(programs)}; do\n"
        '  command -v "$program" >/dev/null || { echo "install $program first" >&2; exit 1; }\n'
        "done"
    )


def _own_cluster(release: Release) -> str:
    # Without an address, the first commit tells repositories apart, and else the folder.
    source = owner_label(release.owner_id) or (
        '"$(git rev-list --max-parents=0 HEAD 2>/dev/null | tail -n 1 || true)"\n'
        '[ -n "$source" ] || source="$(pwd -P | cksum | cut -d " " -f 1)"'
    )
    return _OWN_CLUSTER.format(
        name=release.installation, label=CLUSTER_LABEL, source_label=SOURCE_LABEL, source=source,
        config=cluster_file_path(release),
    )  # fmt: skip


def _join(*parts: str) -> str:
    return "\n\n".join(parts) + "\n"
