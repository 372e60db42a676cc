"""Who uses a project, a repository or a namespace of Argo CD.

Users are Applications, ApplicationSets, and Secrets that register repositories or clusters.

An ApplicationSet may have no Application yet, or none any more, and create one at any moment. Its
templates are filled from values that only Argo CD knows, so a template that may give the name in
question makes a possible user. Source: Argo CD, ApplicationSet: `template`, `templatePatch`, the
`template` of a generator, and the repositories that generators read.

A Secret that registers a repository or a cluster may be for Applications that do not exist yet. The
one for this installation's own repository is for the Applications that read it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wizard.clients.kube.errors import KubeError
from wizard.clients.kube.protocol import Kube, KubeObject, Ref
from wizard.deliveries.argocd.manifests import API_VERSION
from wizard.engine.steps import StepStatus
from wizard.errors import Fix
from wizard.formats.addresses import IN_CLUSTER_SERVER, normalize_url
from wizard.formats.terminal import escape_unprintable
from wizard.systems.argocd.application_removal import repository_urls
from wizard.systems.argocd.secrets import REPOSITORY_KINDS, SCOPED_KINDS, list_secrets
from wizard.systems.cluster.object_removal import read_object
from wizard.systems.cluster.ownership import UnknownOwnerStatus
from wizard.systems.cluster.source import judge_object

if TYPE_CHECKING:
    from wizard.systems.target import Target

_SET = "ApplicationSet"
# What a patch sets is not looked for in its text.
_ANYTHING = "{{ }}"
_HERE = (IN_CLUSTER_SERVER, "in-cluster")


@dataclass(frozen=True, slots=True)
class User:
    """An Application, ApplicationSet or Secret; it is a possible user unless `is_certain`."""

    name: str
    uid: str
    is_certain: bool = True


def find_project_users(kube: Kube, target: Target, project: Ref, namespace: str) -> list[User]:
    """Return who uses an AppProject, in a namespace ("" for all); raises KubeError."""
    return _find_users(
        kube,
        target,
        namespace,
        project.namespace,
        lambda spec: spec.get("project") == project.name,
        lambda found: _judge_texts(
            _list_projects(found),
            lambda text: text == project.name,
            lambda text: _may_give(text, project.name),
        ),
    )


def find_project_secrets(kube: Kube, project: Ref, url: str) -> list[str]:
    """Return the Secrets that are only for a project; raises KubeError.

    `url` is that of this installation's repository.
    """
    return [
        name
        for name, fields in _list_secrets(kube, project.namespace, SCOPED_KINDS, "project", url)
        if fields.get("project") == project.name
    ]


def find_host_secrets(
    kube: Kube, namespace: str, url: str, is_here: Callable[[str], bool]
) -> list[str]:
    """Return the Secrets for other repositories on a host; raises KubeError.

    `url` is that of this installation's repository.
    """
    return [
        name
        for name, fields in _list_secrets(kube, namespace, REPOSITORY_KINDS, "url", url)
        if is_here(fields.get("url", "")) or is_here(_extend_url(fields.get("url", "")))
    ]


def _extend_url(prefix: str) -> str:
    """Return a URL that starts with a prefix, which may end with the host."""
    return f"{prefix}x" if prefix.endswith((":", "/")) else f"{prefix}/x"


def _list_secrets(
    kube: Kube, namespace: str, kinds: Collection[str], key: str, url: str
) -> Iterator[tuple[str, Mapping[str, str]]]:
    is_own = is_same_repository(url)
    for one in list_secrets(kube, namespace, kinds, key):
        if not is_own(one.fields.get("url", "")):
            yield escape_unprintable(f"Secret {one.name}"), one.fields


def find_repository_users(
    kube: Kube,
    target: Target,
    namespace: str,
    is_used: Callable[[str], bool],
    may_be: Callable[[str], bool],
) -> list[User]:
    """Return who reads a repository for which `is_used` is true; raises KubeError.

    `may_be` judges a URL with variables of a template. `namespace` is that of Argo CD.
    """
    return _find_users(
        kube,
        target,
        _application_namespaces(kube, namespace),
        namespace,
        lambda spec: any(map(is_used, repository_urls({"spec": spec}))),
        lambda found: _judge_texts(_list_repositories(found), is_used, may_be),
    )


def find_namespace_users(kube: Kube, target: Target, namespace: str) -> list[User]:
    """Return the ApplicationSets that may deploy into Argo CD's own namespace; raises KubeError.

    What an Application has deployed there is found by itself.
    """
    return _find_users(
        kube,
        target,
        _application_namespaces(kube, namespace),
        namespace,
        lambda _spec: False,
        # Deploying there is a use of the namespace, and of what is in it only perhaps.
        lambda found: False if _may_deploy_to(found, namespace) else None,
    )


def refuse_used(ref: Ref, found: KubeObject, users: Sequence[User], what: str) -> StepStatus | None:
    """Return why an object must not be deleted that others use; `what` says how they do.

    Possible users block it until the operator says yes to exactly them.
    """
    certain = [one.name for one in users if one.is_certain]
    if certain:
        return StepStatus(
            "blocked",
            f"{ref} is used by {', '.join(certain)}{what}; not deleted",
            Fix("move them to a different one, then run it again"),
        )
    if not users:
        return None
    names = ", ".join(one.name for one in users)
    uids = " ".join(sorted(one.uid for one in users))
    return UnknownOwnerStatus(
        "blocked",
        f"{ref} may be used by {names}{what}, whose templates are filled by Argo CD; not deleted",
        Fix("check them"),
        f"{ref} {found['metadata'].get('uid')}, beside {names} {uids}",
    )


def refuse_unseen(ref: Ref, error: KubeError, command: str) -> StepStatus:
    """Return the refusal where the users of an object may not be listed; else raise the error."""
    if error.kind != "forbidden":
        raise error
    return StepStatus(
        "blocked",
        "no permission to see whether another Application or ApplicationSet uses "
        f"{ref}; not deleted",
        Fix(f"ask Argo CD's admin to run: {command}"),
    )


def _find_users(
    kube: Kube,
    target: Target,
    namespace: str,
    home: str,
    uses: Callable[[Mapping[str, Any]], bool],
    may_use: Callable[[KubeObject], bool | None],
) -> list[User]:
    """Return the users that are not proven to be ours.

    `uses` judges an Application's spec. `may_use` judges an ApplicationSet: True for a user, False
    for a possible one, None for no user.
    """
    found = [
        _name(one, "Application", home)
        for one in _list_others(kube, target, "Application", namespace)
        if uses(one.get("spec") or {})
    ]
    for one in _list_others(kube, target, _SET, namespace):
        verdict = may_use(one)
        if verdict is not None:
            found.append(_name(one, _SET, home, is_certain=verdict))
    return found


def _list_others(kube: Kube, target: Target, kind: str, namespace: str) -> Iterator[KubeObject]:
    """Yield the objects in a namespace ("" for all) that are not proven to be ours."""
    if kind == _SET and kind not in kube.kinds(API_VERSION):
        return
    for one in kube.find(API_VERSION, kind, namespace):
        if not judge_object(one, target.release.owner_id).is_ours:
            yield one


def _name(found: KubeObject, kind: str, home: str, *, is_certain: bool = True) -> User:
    """Return a user with its name, and with its namespace if that is not Argo CD's."""
    about = found["metadata"]
    place = "" if about["namespace"] == home else f"{about['namespace']}/"
    name = escape_unprintable(f"{kind} {place}{about['name']}")
    return User(name, str(about.get("uid")), is_certain)


