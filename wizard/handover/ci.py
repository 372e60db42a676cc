"""For whoever owns the pipelines: one job in sh that every CI system can run."""

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
  [ "$code" -ne 2 ] || echo 'the committed answers lead to other files: commit them' >&2
  return "$code"
}"""

_APPLY = """\
apply() {
  : "${KUBECONFIG:?is a kubeconfig file}"
  airflow-wizard apply --yes ${KUBE_CONTEXT:+"--context=$KUBE_CONTEXT"}HUB ABOUT
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


def render_files(
    answers: Answers, release: Release, store: StoreHandover, delivery: DeliveryHandover
) -> Files:
    """`job.sh check` for every change, `job.sh apply` on the target branch."""
    about = f"--installation {quote(release.installation)}"
    if release.prefix not in {"", "."}:
        about += f" --repo {quote(release.prefix)}"
    login = "store_login\n    apply" if store.ci_login else "apply"
    return {
        "job.sh": script(
            comment(
                f"CI for Airflow installation {release.installation}, from the top of a clone of",
                "the config repository with its whole history (no shallow clone). Needs",
                f"airflow-wizard {__version__} or newer{delivery.ci_programs}.",
                "  sh job.sh check   for every change: consistent, safe, nothing left to commit",
                f"  sh job.sh apply   on branch {answers.repository.branch} alone, one at a time",
                "Variables that only apply needs, secret ones masked by the CI system:",
                "  KUBECONFIG       a kubeconfig file of an account that may do what `apply` shows",
                "  KUBE_CONTEXT     its context for the cluster of Airflow; without it, the "
                "current one",
                *delivery.ci_variables,
                *store.ci_variables,
                "XDG_STATE_HOME kept between runs makes it remember which systems it met.",
            ),
            _CHECK.replace("ABOUT", about),
            _APPLY.replace("ABOUT", about).replace("HUB", delivery.ci_options),
            store.ci_login,
            _CASE.replace("APPLY", login),
        )
    }
