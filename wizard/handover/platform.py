"""For the platform's owner: what is applied once from outside Git, and which ways must be open."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wizard.chart.versions import CHART_REPOSITORY
from wizard.deliveries.argocd import argocd_answers
from wizard.deliveries.argocd.manifests import CREDENTIAL_PARTS, CREDENTIAL_PREFIX
from wizard.formats.addresses import IN_CLUSTER_SERVER, parse_git_url
from wizard.formats.shell import Files, comment, here_document, quote, script, table
from wizard.formats.yaml_writer import Yaml, dump_yaml
from wizard.manifests.objects import pod_security_labels
from wizard.systems.vault import reviewer
from wizard.systems.vault.auth_mount import is_in_cluster

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wizard.answers.model import Answers
    from wizard.manifests.contribution import Flow
    from wizard.manifests.release import Release
    from wizard.stores.vault.settings import VaultSettings

# With the field manager of `apply`, so that it finds its own objects and takes nothing over.
_APPLY = "apply --server-side --field-manager=airflow-wizard -f -"
_GUARD = ("argocd/bootstrap/store-account-", "secrets/store-account-")
_CLUSTER = """\
# KUBE_CONTEXT: the cluster of Airflow; without it, the current one.
cluster() {
  kubectl ${KUBE_CONTEXT:+"--context=$KUBE_CONTEXT"} "$@"
}"""
_HUB = """\
# ARGOCD_CONTEXT: the cluster of Argo CD, where that is another one.
hub=${ARGOCD_CONTEXT:-${KUBE_CONTEXT:-}}
argo() {
  kubectl ${hub:+"--context=$hub"} "$@"
}"""
_FETCH = """\
# What Vault's owner needs, into two files of a folder that only you may read.
cd -- "${1:?is the folder for cluster-ca.pem and reviewer.token}"
umask 077
token() {
  cluster -n NAMESPACE get secret SECRET -o "jsonpath={.data.$1}"
}
tries=0
until [ -n "$(token token)" ]; do
  tries=$((tries + 1))
  [ "$tries" -lt 30 ] || { echo 'the Secret got no token in 30 s' >&2; exit 1; }
  sleep 1