def _application_namespaces(kube: Kube, namespace: str) -> str:
    """Return the namespace whose Applications this Argo CD follows; empty if it follows others too.

    Source: Argo CD, applications in any namespace (`application.namespaces`).
    """
    try:
        found = read_object(kube, Ref("v1", "ConfigMap", "argocd-cmd-params-cm", namespace)) or {}
    except KubeError as error:
        if error.kind != "forbidden":
            raise
        return ""
    return "" if (found.get("data") or {}).get("application.namespaces") else namespace


def _judge_texts(
    texts: Iterator[str], is_wanted: Callable[[str], bool], may_be: Callable[[str], bool]
) -> bool | None:
    """Return True if a text is wanted, False if a template may give one, None if none does."""
    verdict: bool | None = None
    for text in texts:
        if not _has_variable(text):
            if is_wanted(text):
                return True
        elif may_be(text):
            verdict = False
    return verdict


def _has_variable(text: str) -> bool:
    return "{{" in text


def _split_template(template: str) -> list[str]:
    """Return the fixed parts of a template, which its variables separate."""
    first, *others = template.split("{{")
    return [first, *(one.partition("}}")[2] for one in others)]


def _may_give(template: str, wanted: str) -> bool:
    """Return whether a template may give a text: what is fixed in it must be there, in order."""
    first, *others = _split_template(template)
    if not others:
        return template == wanted
    *middle, last = others
    if not wanted.startswith(first) or not wanted.endswith(last):
        return False
    rest = wanted[len(first) : len(wanted) - len(last)]
    for part in middle:
        _, found, rest = rest.partition(part) if part else ("", "x", rest)
        if not found:
            return False
    return len(first) + len(last) <= len(wanted)


