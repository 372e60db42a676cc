"""Build the target of a run: the committed files and the clients this machine can use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from wizard.answers.questions import list_secret_variables
from wizard.checks.schema import MAX_ARCHIVE
from wizard.clients.kube.connect import open_kube
from wizard.clients.kube.errors import NoContextError
from wizard.deliveries.live import live_delivery
from wizard.errors import UsageError
from wizard.formats.input_files import explain_unfit_file, is_existing, show_option
from wizard.state.apply_journal import ApplyHistory
from wizard.stores.live import live_store
from wizard.stores.registry import store_kind
from wizard.systems.target import Target

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wizard.answers.model import Answers
    from wizard.clients.helm import Helm
    from wizard.clients.kube.protocol import Kube
    from wizard.systems.database.admin import Admin
    from wizard.workspace.installation import CommittedInstallation


def open_target(
    found: CommittedInstallation,
    *,
    context: str = "",
    argocd_context: str = "",
    database: Admin | None = None,
    chart: str = "",
    agreed: Mapping[str, str] | None = None,
) -> Target:
    """Return the committed files with a client for each system; nothing is sent.

    The contexts are kubeconfig contexts: `context` of Airflow's cluster (empty: the current one)
    and `argocd_context` of Argo CD's (empty: the same cluster). `database` is the administrator
    that the operator named. `chart` is the path of a chart, for delivery by Helm; see `Target`
    for `agreed`.

    Raises UsageError for a named context or chart that does not exist, and when this machine has
    credentials for no system.
    """
    answers = found.proposal.answers
    kube = _open_client(answers, context)
    target = build_target(
        found,
        kube=kube,
        argocd=_open_client(answers, argocd_context) if argocd_context else kube,
        context=context,
        database=database,
        chart=_find_chart(chart),
        agreed=agreed or {},
    )
    if target.access is None and target.kube is None and database is None:
        raise _no_credentials_error(target.release.store)
    return target


def build_target(
    found: CommittedInstallation,
    *,
    kube: Kube | None,
    argocd: Kube | None,
    context: str = "",
    database: Admin | None = None,
    chart: Path | None = None,
    agreed: Mapping[str, str] | None = None,
    has_access: bool = True,
) -> Target:
    """Return the target with these clients; without `has_access`, the store gets no login.

    `context` is that of `kube`, for other programs.
    """
    proposal = found.proposal
    answers, release = proposal.answers, proposal.rendering.release
    repository = found.start.workspace.repository
    changes = [change for change in proposal.plan.changes if change.new is not None]
    return Target(
        answers,
        release,
        repository,
        proposal.plan.digest,
        {c.logical: c.new for c in changes if c.logical and not c.is_base and c.new is not None},
        {change.path: change.new for change in changes if change.new is not None},
        live_store(release.store).find_access(answers, release) if has_access else None,
        kube,
        argocd,
        ApplyHistory(repository, found.name).target_identities(),
        database=database,
        helm=_open_program(answers, context) if kube is not None else None,
        chart=chart,
        agreed=agreed or {},
    )


def _no_credentials_error(store: str) -> UsageError:
    """Return the error if this machine has a login neither for the store nor for a cluster."""
    hint, cluster = live_store(store).login_hint, "name a kubeconfig context with --context, or "
    cluster += "export KUBECONFIG"
    if not hint:
        return UsageError("no credentials found for a cluster", cluster)
    title = store_kind(store).title
    return UsageError(
        f"no credentials found, neither for {title} nor for a cluster", f"{hint}; and {cluster}"
    )


def _open_program(answers: Answers, context: str) -> Helm | None:
    installer = live_delivery(answers.delivery.kind).installer
    return installer.open_program(answers, context) if installer else None


def _find_chart(text: str) -> Path | None:
    path = Path(text) if text else None
    hint = "give the chart's folder or its .tgz"
    if path is None or path.is_dir():
        return path
    if not is_existing(path):
        raise UsageError(f"{show_option('--chart', path)}: there is no such file or folder", hint)
    if reason := explain_unfit_file(path, MAX_ARCHIVE):  # helm would wait for its end
        raise UsageError(f"{show_option('--chart', path)}: {reason}", hint)
    return path


def _open_client(answers: Answers, context: str) -> Kube | None:
    """Return the client of a context; None if no context is named and there is no kubeconfig."""
    try:
        return open_kube(context, hidden=list_secret_variables(answers))
    except NoContextError:
        return None
