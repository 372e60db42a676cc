"""For whoever owns the pipelines: one job in sh that every CI system can run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard import __version__
from wizard.formats.shell import Files, comment, quote, script

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.manifests.release import Release

_CHECK = """\
check() {
  airflow-wizard check ABOUT
  code=0
  airflow-wizard plan --detailed-exitcode ABOUT || code=$?
  [ "$code" -ne 2 ] || echo 'the committed answers lead to other files: commit them' >&2
  return "$code"
}"""

_APPLY = """\
apply() {
  : "${KUBECONFIG:?is a kubeconfig file}"
  airflow-wizard apply --yes ${KUBE_CONTEXT:+"--context=$KUBE_CONTEXT"}HUB ABOUT
}"""
_HUB = """ \\
    ${ARGOCD_CONTEXT:+"--argocd-context=$ARGOCD_CONTEXT"}"""

_VAULT = """\
vault_login() {
  [ -z "${VAULT_TOKEN:-}${VAULT_TOKEN_FILE:-}${VAULT_ROLE_ID:-}" ] || return 0
  echo 'VAULT_TOKEN, VAULT_TOKEN_FILE, or VAULT_ROLE_ID and VAULT_SECRET_ID must be set' >&2
  exit 64
}"""

_CASE = """\
case ${1:-check} in
  check) check ;;
  apply)
    APPLY
    ;;
  *)
    echo 'say check or apply' >&2
    exit 64
    ;;
esac"""


def render_files(answers: Answers, release: Release) -> Files:
    """`job.sh check` for every change, `job.sh apply` on the target branch."""
    about = f"--installation {quote(release.installation)}"
    if release.prefix not in {"", "."}:
        about += f" --repo {quote(release.prefix)}"
    vault = release.store == "vault"
    by_helm = release.delivery == "helm"
    program = ", git and helm (3.13 or newer, or 4)" if by_helm else " and git"
    hub = "  ARGOCD_CONTEXT   its context for the cluster of Argo CD, where that is another"
    variables = [
        "  KUBECONFIG       a kubeconfig file of an account that may do what `apply` shows",
        "  KUBE_CONTEXT     its context for the cluster of Airflow; without it, the current one",
        *(() if by_helm else (hub,)),
    ]
    if vault:
        variables += [
            "  VAULT_ADDR, VAULT_CACERT   Vault as the job reaches it, where the answers differ",
            "  VAULT_TOKEN or VAULT_TOKEN_FILE, or VAULT_ROLE_ID and VAULT_SECRET_ID   the login",
        ]
    return {
        "job.sh": script(
            comment(
                f"CI for Airflow installation {release.installation}, from the top of a clone of",
                "the config repository with its whole history (no shallow clone). Needs",
                f"airflow-wizard {__version__} or newer{program}.",
                "  sh job.sh check   for every change: consistent, safe, nothing left to commit",
                f"  sh job.sh apply   on branch {answers.repository.branch} alone, one at a time",
                "Variables that only apply needs, secret ones masked by the CI system:",
                *variables,
                "XDG_STATE_HOME kept between runs makes it remember which systems it met.",
            ),
            _CHECK.replace("ABOUT", about),
            _APPLY.replace("ABOUT", about).replace("HUB", "" if by_helm else _HUB),
            _VAULT if vault else "",
            _CASE.replace("APPLY", "vault_login\n    apply" if vault else "apply"),
        )
    }
