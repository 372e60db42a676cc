"""Checks that two installations of one repository do not own the same object outside Git.

Otherwise the installation that is applied later would overwrite the other's release in a namespace,
AppProject, Vault role, policy or payload. The default names are for the first installation. Names
are unique in Argo CD and in Vault (facts on Argo CD and on Vault): the name of a policy on the
whole server, the name of a role in its auth mount. Each cluster has one auth mount.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from wizard.errors import AnswersError, Problem, UsageError
from wizard.formats.addresses import IN_CLUSTER_SERVER
from wizard.plan.claims import (
    BOOTSTRAP_SUFFIXES,
    CREDENTIAL,
    NAME,
    NAMESPACE,
    PARENT_SUFFIXES,
    PROJECT,
    READER,
    READER_PATH,
    ROLE,
    RUNTIME_FOLDERS,
    RUNTIME_ROLE,
    Claims,
    add_suffixes,
    derive_claims,
)
from wizard.plan.merge_base import STATE_DIR

if TYPE_CHECKING:
    from wizard.answers.model import Answers
    from wizard.git.repository import WorkTree

NEW_INSTALLATION_HINT = (
    "--set installation.name=NAME --set installation.namespace=NAME and, if they apply, "
    "--set delivery.argocd.project=airflow-NAME --set secrets.vault.role=external-secrets-NAME "
    "--set secrets.vault.path=airflow-install/NAME/config"
)


def load_committed_claims(repository: WorkTree) -> list[Claims]:
    """Return the claims of each committed installation of the work tree with readable answers."""
    from wizard.answers.files import parse_answers

    whole = repository.with_prefix("") if repository.prefix else repository
    form = re.compile(rf"(?:(.*)/)?{re.escape(STATE_DIR)}/[^/]+/answers\.yaml")
    places = {path: match[1] or "" for path in whole.head_tree() if (match := form.fullmatch(path))}
    found = []
    for path, data in whole.read_many(places).items():
        try:
            found.append(derive_claims(parse_answers((data or b"").decode(), path), places[path]))
        except (AnswersError, UnicodeDecodeError):
            # Commands for that installation report the error. It must not block this installation.
            continue
    return found


def require_name(answers: Answers, existing: str, repository: WorkTree) -> None:
    """Check the name: AnswersError if it changes, UsageError if a new name is already in use."""
    from wizard.workspace.committed import list_installations

    name = answers.installation.name
    if existing and name != existing:
        problem = Problem(
            NAME,
            f"must stay {existing}, as its folders have this name; for a new installation add "
            "--preset or --answers",
        )
        raise AnswersError("the name of an installation cannot change", [problem])
    if not existing and name in list_installations(repository):
        raise UsageError(
            f"installation {name} already exists in {repository.prefix or 'this repository'}",
            f"change it with `airflow-wizard set --repo {repository.top}`, or give the new one "
            f"different names: {NEW_INSTALLATION_HINT}",
        )


def require_disjoint_claims(
    answers: Answers,
    before: Mapping[str, Any] | None,
    repository: WorkTree,
    others: Callable[[], Iterable[Claims]],
) -> None:
    """Raise AnswersError with each answer that claims an object of a different installation.

    `before` are the committed answers of this installation (None if it is new). `others` reads the
    answers of every installation, so it is not called if the claims are unchanged.
    """
    from wizard.answers.files import answers_data

    folder = repository.prefix
    own = derive_claims(answers_data(answers), folder)
    if before is not None and derive_claims(before, folder).without_cluster == own.without_cluster:
        return
    there = [one for one in others() if (one.name, one.folder) != (own.name, folder)]
    taken: dict[str, tuple[str, Claims]] = {}
    for other in there:
        for key, value in _find_shared_claims(own, other):
            taken.setdefault(key, (value, other))
    if not taken:
        return
    free = {key: _suggest_value(key, own, there) for key in taken}
    problems = [
        Problem(key, f"{value} belongs to {other}; {_describe_alternative(key, free[key])}")
        for key, (value, other) in taken.items()
    ]
    options = " ".join(f"--set {key}={value}" for key, value in free.items())
    raise AnswersError(
        "this installation would claim objects of another installation in this repository",
        problems,
        f"add {options}\n"
        f"{_other_cluster_hint(own, [other for _, other in taken.values()])}".rstrip(),
    )


def _describe_alternative(key: str, free: str) -> str:
    if key == CREDENTIAL:
        return f"Argo CD has one for each repository; set it to {free}"
    return f"give a different value, such as {free}"


def _find_shared_claims(own: Claims, other: Claims) -> Iterator[tuple[str, str]]:
    """Yield the key of each answer of `own` that claims an object of `other`, and the object."""
    same = _same_cluster(own, other)
    vault = bool(own.vault[0]) and own.vault == other.vault
    stored = (own.mount, own.path) == (other.mount, other.path)
    argocd = _same_argocd(own, other)
    if argocd and (taken := sorted(own.applications & other.applications)):
        yield NAME, f"Application {taken[0]}"
    if same and (own.namespace, own.release) == (other.namespace, other.release):
        yield NAMESPACE, f"release {own.release} in namespace {own.namespace}"
    if argocd and (taken := sorted(own.projects & other.projects)):
        yield PROJECT, f"AppProject {taken[0]}"
    # A role has one policy on the server: different paths conflict even on different mounts.
    at_mount = same and own.auth_mount == other.auth_mount
    if vault and own.role and own.role == other.role and (at_mount or not stored):
        yield ROLE, f"Vault role {own.role} with its policy"
    if vault and same and stored:
        yield own.path_key, f"the payload at {own.mount}/{own.path}"
    yield from _find_shared_credentials(own, other, vault=vault)
    if vault:
        yield from _find_shared_runtime(own, other)


def _find_shared_runtime(own: Claims, other: Claims) -> Iterator[tuple[str, str]]:
    """Yield the role of Airflow's pods if it is another's, and folders with another's payload.

    Folders may be shared: several installations may use the same connections.
    """
    at_mount = _same_cluster(own, other) and own.auth_mount == other.auth_mount
    folders = [(one.runtime_mount, *one.runtime_folders) for one in (own, other)]
    # As for the payload: installations in several clusters may read the same.
    shared = own.runtime == other.runtime and (at_mount or folders[0] != folders[1])
    if own.runtime and (shared or own.runtime in {other.role, other.reader}):
        yield RUNTIME_ROLE, f"Vault role {own.runtime} with its policy"
    if other.runtime and own.role == other.runtime:
        yield ROLE, f"Vault role {own.role} with its policy"
    if other.runtime and own.reader == other.runtime:
        yield READER, f"Vault role {own.reader} with its policy"
    for key, folder in zip(RUNTIME_FOLDERS, own.runtime_folders, strict=True):
        for path in (other.path, other.reader_path):
            near = folder and path and own.runtime_mount == other.mount
            if near and f"{path}/".startswith(f"{folder}/"):
                yield key, f"the payload at {other.mount}/{path}"


def _find_shared_credentials(
    own: Claims, other: Claims, *, vault: bool
) -> Iterator[tuple[str, str]]:
    """Yield the key of each answer with a shared credential, and the credential.

    Argo CD has one credential per repository, a Vault role one policy, and a path one reader.
    """
    if _same_argocd(own, other) and own.repository and own.repository == other.repository:
        yield CREDENTIAL, "Argo CD's credential for this repository"
    if not vault:
        return
    if own.reader and own.reader in {other.role, other.reader}:
        yield READER, f"Vault role {own.reader} with its policy"
    if own.role and own.role == other.reader:
        yield ROLE, f"Vault role {own.role} with its policy"
    if own.mount == other.mount:
        if own.reader_path and own.reader_path in {other.path, other.reader_path}:
            yield READER_PATH, f"the data at {own.mount}/{own.reader_path}"
        if own.path and own.path == other.reader_path:
            yield own.path_key, f"Argo CD's credential at {own.mount}/{own.path}"


def _same_cluster(own: Claims, other: Claims) -> bool:
    """Return whether both installations are in one cluster, according to their answers."""
    if not own.destination or not other.destination:
        # Without a destination, it is a kind cluster, which belongs to one installation only.
        return False
    for one, two in zip(own.cluster, other.cluster, strict=True):
        if one and two:
            return one == two
    if own.destination != other.destination:
        return False
    if own.vault[0] and own.vault == other.vault:
        return own.auth_mount == other.auth_mount
    # The in-cluster address is the same in every cluster; often each folder is for one cluster.
    return own.destination != IN_CLUSTER_SERVER or own.folder == other.folder


def _same_argocd(own: Claims, other: Claims) -> bool:
    """Return whether both installations may use the same Argo CD, according to their answers.

    If one is delivered to Argo CD's own cluster and the other to a different cluster, one central
    Argo CD may deliver both.
    """
    if not own.argocd or own.argocd != other.argocd:
        return False
    if own.reader_mount and other.reader_mount and own.vault == other.vault:
        # Each cluster has one auth mount; the reader's mount is that of Argo CD's cluster.
        return own.reader_mount == other.reader_mount
    if own.destination == other.destination == IN_CLUSTER_SERVER:
        return _same_cluster(own, other)
    return True


def _suggest_value(key: str, own: Claims, others: Iterable[Claims]) -> str:
    """Return a free value for an answer, built from the installation's name."""
    others = list(others)
    if key == CREDENTIAL:
        return "known"
    names = {one.name for one in others}
    plain = own.name
    if plain in names or plain == "airflow":
        plain = next(
            f"{plain}-{number}" for number in range(2, 9999) if f"{plain}-{number}" not in names
        )
    roles = {role for one in others for role in (one.role, one.reader, one.runtime)}
    paths = {path for one in others for path in (one.path, one.reader_path)}
    marked = plain if "airflow" in plain else f"airflow-{plain}"
    start, used = {
        NAME: (plain, names.union(*(one.applications for one in others))),
        NAMESPACE: (plain, {one.namespace for one in others}),
        PROJECT: (marked, set().union(*(one.projects for one in others))),
        ROLE: (f"external-secrets-{marked}", roles),
        own.path_key: (own.path_form.format(name=plain), paths),
        READER: (f"external-secrets-{marked}-argocd", roles),
        READER_PATH: (f"airflow-install/{plain}/argocd", paths),
        RUNTIME_ROLE: (f"{marked}-runtime", roles),
        **{
            runtime: (f"airflow/{plain}/{runtime.rpartition('.')[2].partition('_')[0]}", paths)
            for runtime in RUNTIME_FOLDERS
        },
    }[key]
    # The names that are derived from this value must be free too.
    more = (
        {NAME: PARENT_SUFFIXES, PROJECT: BOOTSTRAP_SUFFIXES}.get(key, ())
        if own.has_two_applications
        else ()
    )
    if not used & add_suffixes(start, more):
        return start
    head, slash, tail = start.rpartition("/")
    stems = (f"{head}-{n}/{tail}" if slash else f"{start}-{n}" for n in range(2, 9999))
    return next(one for one in stems if not used & add_suffixes(one, more))


def _other_cluster_hint(own: Claims, others: Iterable[Claims]) -> str:
    """Return a hint how to answer that the clusters differ; empty if the answers say so already."""
    if not any(_same_cluster(own, other) for other in others):
        return ""
    known = " as Argo CD knows it" if own.argocd else ""
    key = "delivery.argocd.destination" if own.argocd else "cluster.server"
    if any(own.vault[0] and own.vault == other.vault for other in others):
        return (
            "for a different cluster set its Vault auth mount (--set "
            f"secrets.vault.auth_mount=MOUNT) and its address{known} (--set {key}=URL)"
        )
    return f"for a different cluster set its address: --set {key}=URL"
