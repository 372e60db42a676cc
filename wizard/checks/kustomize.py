"""Every kustomization.yaml must list all manifests of its folder, and never the Helm values.

Of a folder with a kustomization, Argo CD applies only the files that it lists. Without one, Argo
CD would also apply the values file (facts on Argo CD).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from wizard.checks.secrets import application_sources
from wizard.checks.subject import Document, Subject, as_list, as_mapping
from wizard.checks.surroundings import list_generator_files
from wizard.errors import Fix
from wizard.findings import Finding, Severity
from wizard.formats.nested import format_path, walk
from wizard.manifests.kustomize import Kustomized, is_remote, kustomize
from wizard.manifests.objects import KUSTOMIZATION_NAMES
from wizard.manifests.transformations import Manifest


def check_kustomize(subject: Subject) -> Iterator[Finding]:
    """Check every kustomization of the tree, and the folder of the values file."""
    folders = set()
    for document in subject.documents:
        # kustomize reads a kustomization without `kind`, too.
        if document.kind not in ("", "Kustomization"):
            continue
        if posixpath.basename(document.path) in KUSTOMIZATION_NAMES:
            folders.add(posixpath.dirname(document.path))
            if not subject.layout.is_beside_applications(document.path):
                yield from _resources(subject, document)
    yield from _check_values_folder(subject, folders)
    yield from _check_manifests(subject)


def _check_manifests(subject: Subject) -> Iterator[Finding]:
    """Check that kustomize applies the wizard's manifests, as they are written and alone.

    A tree that the wizard did not write has no such manifests: there, an overlay may patch all.
    """
    if not subject.layout.manifests:
        return
    folder = posixpath.dirname(subject.layout.values)
    roots = [posixpath.join(folder, name) for name in KUSTOMIZATION_NAMES]
    found = [path for path in roots if path in subject.files]
    if not found:
        message, fix = "there is no kustomization for the manifests", "render it again"
        yield Finding("kustomize.guarded", "error", roots[0], "", message, Fix(fix))
        return
    result = kustomize(found[0], subject.files.get, subject.layout.manifests)
    for path, where, message in result.faults:
        fix = "remove it; write objects of your own as they should be, and list their files"
        yield Finding("kustomize.guarded", "error", path, where, message, Fix(fix))
    for path, where in result.remote:
        message = "not judged: these objects are not in this repository"
        fix = "copy them into the repository to have them checked, too"
        yield Finding("kustomize.remote", "warning", path, where, message, Fix(fix))
    for path in sorted(subject.layout.manifests - result.paths):
        message = "not applied: the kustomization does not reach this file"
        fix = f"list the file in {found[0]}"
        yield Finding("kustomize.unlisted", "error", path, "", message, Fix(fix))
    yield from _check_rivals(subject, result)
    yield from _check_folder(subject, folder)


def _check_rivals(subject: Subject, result: Kustomized) -> Iterator[Finding]:
    """Report objects of others that stand for an object of the wizard, or write its Secret."""
    pinned = [one for one in result.objects if one.pinned]
    names = {(one.kind, one.metadata("name")) for one in pinned}
    secrets = {_secret_name(one) for one in pinned if one.makes_secret} - {""}
    accounts = {str(one.metadata("name")) for one in pinned if one.kind == "ServiceAccount"}
    seen: set[int] = set()
    for one in result.objects:
        if one.pinned:
            continue
        name = (one.kind, one.metadata("name"))
        message = ""
        if name in names:
            message = "another file already has an object of this kind and name"
        elif one.written and name == ("ConfigMap", subject.layout.config_map):
            message = "kustomize gives it the name of the chart's ConfigMap with the host keys"
        elif one.makes_secret and _secret_name(one) in secrets:
            message = "the Secret of this name comes from the store already"
        if message:
            fix = "give it a name of its own"
            yield Finding("kustomize.rival", "error", one.path, "metadata.name", message, Fix(fix))
        data = one.written or one.data
        if id(data) in seen:
            continue
        seen.add(id(data))
        for where in _find_account_uses(data, accounts):
            message = "uses the ServiceAccount that is reserved for the store: it reads the Secrets"
            fix = "use a ServiceAccount of its own"
            yield Finding("kustomize.account", "error", one.path, where, message, Fix(fix))


def _find_account_uses(data: object, accounts: set[str]) -> Iterator[str]:
    """Yield the places where an object runs as one of these accounts, or asks for its token."""
    for path, value in walk(data):
        if not (path and isinstance(value, str) and value in accounts):
            continue
        *above, key = (str(part).lower().replace("-", "") for part in path)
        named = key == "name" and above and above[-1].endswith(("serviceaccount", "accountref"))
        if named or key.endswith(("serviceaccount", "serviceaccountname", "serviceaccount.name")):
            yield format_path(path)


def _secret_name(one: Manifest) -> str:
    """Return the name of the Secret that an object creates; "" if it creates none."""
    spec = as_mapping(one.data.get("spec"))
    if one.kind == "ClusterExternalSecret":
        spec = {**as_mapping(spec.get("externalSecretSpec")), "own": spec.get("externalSecretName")}
    if one.kind.endswith("Store"):
        return ""
    name = as_mapping(spec.get("target")).get("name") or spec.get("own")
    name = name or as_mapping(as_mapping(spec.get("template")).get("metadata")).get("name")
    return str(name or one.metadata("name") or "")


def _check_folder(subject: Subject, folder: str) -> Iterator[Finding]:
    """Report files that make Argo CD read the folder differently, whatever else is in it."""
    for path in subject.files:
        where, name = posixpath.split(path)
        if where != folder:
            continue
        if name.startswith(".argocd-source") and name.endswith(".yaml"):
            message = "Argo CD would merge this file into the Application's source"
        elif name == "Chart.yaml":
            message = "Argo CD would render this folder as a chart, not with kustomize"
        else:
            continue
        yield Finding("kustomize.guarded", "error", path, "", message, Fix("remove this file"))


def _resources(subject: Subject, document: Document) -> Iterator[Finding]:
    folder = posixpath.dirname(document.path)
    listed = set()
    for number, resource in enumerate(as_list(document.data.get("resources"))):
        path = posixpath.normpath(posixpath.join(folder, str(resource)))
        listed.add(path)
        where = f"resources[{number}]"
        if subject.is_values(path):
            message = "the Helm values are not a manifest; applying them fails"
            yield Finding(
                "kustomize.values", "error", document.path, where, message, Fix("remove the line")
            )
        elif not any(file == path or file.startswith(f"{path}/") for file in subject.files):
            if is_remote(str(resource)):
                continue
            message = "there is no such file, and no kustomization in a folder of this name"
            fix = "remove the line, or commit the file"
            yield Finding("kustomize.missing", "error", document.path, where, message, Fix(fix))
    if not subject.layout.manifests:
        yield from _report_remote(document)
    # In a tree that the wizard did not write, files of some kinds are not read.
    generated = list_generator_files(document.data) if subject.layout.manifests else ()
    for place, name in generated:
        path = posixpath.normpath(posixpath.join(folder, name))
        if path not in subject.files and not is_remote(name):
            message, fix = "there is no such file", "remove the line, or commit the file"
            yield Finding("kustomize.missing", "error", document.path, place, message, Fix(fix))
    # Patches and the like are named elsewhere in the kustomization.
    named = {
        posixpath.normpath(posixpath.join(folder, text))
        for path, text in walk(document.data)
        if path and path[0] != "resources" and isinstance(text, str) and "\n" not in text
    }
    # Not the kustomization, but the store decrypts and applies them.
    encrypted = {one.path for one in subject.layout.encrypted}
    for other in subject.documents:
        if other.path in named or other.path in encrypted:
            continue
        inside = other.path.startswith(f"{folder}/") and other.path != document.path
        if inside and other.api_version and other.kind and not _is_listed(other, listed, subject):
            message = "not applied: the folder's kustomization does not list this file"
            fix = f"list the file in {document.path}"
            others = subject.layout.is_of_others(other.path)
            severity: Severity = "warning" if others else "error"
            yield Finding("kustomize.unlisted", severity, other.path, "", message, Fix(fix))


def _report_remote(document: Document) -> Iterator[Finding]:
    """Report what a kustomization of others takes from elsewhere; `_check_manifests` does ours."""
    for key in ("resources", "bases", "components"):
        for number, item in enumerate(as_list(document.data.get(key))):
            if isinstance(item, str) and is_remote(item):
                message = "not judged: these objects are not in this repository"
                fix = Fix("copy them into the repository to have them checked, too")
                place = document.where(f"{key}[{number}]")
                yield Finding("kustomize.remote", "warning", document.path, place, message, fix)


def _is_listed(document: Document, listed: set[str], subject: Subject) -> bool:
    if document.group in ("kustomize.config.k8s.io", "kind.x-k8s.io"):
        return True
    if subject.is_values(document.path):
        return True
    return any(document.path == path or document.path.startswith(f"{path}/") for path in listed)


def _check_values_folder(subject: Subject, folders: set[str]) -> Iterator[Finding]:
    """Require a kustomization if an Application renders the folder of a values file.

    A folder with a chart is left to Helm.
    """
    files = {one.path for one in subject.documents if subject.is_values(one.path)}
    plain = {posixpath.dirname(path) for path in {*files, subject.layout.values} - {""}} - folders
    plain -= {posixpath.dirname(path) for path in subject.files if _is_chart(path)}
    for application in subject.objects("Application", group="argoproj.io") if plain else ():
        for where, source in application_sources(application):
            path = str(source.get("path") or "").strip("/")
            found = [one for one in plain if path == one or (one and path.endswith(f"/{one}"))]
            if path and not source.get("chart") and found:
                folder = max(found, key=len)
                message = "Argo CD would apply the values file of this folder as a manifest"
                fix = f"add {folder}/kustomization.yaml and list the manifests in it"
                yield Finding(
                    "kustomize.values",
                    "error",
                    application.path,
                    application.where(f"{where}.path"),
                    message,
                    Fix(fix),
                )


def _is_chart(path: str) -> bool:
    return posixpath.basename(path) == "Chart.yaml"
