"""Common parts of the scripts for the platform's owner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wizard.formats.shell import comment, here_document, quote
from wizard.formats.yaml_reader import read_mapping
from wizard.manifests.ownership import source_manager

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.manifests.release import Release

_FUNCTION = """\
# KUBE_CONTEXT: the kubeconfig context of Airflow's cluster; default: the current context.
cluster() {
  kubectl ${KUBE_CONTEXT:+"--context=$KUBE_CONTEXT"} "$@"
}"""
# A cluster is known by the UID of its namespace kube-system.
_SAME_CLUSTER = """\
# In another cluster, nothing of the installation exists: all of it would be made a second time.
recorded=RECORDED
uid=$(cluster get namespace kube-system -o 'jsonpath={.metadata.uid}') || uid=
if [ -z "$uid" ]; then
  echo 'warning: the UID of the cluster cannot be read: it was not compared' >&2
elif [ "$uid" != "$recorded" ]; then
  echo "this is cluster $uid, and the installation is in $recorded: set KUBE_CONTEXT" >&2
  exit 5
fi"""
HUB_FUNCTION = """\
# ARGOCD_CONTEXT: the context of Argo CD's cluster, if it is a different cluster.
hub=${ARGOCD_CONTEXT:-${KUBE_CONTEXT:-}}
argo() {
  kubectl ${hub:+"--context=$hub"} "$@"
}"""
_GUARD = ("argocd/bootstrap/store-account-", "secrets/store-account-")


# The jsonpath prints UID and source; both are empty for an object without them.
_LOOK = """\
# Nothing is changed while an object belongs to another repository, or does not say whose it is. To
# take over exactly the objects of the second kind, repeat this with TAKE_OVER='UID UID ...'.
source=SOURCE
fields='jsonpath={.metadata.uid} {.metadata.annotations.airflow-wizard/source}'
refused=
look() {
  found=$("$1" get "$2" "$3" ${4:+"--namespace=$4"} --ignore-not-found -o "$fields")
  [ -n "$found" ] || return 0
  uid=${found%% *} other=${found#* }
  case $other in
    '') ;;
    "$source") return ;;
    *)
      echo "$2 $3 belongs to $other; it is never taken over" >&2
      refused=yes
      return
      ;;
  esac
  case " ${TAKE_OVER:-} " in
    *" $uid "*) ;;
    *)
      echo "$2 $3 already exists (UID $uid) and does not say whose it is" >&2
      refused=yes
      ;;
  esac
}"""


def render_cluster(answers: Answers) -> str:
    """Return the function `cluster`, and a check of the cluster's UID if the answers record it."""
    uid = answers.cluster.uid
    check = [_SAME_CLUSTER.replace("RECORDED", quote(uid))] if uid else []
    return "\n\n".join([_FUNCTION, *check])


def apply_command(release: Release) -> str:
    """Return the arguments with which kubectl applies a document, as the field manager of `apply`.

    Another repository has another one, so the API server refuses what its script would change.
    """
    return f"apply --server-side --field-manager={source_manager(release.owner_id)} -f -"


def look_documents(release: Release, texts: Iterable[tuple[str, str]]) -> str:
    """Return commands that stop the script if it would change objects of others.

    `texts` are pairs of the shell function and the document that it applies.
    """
    lines = [_LOOK.replace("SOURCE", quote(release.owner_id))]
    for function, text in texts:
        found = read_mapping(text, "document")
        group = str(found["apiVersion"]).rpartition("/")[0]
        kind = str(found["kind"]).lower() + (f".{group}" if group else "")
        about = found["metadata"]
        words = [function, kind, quote(str(about["name"])), quote(about.get("namespace") or "")]
        lines.append(f"look {' '.join(words)}")
    return "\n".join([*lines, '[ -z "$refused" ] || exit 5'])


def guard_documents(committed: Mapping[str, str]) -> list[str]:
    """Return the committed guard of the store's ServiceAccount, in the order to apply it."""
    return [text for name, text in sorted(committed.items()) if name.startswith(_GUARD)]


def apply_documents(release: Release, function: str, texts: Iterable[str]) -> str:
    """Return a command that applies the texts with shell function `function`; empty if none."""
    joined = join_documents(texts)
    return here_document(f"{function} {apply_command(release)}", joined) if joined else ""


def join_documents(texts: Iterable[str]) -> str:
    """Return several YAML documents as one stream."""
    return "---\n".join(text if text.endswith("\n") else f"{text}\n" for text in texts)


def requirement_lines(release: Release, *, guarded: bool) -> list[str]:
    """Return shell lines that check the requirements before anything is applied."""
    lines = []
    if release.external_secrets:
        lines += [
            "# External Secrets 0.16 or newer serves v1: `sh prerequisites.sh install`.",
            "cluster get --raw /apis/external-secrets.io/v1 >/dev/null",
        ]
    if release.database_cluster:
        lines += [
            "# CloudNativePG 1.26 or newer runs PostgreSQL: `sh prerequisites.sh install`.",
            "cluster get --raw /apis/postgresql.cnpg.io/v1 >/dev/null",
        ]
    if guarded:
        lines += [
            "# The guard of the store's ServiceAccount: Kubernetes 1.30 or newer.",
            "cluster get validatingadmissionpolicies.v1.admissionregistration.k8s.io >/dev/null",
        ]
    return lines


def health_comment(release: Release) -> str:
    """Return a comment with the optional rights for Airflow's health, which are easy to miss."""
    role, space = quote(release.names.object_name("health")), quote(release.namespace)
    return comment(
        "Optional: with these rights `airflow-wizard apply` asks Airflow itself for its health;",
        "without them it uses the readiness probe. ACCOUNT is the user who runs it:",
        f"  kubectl -n {space} create role {role} --verb=get,create --resource=pods/portforward",
        f"  kubectl -n {space} create rolebinding {role} --role={role} --user=ACCOUNT",
    )


def split_address(url: str) -> tuple[str, str]:
    """Return host and port of an https URL."""
    parts = urlsplit(url)
    return parts.hostname or "", str(parts.port or 443)


def api_server_address(answers: Answers) -> tuple[str, str]:
    """Return host and port of the API server; a placeholder if the answers do not name it."""
    server = answers.cluster.server
    return split_address(server) if server else ("the API server of the cluster", "6443")
