"""Secrets Manager in one account and region: read, create where there is none, schedule deletion.

Requests are signed by `login.Signer` and sent by requests: TLS is verified, and redirects are not
followed. A request is repeated while AWS is busy; a creation has a token, so that AWS takes the
repetition of one that it has done for the same request.
Source: AWS documentation, "AWS Secrets Manager API Reference" (actions and common errors),
"GetCallerIdentity".
"""

from __future__ import annotations

import base64
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from wizard.clients.lazy import import_modules
from wizard.clients.time_limit import REQUEST_SECONDS, call_within
from wizard.errors import Fix, UsageError
from wizard.formats.terminal import escape_unprintable
from wizard.stores.aws.live.errors import AwsError, AwsRefusedError
from wizard.stores.aws.live.login import LOGIN_HINT, NoCredentialsError, Signer
from wizard.stores.aws.names import endpoint_host
from wizard.stores.aws.questions import ENDPOINT_KEY, KMS_KEY, ROLE_KEY

if TYPE_CHECKING:
    from wizard.stores.aws.live.login import AwsLogin
    from wizard.stores.aws.settings import AwsSettings

CONNECT_SECONDS, READ_SECONDS = 5.0, 15.0
TRIES, WAIT_SECONDS = 4, 0.5
# A deleted secret can be restored this long, the longest time that AWS offers.
RECOVERY_DAYS = 30
_ACCOUNT, _ARN = re.compile(r"<Account>([0-9]+)</Account>"), re.compile(r"<Arn>([^<]+)</Arn>")
_BUSY = {"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded"}
_LOGIN = {
    "UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException",
    "InvalidClientTokenId", "SignatureDoesNotMatch", "RequestExpired", "IncompleteSignature",
    "MissingAuthenticationToken", "ExpiredToken",
}  # fmt: skip
_FORBIDDEN = {"AccessDeniedException", "AccessDenied", "NotAuthorized", "OptInRequired"}
_KEY = {"EncryptionFailure", "DecryptionFailure", "KMSAccessDeniedException"}
_SPECIAL = {"ResourceNotFoundException": "missing", "ResourceExistsException": "exists"}


@dataclass(frozen=True, slots=True)
class SecretAbout:
    """A secret without its value; `is_deleted`: its deletion is scheduled."""

    name: str
    tags: Mapping[str, str] = field(default_factory=dict)
    is_deleted: bool = False
    updated: str = ""


def find_endpoint(store: AwsSettings) -> tuple[str, str]:
    """Return the address of Secrets Manager for this machine, and where the address comes from.

    This machine may reach it elsewhere than the operator; the variables are those of AWS's SDKs.
    Raises UsageError for an address that is not https.
    """
    name, url = _named_endpoint("SECRETS_MANAGER")
    if url:
        return url, name
    return store.url, ENDPOINT_KEY if store.endpoint else "secrets.aws.region"


def _named_endpoint(service: str) -> tuple[str, str]:
    """Return the variable that names a service's address, and the address; both may be empty."""
    for name in (f"AWS_ENDPOINT_URL_{service}", "AWS_ENDPOINT_URL"):
        url = os.environ.get(name, "").rstrip("/")
        if url and not re.fullmatch(r"https://[^\s/@?#]+", url):
            raise UsageError(
                f"{name} is not an https address without a path; nothing was sent",
                f"export {name}=https://..., or unset it",
            )
        if url:
            return name, url
    return "", ""