def _may_deploy_to(found: KubeObject, namespace: str) -> bool:
    """Return whether Applications of a set may deploy into a namespace of Argo CD's cluster."""
    for spec in _list_specs(found):
        place = spec.get("destination") or {}
        servers = [str(place[key]) for key in ("server", "name") if place.get(key)]
        here = not servers or any(one in _HERE or _has_variable(one) for one in servers)
        target = str(place.get("namespace") or "")
        if here and _may_give(target, namespace):
            return True
    return "namespace" in _read_patch(found)


def _list_projects(found: KubeObject) -> Iterator[str]:
    for spec in _list_specs(found):
        if spec.get("project"):
            yield str(spec["project"])
    if "project" in _read_patch(found):
        yield _ANYTHING


def _list_repositories(found: KubeObject) -> Iterator[str]:
    """Yield the repositories that a set's Applications or its generators read."""
    yield from (str(one) for one in _walk(found.get("spec") or {}, "repoURL"))
    if "repoURL" in _read_patch(found):
        yield _ANYTHING


def _read_patch(found: KubeObject) -> str:
    """Return the patch of the template; empty if there is none."""
    return str((found.get("spec") or {}).get("templatePatch") or "")


def _list_specs(found: KubeObject) -> Iterator[Mapping[str, Any]]:
    """Yield the specs of Applications that a set has: its own, and those of its generators."""
    for one in _walk(found.get("spec") or {}, "template"):
        if isinstance(one, Mapping) and isinstance(one.get("spec"), Mapping):
            yield one["spec"]


def _walk(value: Any, key: str) -> Iterator[Any]:
    """Yield the values of a key, at any depth."""
    if isinstance(value, Mapping):
        for name, one in value.items():
            if name == key:
                yield one
            yield from _walk(one, key)
    elif isinstance(value, list):
        for one in value:
            yield from _walk(one, key)


def is_same_repository(url: str) -> Callable[[str], bool]:
    """Return a function that compares another URL with that one, as Argo CD does."""
    return lambda text: normalize_url(text) == normalize_url(url)


def may_be_repository(url: str) -> Callable[[str], bool]:
    """Return a function that tells whether a URL with variables may be that one."""
    return lambda text: _may_give(normalize_url(text), normalize_url(url))


def may_be_host(is_here: Callable[[str], bool]) -> Callable[[str], bool]:
    """Return a function that tells whether a URL with variables may be of a host."""

    def may_be(text: str) -> bool:
        # Up to the path: a variable there may be any host.
        place = normalize_url(text).removeprefix("https://").partition("/")[0]
        return _has_variable(place) or is_here("x".join(_split_template(text)))

    return may_be
