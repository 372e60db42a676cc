"""The Kubernetes client: paths, options and paging on top of Transport; see protocol.py."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from wizard.clients.kube import errors, port_forward
from wizard.clients.kube.errors import KubeError, UnservedVersionError, build_foreign_error
from wizard.clients.kube.protocol import (
    FIELD_MANAGER,
    ClusterIdentity,
    KubeObject,
    PodResponse,
    Propagation,
    Ref,
    Right,
    format_kind,
)
from wizard.clients.kube.request import APPLY_MEDIA_TYPE, MERGE_MEDIA_TYPE, Request
from wizard.clients.kube.resources import (
    Resource,
    find_deletable_resources,
    index_resources,
    version_path,
)
from wizard.clients.kube.transport import Transport

if TYPE_CHECKING:
    from datetime import datetime

_PAGE = 500
_WATCH_SECONDS, _PAUSE = 10.0, 2.0
_SETTLE_TRIES, _SETTLE_PAUSE = 5, 0.4
_TRANSIENT_KINDS = ("unreachable", "busy", "server", "expired")
_JSON = "application/json"
_META = "application/json;as=PartialObjectMetadata{};g=meta.k8s.io;v=v1"


class KubeClient:
    """The implementation of `Kube`; safe to use from several threads."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._found: dict[tuple[str, str], Resource] = {}

    @property
    def identity(self) -> str:
        """Return context, server, user and login; see Kube."""
        return self._transport.access.identity

    @property
    def server(self) -> str:
        """Return the API server's address, as seen from this machine."""
        return self._transport.access.server

    @property
    def ca(self) -> str:
        """Return the CA that the server is verified with; see Kube."""
        return self._transport.access.ca

    def cluster(self) -> ClusterIdentity:
        """Return the identity of the cluster; see Kube."""
        version = self._send("GET", "/version", "version of the API server")
        try:
            system = self.get(Ref("v1", "Namespace", "kube-system"), metadata=True)
        except KubeError as error:
            if error.kind != "forbidden":
                raise
            system = None
        uid = str(system["metadata"]["uid"]) if system else ""
        return ClusterIdentity(
            self.server, uid, str(version.get("gitVersion", "")).removeprefix("v")
        )

    def read_clock(self) -> datetime | None:
        """Return the API server's time; see Kube."""
        return self._transport.read_clock(Request("GET", "/version", "time of the API server"))

    def list_api_versions(self, group: str) -> tuple[str, ...]:
        """Return the versions of a group; see Kube."""
        what = f"versions of {group}"
        found = self._get_or_none(f"/apis/{group}", what)
        if found is None and any(one["name"] == group for one in self._list_groups()):
            raise build_foreign_error(what)
        preferred = (found or {}).get("preferredVersion", {}).get("version")
        versions = [str(one["version"]) for one in (found or {}).get("versions", [])]
        return tuple(sorted(versions, key=lambda one: one != preferred))

    def kinds(self, api_version: str) -> frozenset[str]:
        """Return the kinds of a group's version; see Kube."""
        return frozenset(self._resources(api_version))

    def list_namespaced_kinds(self) -> tuple[tuple[str, str], ...]:
        """Return the kinds that exist in namespaces; see Kube."""
        found = find_deletable_resources(self._list_groups(), self._discover)
        self._found |= found
        return tuple(found)

    def get(self, ref: Ref, *, metadata: bool = False) -> KubeObject | None:
        """Return the object, or None; see Kube."""
        path = self._resource(ref.api_version, ref.kind).path(ref.namespace, ref.name)
        accept, what = _META.format("") if metadata else _JSON, f"read {ref}"
        try:
            found = self._send("GET", path, what, accept=accept)
        except KubeError as error:
            if error.status != 404:
                raise
            if not error.is_from_server:
                self._require_unserved(ref.api_version, ref.kind, what)
            return None
        if "metadata" not in found:
            raise build_foreign_error(what)
        return found

    def find(
        self,
        api_version: str,
        kind: str,
        namespace: str = "",
        *,
        labels: str = "",
        metadata: bool = False,
    ) -> list[KubeObject]:
        """Return all objects of a kind; see Kube."""
        query = [("labelSelector", labels)] if labels else []
        found, _ = self._list_all(api_version, kind, namespace, query, metadata=metadata)
        return found

    def apply(
        self,
        manifest: KubeObject,
        *,
        manager: str = FIELD_MANAGER,
        dry_run: bool = False,
        force: bool = False,
    ) -> KubeObject:
        """Apply server-side; see Kube."""
        ref = Ref.from_manifest(manifest)
        path = self._resource(ref.api_version, ref.kind).path(ref.namespace, ref.name)
        query = _write_options(dry_run, manager) + [("force", "true")] * force
        return self._send("PATCH", path, f"apply {ref}", query, manifest, media=APPLY_MEDIA_TYPE)

    def replace_managed_fields(
        self, ref: Ref, entries: Sequence[KubeObject], *, version: str
    ) -> None:
        """Replace who owns which fields; see Kube."""
        path = self._resource(ref.api_version, ref.kind).path(ref.namespace, ref.name)
        body = {"metadata": {"resourceVersion": version, "managedFields": list(entries)}}
        what = f"update the field managers of {ref}"
        self._send("PATCH", path, what, _write_options(), body, media=MERGE_MEDIA_TYPE, again=False)

    def create(self, manifest: KubeObject, *, dry_run: bool = False) -> KubeObject:
        """Create the object; see Kube."""
        ref = Ref.from_manifest(manifest)
        path = self._resource(ref.api_version, ref.kind).path(ref.namespace)
        options = _write_options(dry_run)
        return self._send("POST", path, f"create {ref}", options, manifest, again=False)

    def replace(self, manifest: KubeObject, *, dry_run: bool = False) -> KubeObject:
        """Replace the object if it still has the manifest's version; see Kube."""
        ref = Ref.from_manifest(manifest)
        if not manifest["metadata"].get("resourceVersion"):
            raise ValueError(f"{ref}: the resourceVersion to replace is missing")
        path = self._resource(ref.api_version, ref.kind).path(ref.namespace, ref.name)
        options = _write_options(dry_run)
        return self._send("PUT", path, f"replace {ref}", options, manifest, again=False)

    def delete(
        self,
        ref: Ref,
        *,
        uid: str,
        version: str = "",
        dry_run: bool = False,
        propagation: Propagation = "Background",
    ) -> bool:
        """Delete the object if it still has this UID; see Kube."""
        path = self._resource(ref.api_version, ref.kind).path(ref.namespace, ref.name)
        only = {"uid": uid, **({"resourceVersion": version} if version else {})}
        body: KubeObject = {"preconditions": only, "propagationPolicy": propagation}
        # The server reads the option from the body; the query makes it visible in logs.
        query = [("dryRun", "All")] if dry_run else []
        if dry_run:
            body["dryRun"] = ["All"]
        try:
            self._send("DELETE", path, f"delete {ref}", query, body)
        except KubeError as error:
            if error.status == 404:
                return False
            raise
        return True

    def may(self, right: Right) -> bool:
        """Return whether the user has this right; see Kube."""
        attributes = {name: getattr(right, name) for name in Right.__dataclass_fields__}
        body = {"spec": {"resourceAttributes": {k: v for k, v in attributes.items() if v}}}
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        found = self._send("POST", path, f"may I {right}", [], body)
        return bool(found.get("status", {}).get("allowed"))

    def token(self, account: str, namespace: str, audience: str, seconds: int = 600) -> SecretStr:
        """Return a token of a ServiceAccount; see Kube."""
        path = Resource("/api/v1", "serviceaccounts", namespaced=True).path(namespace, account)
        audiences = [audience] if audience else []
        body = {"spec": {"audiences": audiences, "expirationSeconds": seconds}}
        what = f"token of ServiceAccount {namespace}/{account}"
        found = self._send("POST", f"{path}/token", what, [], body)
        return SecretStr(str(found["status"]["token"]))

    def with_token(self, token: SecretStr) -> KubeClient:
        """Return a client with another login; see Kube."""
        return KubeClient(self._transport.with_token(token))

    def ask_pod(
        self, pod: Ref, port: int, path: str, host: str, *, seconds: float = 10.0
    ) -> PodResponse:
        """Return a program's answer to one GET request; see Kube."""
        place = Resource("/api/v1", "pods", namespaced=True).path(pod.namespace, pod.name)
        asked = port_forward.build_request(path, host)
        what = f"port-forward to {pod}"
        return port_forward.request_pod(
            self._transport, f"{place}/portforward", what, port, asked, seconds
        )

    def follow(self, ref: Ref, seconds: float) -> Generator[KubeObject | None]:
        """Yield the object's state until the time is up; polls if the user may not watch."""
        end = time.monotonic() + seconds
        failed: KubeError | None = None
        watched = True
        while True:
            try:
                if watched:
                    yield from self._watch_once(ref, min(_WATCH_SECONDS, end - time.monotonic()))
                else:
                    yield self.get(ref)
                failed = None
            except KubeError as error:
                if error.kind == "forbidden" and watched:
                    watched = False
                    continue
                if error.kind not in _TRANSIENT_KINDS:
                    raise
                failed = error
            if time.monotonic() >= end:
                break
            if failed is not None or not watched:
                time.sleep(max(0.0, min(_PAUSE, end - time.monotonic())))
        if failed is not None:
            raise failed

    def _watch_once(self, ref: Ref, seconds: float) -> Generator[KubeObject | None]:
        """Yield the current state, then each change; stops early if the watch fails."""
        query = [("fieldSelector", f"metadata.name={ref.name}")]
        items, version = self._list_all(ref.api_version, ref.kind, ref.namespace, query)
        yield items[0] if items else None
        path = self._resource(ref.api_version, ref.kind).path(ref.namespace)
        limit = max(1, round(seconds))
        more = [("watch", "true"), ("resourceVersion", version), ("timeoutSeconds", str(limit))]
        request = Request("GET", path, f"watch {ref}", [*query, *more])
        with closing(self._transport.stream(request, limit)) as events:
            for event in events:
                if event.get("type") == "ERROR":
                    return
                yield None if event.get("type") == "DELETED" else event["object"]

    def _list_all(
        self,
        api_version: str,
        kind: str,
        namespace: str,
        query: list[tuple[str, str]],
        *,
        metadata: bool = False,
    ) -> tuple[list[KubeObject], str]:
        """Return all items of all pages, and the version of the last page.

        A page token expires after some minutes (410); the list then starts again.
        """
        path = self._resource(api_version, kind).path(namespace)
        accept = _META.format("List") if metadata else _JSON
        what = f"list {format_kind(kind)}{' in ' + namespace if namespace else ''}"
        items: list[KubeObject] = []
        going, anew = "", False
        while True:
            asked = [*query, ("limit", str(_PAGE)), *([("continue", going)] if going else [])]
            try:
                found = self._send("GET", path, what, asked, accept=accept)
            except KubeError as error:
                if error.status == 404:
                    self._require_unserved(api_version, kind, what)
                if error.kind != "expired" or not going or anew:
                    raise
                items, going, anew = [], "", True
                continue
            if "items" not in found:
                raise build_foreign_error(what)
            items += found["items"] or []
            about = found.get("metadata", {})
            going = about.get("continue") or ""
            if not going:
                return items, str(about.get("resourceVersion") or "")

    def _resource(self, api_version: str, kind: str) -> Resource:
        key = (api_version, kind)
        if key not in self._found:
            # Missing kinds are not cached: their CRDs may be installed later.
            found = self._resources(api_version).get(kind)
            if found is None:
                if served := self._find_other_version(api_version, kind):
                    raise UnservedVersionError(kind, api_version, served)
                raise KubeError(
                    "missing",
                    f"the cluster does not know {kind} of {api_version}",
                    "install the operator that provides this kind, in a version that serves it",
                )
            self._found[key] = found
        return self._found[key]

    def _find_other_version(self, api_version: str, kind: str) -> str:
        """Return another version of the group that serves a kind; empty if none does."""
        group, _, version = api_version.rpartition("/")
        others = self.list_api_versions(group) if group else ()
        served = (f"{group}/{one}" for one in others if one != version)
        return next((one for one in served if kind in self._resources(one)), "")

    def _resources(self, api_version: str) -> dict[str, Resource]:
        return index_resources(api_version, self._discover(api_version))

    def _discover(self, api_version: str) -> list[KubeObject]:
        """Return the resources of a version; none if the server does not list the version.

        A 404 alone proves nothing: proxies and API servers behind this one say it too. For a moment
        after a change of a CRD, the server itself says it of what it lists.
        """
        what, found = f"kinds of {api_version}", None
        for number in range(_SETTLE_TRIES):
            if number:
                time.sleep(_SETTLE_PAUSE)
            found = self._get_or_none(version_path(api_version), what)
            if found is not None and "resources" in found:
                return list(found["resources"] or [])
            if found is None and not self._is_listed(api_version):
                return []
        if found is None:
            raise errors.build_unready_error(api_version, what)
        raise build_foreign_error(what)

    def _is_listed(self, api_version: str) -> bool:
        """Return whether the server says that it serves a version."""
        groups = self._list_groups() if "/" in api_version else []
        served = {one["groupVersion"] for group in groups for one in group["versions"]}
        return api_version in served | {"v1"}

    def _list_groups(self) -> list[KubeObject]:
        found = self._send("GET", "/apis", "API groups")
        if "groups" not in found:
            raise build_foreign_error("API groups")
        return list(found["groups"] or [])

    def _require_unserved(self, api_version: str, kind: str, what: str) -> None:
        """Raise KubeError if the cluster serves a kind, so that a 404 is not its answer."""
        if kind in self._resources(api_version):
            raise build_foreign_error(what)

    def _get_or_none(self, path: str, what: str, **options: Any) -> KubeObject | None:
        """Return the content of a path; None if the server does not serve it."""
        try:
            return self._send("GET", path, what, **options)
        except KubeError as error:
            if error.status == 404:
                return None
            raise

    def _send(
        self,
        method: str,
        path: str,
        what: str,
        query: list[tuple[str, str]] | None = None,
        body: KubeObject | None = None,
        **options: Any,
    ) -> KubeObject:
        # GET and DELETE send no secret that an error could quote.
        secret = method not in {"GET", "DELETE"} and ("/secrets" in path or path.endswith("/token"))
        request = Request(method, path, what, query or [], body, secret=secret, **options)
        answer = self._transport.send(request)
        if not isinstance(answer, dict):
            raise KubeError("server", f"{what}: the answer is not an object")
        return answer


def _write_options(dry_run: bool = False, manager: str = FIELD_MANAGER) -> list[tuple[str, str]]:
    """Return the options of every write: field manager and strict field validation."""
    found = [("fieldManager", manager), ("fieldValidation", "Strict")]
    return [*found, ("dryRun", "All")] if dry_run else found