class SecretsManager:
    """A client of one account and region. Every method raises AwsError."""

    def __init__(self, store: AwsSettings, login: AwsLogin) -> None:
        import_modules("requests")
        import requests

        self._store, self._login = store, login
        self._url = find_endpoint(store)[0]
        self._signer = Signer(store.region)
        self._session = requests.Session()
        # requests itself reads REQUESTS_CA_BUNDLE, which comes after AWS's own, and the proxies.
        self._bundle = os.environ.get("AWS_CA_BUNDLE") or None
        self._caller = ""

    @property
    def endpoint(self) -> str:
        """Return the host, for messages."""
        return self._url.removeprefix("https://")

    @property
    def identity(self) -> str:
        """Return a description of the login: its ARN once AWS has told it."""
        return self._caller or self._login.identity

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def require_account(self) -> None:
        """Raise AwsRefusedError if the login is of another account than the role of the answers."""
        if self._caller:
            return
        url = _named_endpoint("STS")[1] or f"https://{endpoint_host('sts', self._store.region)}"
        found = self._send(
            url, "sts", "GetCallerIdentity", "Action=GetCallerIdentity&Version=2011-06-15",
            {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
        )  # fmt: skip
        account, arn = _ACCOUNT.search(found), _ARN.search(found)
        if account is None or arn is None:
            raise AwsError("server", f"{url.removeprefix('https://')} answers like no AWS STS")
        if account[1] != self._store.account:
            raise AwsRefusedError(
                "foreign",
                f"{self._login.identity} belong to account {escape_unprintable(account[1])[:20]}, "
                f"and {ROLE_KEY} names account {self._store.account}; nothing was read or written",
                Fix(f"log in to that account, or correct {ROLE_KEY}", ROLE_KEY),
            )
        self._caller = escape_unprintable(arn[1])[:300]

    def describe(self, name: str) -> SecretAbout | None:
        """Return a secret without its value; None if there is none."""
        found = self._ask("DescribeSecret", name, {"SecretId": name})
        return None if found is None else _about(found)

    def get(self, name: str) -> str | bytes | None:
        """Return the current value of a secret; None if the secret, or its value, is missing."""
        found = self._ask("GetSecretValue", name, {"SecretId": name})
        if found is None:
            return None
        text = found.get("SecretString")
        return text if isinstance(text, str) else base64.b64decode(found.get("SecretBinary") or "")

    def create(self, name: str, value: str, tags: Mapping[str, str]) -> None:
        """Create a secret. AwsError of kind `exists` or `deleted` if there is one: it is kept."""
        request: dict[str, Any] = {
            "Name": name,
            "SecretString": value,
            "ClientRequestToken": str(uuid4()),
            "Tags": [{"Key": key, "Value": text} for key, text in tags.items()],
        }
        if self._store.kms_key:
            request["KmsKeyId"] = self._store.kms_key
        if self._ask("CreateSecret", name, request) is None:
            raise AwsError("server", f"{self.endpoint} does not know CreateSecret")

    def list_secrets(self, prefix: str) -> tuple[SecretAbout, ...]:
        """Return the secrets whose names begin with a prefix, without those being deleted.

        The list may lack what was created in the last minutes.
        """
        found: list[SecretAbout] = []
        token = ""
        while True:
            request: dict[str, Any] = {"Filters": [{"Key": "name", "Values": [prefix]}]}
            page = self._ask("ListSecrets", "", request | ({"NextToken": token} if token else {}))
            found += [_about(one) for one in (page or {}).get("SecretList") or ()]
            token = str((page or {}).get("NextToken") or "")
            if not token:
                break
        return tuple(one for one in found if one.name.startswith(prefix) and not one.is_deleted)

    def delete(self, name: str) -> None:
        """Schedule the deletion of a secret; until then, it can be restored."""
        self._ask("DeleteSecret", name, {"SecretId": name, "RecoveryWindowInDays": RECOVERY_DAYS})

    def _ask(self, action: str, name: str, request: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the answer; None if there is no such secret."""
        self.require_account()
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"secretsmanager.{action}",
        }
        try:
            text = self._send(
                self._url, "secretsmanager", action, json.dumps(request), headers, name
            )
        except AwsError as error:
            if error.kind == "missing":
                return None
            raise
        found = _parse(text)
        if not found:
            raise AwsError("server", f"{self.endpoint} answers like no AWS Secrets Manager")
        return found

    def _send(
        self,
        url: str,
        service: str,
        action: str,
        body: str,
        headers: Mapping[str, str],
        name: str = "",
    ) -> str:
        """Send one request, again while AWS is busy; return the body of its answer."""
        for attempt in range(TRIES):
            try:
                return self._send_once(url, service, action, body, headers, name)
            except AwsError as error:
                if error.kind not in {"busy", "server"} or attempt == TRIES - 1:
                    raise
            time.sleep(WAIT_SECONDS * 2**attempt)
        raise AssertionError

    def _send_once(
        self, url: str, service: str, action: str, body: str, headers: Mapping[str, str], name: str
    ) -> str:
        import requests

        host = url.removeprefix("https://")
        try:
            found = call_within(
                REQUEST_SECONDS,
                lambda: self._session.post(
                    f"{url}/",
                    data=body.encode(),
                    headers=dict(headers),
                    auth=self._signer.authorize(service),
                    timeout=(CONNECT_SECONDS, READ_SECONDS),
                    allow_redirects=False,
                    verify=self._bundle,
                ),
            )
        except NoCredentialsError as error:
            raise AwsError("login", f"no {self._login.identity}: {error}", LOGIN_HINT) from None
        except TimeoutError:
            raise AwsError(
                "unreachable", f"{host} did not answer within {REQUEST_SECONDS:.0f} s"
            ) from None
        except requests.exceptions.SSLError as error:
            text = escape_unprintable(str(error.args[0]))[:200]
            raise AwsError(
                "unreachable",
                f"{host}: its certificate is not valid for this machine: {text}",
                "a proxy that replaces certificates needs its CA in AWS_CA_BUNDLE",
            ) from None
        except requests.RequestException as error:
            raise AwsError(
                "unreachable",
                f"{host} is not reachable: {type(error).__name__}",
                Fix("check name resolution, VPC endpoints and proxies", ENDPOINT_KEY),
            ) from None
        if found.status_code == 200:
            return found.text
        raise self._explain(host, action, name, found.status_code, found.text)

    def _explain(self, host: str, action: str, name: str, status: int, text: str) -> AwsError:
        """Return our error for an answer; it never repeats AWS's sentence, which may hold input."""
        about = _parse(text)
        xml = re.search(r"<Code>([A-Za-z.]+)</Code>", text)
        code = str(about.get("__type") or "") or (xml[1] if xml else "")
        code = re.sub(r"[^A-Za-z]", "", code.rpartition("#")[2].partition(":")[0])[:60]
        said = str(about.get("message") or about.get("Message") or "")
        what = f"{host}: {name}" if name else host
        if 300 <= status < 400:
            return AwsRefusedError(
                "foreign",
                f"{host} redirects to another place, which AWS does not do; nothing was sent there",
                Fix("check the address, and proxies on the way", ENDPOINT_KEY),
            )
        if code in _SPECIAL:
            kind: Any = _SPECIAL[code]
            return AwsError(kind, f"{what} {'exists' if kind == 'exists' else 'does not exist'}")
        if code == "InvalidRequestException" and re.search(r"delet", said, re.IGNORECASE):
            return AwsError("deleted", f"{what}: its deletion is scheduled")
        if code in _BUSY or status == 429:
            return AwsError("busy", f"{what}: {code or 'HTTP 429'}", "run this again later")
        if code in _LOGIN:
            return AwsError(
                "login",
                f"{what}: AWS refuses the login of {self.identity} ({code})",
                f"{LOGIN_HINT}; check this machine's clock, too",
            )
        if code in _KEY or (code in _FORBIDDEN and "kms" in said.lower()):
            return AwsError(
                "key",
                f"{what}: {self.identity} may not use the KMS key ({code})",
                Fix("ask the key's owner for kms:Decrypt and kms:GenerateDataKey", KMS_KEY),
            )
        if code in _FORBIDDEN or status == 403:
            return AwsError(
                "forbidden",
                f"{what}: {self.identity} may not do this ({action})",
                f"ask the account's owner for secretsmanager:{action}: "
                "airflow-wizard handover --owner vault",
            )
        return AwsError("server", f"{what}: HTTP {status} {code}".rstrip())


@contextmanager
def open_secrets_manager(store: AwsSettings, login: AwsLogin) -> Iterator[SecretsManager]:
    """Yield a client; its connections are closed at the end."""
    client = SecretsManager(store, login)
    try:
        yield client
    finally:
        client.close()


def _about(found: Mapping[str, Any]) -> SecretAbout:
    return SecretAbout(
        str(found.get("Name") or ""),
        {str(one.get("Key")): str(one.get("Value")) for one in found.get("Tags") or ()},
        found.get("DeletedDate") is not None,
        str(found.get("LastChangedDate") or ""),
    )


def _parse(text: str) -> dict[str, Any]:
    """Return a JSON object; empty for anything else."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