done
token 'ca\\.crt' | base64 -d >cluster-ca.pem
token token | base64 -d >reviewer.token"""


def render_files(
    answers: Answers,
    release: Release,
    store: VaultSettings | None,
    flows: Iterable[Flow],
    committed: Mapping[str, str],
) -> Files:
    """`apply.sh`, `network.md` and, for a Vault outside the cluster, `reviewer.sh`."""
    found = {
        "apply.sh": _render_apply(answers, release, store, committed),
        "network.md": _render_network(answers, release, store, flows),
    }
    if store is not None and not is_in_cluster(store.server):
        found["reviewer.sh"] = _render_reviewer(answers)
    return found


def _render_apply(
    answers: Answers,
    release: Release,
    store: VaultSettings | None,
    committed: Mapping[str, str],
) -> str:
    guards = [text for name, text in sorted(committed.items()) if name.startswith(_GUARD)]
    if release.delivery == "helm":
        return _render_helm_apply(release, store, guards, committed["secrets/namespace"])
    argo = argocd_answers(answers.delivery)
    labels: dict[str, Yaml] = {**pod_security_labels(release)}
    space: dict[str, Yaml] = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": release.namespace, "labels": labels},
    }
    delivered = ["argocd/project", "argocd/application"]
    if "argocd/bootstrap/parent" in committed:
        delivered[1:] = ["argocd/bootstrap/project", "argocd/bootstrap/parent"]
    name = quote(argo.namespace)
    return script(
        comment(
            f"The cluster's side of Airflow installation {release.installation}: once, from",
            "outside Git; Argo CD delivers everything else. It may be run again; what others own",
            "is a conflict that kubectl names, and is never forced.",
        ),
        _CLUSTER,
        _HUB,
        _render_requirements(
            release,
            store,
            name,
            guarded=bool(guards),
            reads=f"{CREDENTIAL_PREFIX}secret" in committed,
        ),
        here_document(f"cluster {_APPLY}", dump_yaml(space)),
        *([here_document(f"cluster {_APPLY}", _join_documents(guards))] if guards else []),
        *_render_repository(answers, committed),
        comment(f"Once branch {argo.revision} holds what was committed:"),
        *(here_document(f"argo {_APPLY}", committed[one]) for one in delivered),
        _health_comment(release),
    )


def _render_helm_apply(
    release: Release, store: VaultSettings | None, guards: list[str], namespace: str
) -> str:
    """What only the cluster's owner may do; the rest is `apply`'s, with Helm."""
    return script(
        comment(
            f"The cluster's side of Airflow installation {release.installation} that is its",
            "owner's: once. `airflow-wizard apply` does everything else, with Helm, as an account",
            f"that may work in namespace {release.namespace}. It may be run again; what others own",
            "is a conflict that kubectl names, and is never forced.",
        ),
        _CLUSTER,
        _render_requirements(release, store, "", guarded=bool(guards)),
        here_document(f"cluster {_APPLY}", namespace),
        *([here_document(f"cluster {_APPLY}", _join_documents(guards))] if guards else []),
        _health_comment(release),
    )


def _health_comment(release: Release) -> str:
    """Read rights are given many ways; this one is easily forgotten, and nothing depends on it."""
    role, space = quote(release.names.object_name("health")), quote(release.namespace)
    return comment(
        "Optional: with these rights `airflow-wizard apply` asks Airflow itself for its health;",
        "without them it goes by the readiness probe. ACCOUNT is who runs it:",
        f"  kubectl -n {space} create role {role} --verb=get,create --resource=pods/portforward",
        f"  kubectl -n {space} create rolebinding {role} --role={role} --user=ACCOUNT",
    )


def _join_documents(texts: Iterable[str]) -> str:
    return "---\n".join(text if text.endswith("\n") else f"{text}\n" for text in texts)


def _render_requirements(
    release: Release, store: VaultSettings | None, argo: str, *, guarded: bool, reads: bool = False
) -> str:
    """What has to be installed, tried first, so that nothing is applied half."""
    lines = []
    if store is not None:
        lines += [
            "# External Secrets 0.16 or newer serves v1 (proven with 2.9.0). Where it lacks:",
            "#   helm repo add external-secrets https://charts.external-secrets.io",
            "#   helm upgrade --install external-secrets external-secrets/external-secrets \\",
            "#     --version 2.9.0 --namespace external-secrets --create-namespace --wait",
            "cluster get --raw /apis/external-secrets.io/v1 >/dev/null",
        ]
    if guarded:
        lines += [
            "# The guard of the store's ServiceAccount: Kubernetes 1.30 or newer.",
            "cluster get validatingadmissionpolicies.v1.admissionregistration.k8s.io >/dev/null",
        ]
    kinds = "applications.argoproj.io appprojects.argoproj.io"
    if release.delivery != "argocd":
        return "\n".join(lines)
    lines += [
        "# Argo CD 2.6 or newer has Applications with several sources (proven with 3.5.1).",
        f"argo get crd {kinds} >/dev/null",
        f"argo get namespace {argo} >/dev/null",
        *(["argo get --raw /apis/external-secrets.io/v1 >/dev/null"] if reads else []),
    ]
    if release.applications == "two":
        lines.append("# The runbook has the health check of Applications that two of them need.")
    return "\n".join(lines)


def _render_repository(answers: Answers, committed: Mapping[str, str]) -> tuple[str, ...]:
    argo = argocd_answers(answers.delivery)
    own = [
        committed[f"{CREDENTIAL_PREFIX}{part}"]
        for part in CREDENTIAL_PARTS
        if f"{CREDENTIAL_PREFIX}{part}" in committed
    ]
    if own:
        text = "Argo CD's credential for the config repository, which it reads from Vault itself."
        hosts = "The keys of its host have to be, verified, in ConfigMap argocd-ssh-known-hosts-cm."
        more = [hosts] if parse_git_url(argo.repo_url).scheme == "ssh" else []
        return (comment(text, *more), here_document(f"argo {_APPLY}", _join_documents(own)))
    lines = [
        "Argo CD needs a read-only credential of its own for the config repository (its own",
        "deploy key, not the one of the DAGs); where it has none:",
        f"  argocd repo add {argo.repo_url}",
    ]
    if parse_git_url(argo.repo_url).scheme == "ssh":
        lines[-1] += " --ssh-private-key-path FILE"
        lines += [
            "and the keys of its host, verified, in ConfigMap argocd-ssh-known-hosts-cm of",
            f"{argo.namespace}: append lines, never replace.",
        ]
    return (comment(*lines),)


def _render_reviewer(answers: Answers) -> str:
    objects = _join_documents(dump_yaml(one) for one in reviewer.build_manifests())
    taken = _FETCH.replace("NAMESPACE", reviewer.NAMESPACE)
    return script(
        comment(
            "The ServiceAccount with which Vault, outside the cluster, reviews tokens of Airflow",
            f"installation {answers.installation.name}: it may review tokens and nothing else.",
            "Needed once, and only where Vault's auth mount has no reviewer of this cluster.",
        ),
        _CLUSTER,
        here_document(f"cluster {_APPLY}", objects),
        re.sub(r"\bSECRET\b", reviewer.SECRET, taken),
        comment(
            "Hand both over by a way that keeps them secret, as KUBERNETES_CA_FILE and",
            "REVIEWER_FETCH_FILE of setup.sh, and delete reviewer.token afterwards.",
        ),
    )


def _render_network(
    answers: Answers, release: Release, store: VaultSettings | None, flows: Iterable[Flow]
) -> str:
    rows: list[tuple[str, str, str, str, str]] = [
        (
            f"{release.namespace}: {', '.join(flow.components) or 'all Airflow pods'}",
            flow.host, str(flow.port), flow.protocol, flow.purpose,
        )
        for flow in flows
    ]  # fmt: skip
    if store is not None:
        rows.append(("External Secrets", *_split_address(store.server), "TCP", "Vault"))
        if not is_in_cluster(store.server):
            server = answers.cluster.server
            api = _split_address(server) if server else ("the API server of the cluster", "6443")
            rows.append(("Vault", *api, "TCP", "reviews of tokens"))
    rows += _list_helm_flows(answers) if release.delivery == "helm" else _list_argocd_flows(answers)
    head = ("from", "to", "port", "protocol", "for")
    name = release.installation
    return (
        f"# Network flows of Airflow installation {name}\n\n{table(head, rows)}\n\n"
        "Besides: DNS, the pods of the namespace among each other and to the API server of the\n"
        "cluster, and the image registry from its nodes.\n"
    )


def _list_argocd_flows(answers: Answers) -> list[tuple[str, str, str, str, str]]:
    argo = argocd_answers(answers.delivery)
    location = parse_git_url(argo.repo_url)
    rows = [
        ("Argo CD", location.host, str(location.port), "TCP", "config repository"),
        ("Argo CD", *_split_address(CHART_REPOSITORY), "TCP", "the chart"),
    ]
    if argo.destination != IN_CLUSTER_SERVER:
        rows.append(("Argo CD", *_split_address(argo.destination), "TCP", "the cluster of Airflow"))
    return rows


def _list_helm_flows(answers: Answers) -> list[tuple[str, str, str, str, str]]:
    server = answers.cluster.server
    api = _split_address(server) if server else ("the API server of the cluster", "6443")
    return [
        (
            "where apply runs",
            *_split_address(CHART_REPOSITORY),
            "TCP",
            "the chart (or --chart PATH)",
        ),
        ("where apply runs", *api, "TCP", "the cluster of Airflow"),
    ]


def _split_address(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.hostname or "", str(parts.port or 443)
