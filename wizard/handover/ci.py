"""The script for the owners of CI: one sh job that every CI system can run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard import __version__
from wizard.formats.shell import Files, comment, quote, script

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.deliveries.live import DeliveryHandover
    from wizard.manifests.release import Release
    from wizard.stores.live import StoreHandover

_CHECK = """\
check() {
  airflow-wizard check ABOUT
  code=0
  airflow-wizard plan --detailed-exitcode ABOUT || code=$?
  [ "$code" -ne 2 ] || echo 'the committed files do not match the answers: commit the plan' >&2
  return "$code"
}"""

_APPLY = """\
apply() {
  : "${KUBECONFIG:?set it to a kubeconfig file}"
  airflow-wizard apply --yes ${KUBE_CONTEXT:+"--context=$KUBE_CONTEXT"}HUB ABOUT
}"""

_CASE = """\
case ${1:-check} in
  check) check ;;
  apply)
    APPLY
    ;;
  *)
    echo 'usage: sh job.sh check|apply' >&2
    exit 64
    ;;
esac"""


def render_files(
    answers: Answers, release: Release, store: StoreHandover, delivery: DeliveryHandover
) -> Files:
    """Return `job.sh`: `check` is for every change, `apply` for the target branch."""
    about = f"--installation {quote(release.installation)}"
    if release.prefix not in {"", "."}:
        about += f" --repo {quote(release.prefix)}"
    branch = answers.repository.branch
    about += f" --target {quote(branch)}"
    login = "store_login\n    apply" if store.ci_login else "apply"
    return {
        "job.sh": script(
            comment(
                f"CI for Airflow installation {release.installation}, from the top of a clone of",
                "the config repository with its full history (no shallow clone). Needs",
                f"airflow-wizard {__version__} or newer{delivery.ci_programs}, and the branch that "
                "judges host keys:",
                f"  git fetch origin {quote(f'{branch}:refs/remotes/origin/{branch}')}",
                "  sh job.sh check   for every change: consistent, safe, nothing left to commit",
                f"  sh job.sh apply   on branch {branch} only, one at a time",
                "Variables for apply only; mask the secret ones in the CI system:",
                "  KUBECONFIG       kubeconfig file of an account with the rights for `apply`",
                "  KUBE_CONTEXT     context of Airflow's cluster (default: the current one)",
                *delivery.ci_variables,
                *store.ci_variables,
                "Keep XDG_STATE_HOME between jobs: it records the identities of the systems.",
            ),
            _CHECK.replace("ABOUT", about),
            _APPLY.replace("ABOUT", about).replace("HUB", delivery.ci_options),
            store.ci_login,
            _CASE.replace("APPLY", login),
        )
    }
