"""Registers a read-only deploy key through a Git provider's API.

Uses verified TLS and follows no redirects, so the token reaches only the provider's own API. The
provider's messages are never repeated, because they may quote the request. Source: REST references
of GitHub, GitLab, Bitbucket Cloud and Gitea (facts on SSH, section 7).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from wizard.clients.time_limit import REQUEST_SECONDS, call_within
from wizard.errors import ConflictError, RefusedError, WizardError
from wizard.secrets.deploy_key import is_same_key

if TYPE_CHECKING:
    from pydantic import SecretStr

Kind = Literal["github", "gitlab", "bitbucket", "gitea"]

SECONDS = 15.0
_MAX_BYTES = 4_000_000
_MAX_PAGES = 20


@dataclass(frozen=True, slots=True)
class ProviderRepository:
    """One repository at a provider: `api` is the API's base URL, `path` is owner and name."""

    kind: Kind
    api: str
    path: str

    @property
    def keys(self) -> str:
        """Return the API path of the repository's deploy keys."""
        where = {
            "github": f"/repos/{quote(self.path)}/keys",
            "gitlab": f"/projects/{quote(self.path, safe='')}/deploy_keys",
            "bitbucket": f"/repositories/{quote(self.path)}/deploy-keys",
            "gitea": f"/repos/{quote(self.path)}/keys",
        }
        return self.api + where[self.kind]

    def page(self, number: int) -> str:
        """Return the API path of one page of the repository's deploy keys."""
        size = {"bitbucket": "pagelen", "gitea": "limit"}.get(self.kind, "per_page")
        count = 50 if self.kind == "gitea" else 100
        return f"{self.keys}?{size}={count}&page={number}"

    def body(self, title: str, public: str) -> dict[str, Any]:
        """Return the request body that registers a key, explicitly read-only: defaults differ."""
        if self.kind == "bitbucket":
            # Access keys are always read-only on Bitbucket.
            return {"label": title, "key": public}
        right = {"can_push": False} if self.kind == "gitlab" else {"read_only": True}
        return {"title": title, "key": public, **right}

    def may_push(self, found: Mapping[str, Any]) -> bool:
        """Return whether this registered key can push; true if the provider does not say."""
        if self.kind == "bitbucket":
            return False
        if self.kind == "gitlab":
            return found.get("can_push") is not False
        return found.get("read_only") is not True


@dataclass(frozen=True, slots=True)
class RegistrationResult:
    """The result of a registration; `made` is false if the key was already registered."""

    made: bool
    note: str = ""


def register_deploy_key(
    place: ProviderRepository, token: SecretStr, title: str, public: str
) -> RegistrationResult:
    """Register the public key read-only, unless it is registered already.

    Raises RefusedError for a key that may push, ConflictError if the key belongs to a different
    repository, and WizardError for all other failures, also if the result cannot be verified.
    """
    if not re.fullmatch(r"[\x21-\x7e]+", token.get_secret_value()):
        raise WizardError(
            "the provider's token has spaces, line breaks or other invalid characters"
        )
    api = _Api(place, token)
    for found in api.list_keys():
        if is_same_key(str(found.get("key", "")), public):
            _require_read_only(place, found)
            return RegistrationResult(made=False)
    made = api.ask("POST", place.keys, place.body(title, public))
    if not isinstance(made, Mapping) or not is_same_key(str(made.get("key", "")), public):
        raise WizardError(
            f"{place.api} answered with a key that differs from the one that was sent",
            "check the repository's deploy keys",
        )
    _require_read_only(place, made)
    note = ""
    if place.kind == "github":
        note = (
            "GitHub deletes this key when the token that registered it is deleted; a GitHub App's "
            "token avoids that"
        )
    return RegistrationResult(made=True, note=note)


def _require_read_only(place: ProviderRepository, found: Mapping[str, Any]) -> None:
    if place.may_push(found):
        raise RefusedError(
            f"the key is registered at {place.path} with write access",
            "remove it there and run this again to register it read-only",
        )


@dataclass(frozen=True)
class _Api:
    place: ProviderRepository
    token: SecretStr = field(repr=False)

    def list_keys(self) -> Iterator[Mapping[str, Any]]:
        """Yield the registered deploy keys."""
        for number in range(1, _MAX_PAGES + 1):
            answer = self.ask("GET", self.place.page(number))
            rows = answer.get("values") if isinstance(answer, Mapping) else answer
            if not isinstance(rows, list):
                raise WizardError(f"{self.place.api} does not answer like {self.place.kind}")
            if not rows:
                return
            for row in rows:
                # Bitbucket and GitLab wrap some responses.
                yield row if isinstance(row, Mapping) else {}

    def ask(self, method: str, url: str, body: object = None) -> Any:
        """Send one request and return the parsed response; raises as `_build_error`."""
        import urllib.error
        import urllib.request

        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 - the base is https, see api_of
            url, data=data, method=method, headers=self._headers()
        )

        def send() -> Any:
            with _build_opener().open(request, timeout=SECONDS) as answer:
                return json.loads(answer.read(_MAX_BYTES))

        try:
            return call_within(REQUEST_SECONDS, send)
        except urllib.error.HTTPError as error:
            with error:
                raise self._build_error(error.code, method) from None
        except (OSError, ValueError) as error:
            raise WizardError(f"{self.place.api} {_describe_error(error)}") from None

    def _headers(self) -> dict[str, str]:
        secret = self.token.get_secret_value()
        named = {
            "gitlab": {"PRIVATE-TOKEN": secret},
            "gitea": {"Authorization": f"token {secret}"},
        }
        bearer = {"Authorization": f"Bearer {secret}"}
        return {
            "Accept": "application/json", "Content-Type": "application/json",
            "User-Agent": "airflow-wizard", **named.get(self.place.kind, bearer),
        }  # fmt: skip

    def _build_error(self, status: int, method: str) -> WizardError:
        path = self.place.path
        if status in {400, 409, 422} and method == "POST":
            return ConflictError(
                f"{self.place.api} does not accept the key for {path}",
                "the key may be registered at another repository; remove it there first. Or the "
                "organisation forbids deploy keys; then register it on the repository's page",
            )
        if 300 <= status < 400:
            return RefusedError(
                f"{self.place.api} answers with a redirect, which is not followed",
                "correct dags.repo: the repository may have moved",
            )
        if status in {401, 403, 404}:
            return WizardError(
                f"{self.place.api} does not let this token see or change the keys of {path} "
                f"({status})",
                "use a token of a repository administrator with the right to "
                "manage deploy keys, or register the key on the repository's page",
            )
        return WizardError(f"{self.place.api} answers with {status}", "try again later")


def _build_opener() -> Any:
    import ssl
    import urllib.request

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: Any) -> None:
            return None

    context = ssl.create_default_context()
    return urllib.request.build_opener(Stay, urllib.request.HTTPSHandler(context=context))


def _describe_error(error: Exception) -> str:
    import ssl

    cause = getattr(error, "reason", error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return "is not verified: its certificate is from an authority that is not trusted here"
    if isinstance(cause, ssl.SSLError):
        return "does not speak TLS"
    if isinstance(cause, TimeoutError):
        return f"gave no answer in {SECONDS:g} s"
    if isinstance(error, ValueError):
        return "does not answer with JSON"
    return "could not be reached"
