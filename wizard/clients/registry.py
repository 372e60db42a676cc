"""Checks anonymously on public servers whether a chart version and an image tag exist.

Sends nothing secret. Proxies come from the environment; redirects are followed over https only,
and a registry's anonymous token is sent to that registry only. Sources: Helm's chart repository
guide (index.yaml) and the OCI distribution specification (HEAD of a manifest).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from wizard.formats.images import DOCKER_HUB, split_image

SECONDS = 8.0
_MAX_BYTES = 20_000_000
_DOCKER = "registry-1.docker.io"
_MANIFESTS = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
_VERSION = re.compile(r"(?:  - |    )version: *[\"']?([^\"'\s]+)[\"']?\s*")


class WebError(Exception):
    """A server gave no valid response; the message contains the reason.

    `status` is that of the response; 0 without one.
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class WebResponse:
    """A server's response; `headers` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Image:
    """An image in a registry, with the names of the OCI distribution API."""

    registry: str
    name: str
    tag: str

    @classmethod
    def from_repository(cls, repository: str, tag: str) -> Image:
        """Return the image of a repository, which may be one of Docker Hub without a host."""
        host, name = split_image(repository)
        return cls(_DOCKER if host == DOCKER_HUB else host, name, tag)


def fetch_chart_versions(repository: str, chart: str) -> tuple[str, ...]:
    """Return the versions of a chart in a Helm repository's index; empty if none is listed.

    Raises WebError.
    """
    answer = send_request(f"{repository.rstrip('/')}/index.yaml")
    if answer.status != 200:
        raise WebError(f"the index is not available (HTTP {answer.status})", answer.status)
    return parse_chart_versions(answer.body.decode("utf-8", "replace"), chart)


def parse_chart_versions(index: str, chart: str) -> tuple[str, ...]:
    """Return the versions from an index's text, which Helm always writes in this form.

    Reading it as YAML would take seconds: an index has thousands of lines.
    """
    found: list[str] = []
    inside = within = False
    for line in index.splitlines():
        if line[:1] not in {" ", "#", ""}:
            inside, within = line.rstrip() == "entries:", False
        elif inside and re.match(r"  [^ \-#]", line):
            within = line.strip() == f"{chart}:"
        elif within and (match := _VERSION.fullmatch(line)):
            found.append(match[1])
    return tuple(found)


def fetch_manifest(image: Image) -> WebResponse:
    """Return the registry's response for the tag with an anonymous login; raises WebError."""
    url = f"https://{image.registry}/v2/{quote(image.name)}/manifests/{quote(image.tag)}"
    answer = send_request(url, method="HEAD", accept=_MANIFESTS)
    if answer.status == 401:
        token = _fetch_anonymous_token(answer.headers.get("www-authenticate", ""), image)
        if token:
            answer = send_request(url, method="HEAD", accept=_MANIFESTS, token=token)
    return answer


def _fetch_anonymous_token(challenge: str, image: Image) -> str:
    """Return an anonymous token, requested as the registry's challenge says; empty if not given."""
    import json

    scheme, _, rest = challenge.partition(" ")
    words = dict(re.findall(r'(?<![a-z])([a-z]++)="([^"]*+)"', rest))
    realm = words.get("realm", "")
    if scheme.casefold() != "bearer" or urlsplit(realm).scheme != "https":
        return ""
    query = {"service": words.get("service", ""), "scope": f"repository:{image.name}:pull"}
    answer = send_request(f"{realm}?{urlencode({k: v for k, v in query.items() if v})}")
    try:
        found: Any = json.loads(answer.body)
        token = found.get("token") or found.get("access_token") or ""
    except (ValueError, AttributeError):
        return ""
    return str(token) if answer.status == 200 and str(token).isprintable() else ""


def send_request(
    url: str, *, method: str = "GET", accept: str = "*/*", token: str = ""
) -> WebResponse:
    """Send one request over https; every status is a response. Raises WebError."""
    headers = {"Accept": accept, "User-Agent": "airflow-wizard"}
    request = Request(url, method=method, headers=headers)  # noqa: S310 - https, see below
    if request.type != "https":
        raise WebError("the URL is not https")
    if token:
        # A header that is not sent again after a redirect, so a different host gets no token.
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    try:
        with _build_opener().open(request, timeout=SECONDS) as response:
            return _build_response(response.status, response.headers, response.read(_MAX_BYTES))
    except HTTPError as error:
        with error:
            return _build_response(error.code, error.headers, b"")
    except (OSError, HTTPException, ValueError) as error:
        raise WebError(_describe_error(error)) from None


def _build_response(status: int, headers: Any, body: bytes) -> WebResponse:
    return WebResponse(status, {name.lower(): value for name, value in headers.items()}, body)


def _build_opener() -> Any:
    class SafeRedirects(HTTPRedirectHandler):
        def redirect_request(
            self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
        ) -> Any:
            if urlsplit(newurl).scheme != "https":
                raise WebError("it redirects away from https")
            made = super().redirect_request(req, fp, code, msg, headers, newurl)
            if made is not None:
                # urllib would change a HEAD request into GET.
                made.method = req.get_method()
            return made

    return build_opener(SafeRedirects)


def _describe_error(error: Exception) -> str:
    import socket
    import ssl

    cause = getattr(error, "reason", error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted on this machine: {cause.verify_message}"
    if isinstance(cause, socket.gaierror):
        return "its name does not resolve here"
    if isinstance(cause, TimeoutError):
        return f"no answer in {SECONDS:g} s"
    if isinstance(cause, ssl.SSLError):
        return "no TLS session with it"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return "its answer is not HTTP"
