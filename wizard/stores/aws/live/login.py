"""This machine's login to AWS: whatever AWS's own programs would use, found by the same rules.

The AWS Common Runtime (`awscrt`, the extra `aws`) finds the credentials and signs each request; the
wizard neither asks for an access key nor reads one. boto3 cannot be installed beside the client of
Kubernetes: they need different versions of python-dateutil.
Source: AWS SDKs and Tools Reference Guide, "Standardized credential providers".
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from wizard.errors import UsageError
from wizard.formats.terminal import escape_unprintable

LOGIN_HINT = (
    "log in as for the AWS CLI: export AWS_PROFILE, or run "
    '`eval "$(aws configure export-credentials --format env)"`'
)
# How long a provider of credentials may take; some ask a server.
SECONDS = 20
# Whose machine this is, as the firmware says.
_VENDOR = Path("/sys/class/dmi/id/sys_vendor")


@dataclass(frozen=True, slots=True)
class AwsLogin:
    """Where the credentials are; they stay there until a request is signed."""

    source: str

    @property
    def identity(self) -> str:
        """Return a description of the login without the secret."""
        return f"AWS credentials from {escape_unprintable(self.source)}"


def find_login() -> AwsLogin | None:
    """Return the login of this machine; None if there is none. Sends nothing."""
    variables = os.environ
    if variables.get("AWS_ACCESS_KEY_ID") and variables.get("AWS_SECRET_ACCESS_KEY"):
        return AwsLogin("AWS_ACCESS_KEY_ID")
    if profile := variables.get("AWS_PROFILE"):
        return AwsLogin(f"the profile {profile}")
    if variables.get("AWS_WEB_IDENTITY_TOKEN_FILE") and variables.get("AWS_ROLE_ARN"):
        return AwsLogin("AWS_WEB_IDENTITY_TOKEN_FILE")
    for name in ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"):
        if variables.get(name):
            return AwsLogin(name)
    for name, default in (
        ("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
        ("AWS_CONFIG_FILE", "config"),
    ):
        path = variables.get(name) or f"~/.aws/{default}"
        if Path(path).expanduser().is_file():
            return AwsLogin(path)
    if variables.get("AWS_EC2_METADATA_DISABLED", "").lower() != "true" and _is_in_ec2():
        return AwsLogin("the instance's role")
    return None


def _is_in_ec2() -> bool:
    try:
        return _VENDOR.read_text().strip() == "Amazon EC2"
    except OSError:
        return False


def require_sdk() -> None:
    """Raise UsageError if the library of the extra `aws` is not installed."""
    try:
        import_module("awscrt.auth")
    except ImportError:
        raise UsageError(
            "the store aws needs awscrt, which is not installed; nothing was sent",
            "run: pip install 'airflow-wizard[aws]'",
        ) from None


class Signer:
    """Signs requests of one region with the credentials of this machine (Signature Version 4)."""

    def __init__(self, region: str) -> None:
        require_sdk()
        self._region = region
        self._auth = import_module("awscrt.auth")
        self._http = import_module("awscrt.http")
        self._provider = self._auth.AwsCredentialsProvider.new_default_chain()

    def authorize(self, service: str) -> Callable[[Any], Any]:
        """Return what signs a request of `requests` for a service.

        It raises NoCredentialsError without credentials. As an `auth` of requests, it also keeps a
        .netrc from replacing the signature.
        """

        def sign(request: Any) -> Any:
            from io import BytesIO
            from urllib.parse import urlsplit

            body = request.body or b""
            data = body.encode() if isinstance(body, str) else body
            parts = urlsplit(request.url)
            named = {key.lower(): value for key, value in request.headers.items()}
            signed = {"host": parts.netloc}
            signed |= {key: named[key] for key in ("content-type", "x-amz-target") if key in named}
            bare = self._http.HttpRequest(
                request.method,
                parts.path or "/",
                self._http.HttpHeaders(list(signed.items())),
                BytesIO(data),
            )
            config = self._auth.AwsSigningConfig(
                credentials_provider=self._provider, region=self._region, service=service
            )
            try:
                self._provider.get_credentials().result(SECONDS)
                self._auth.aws_sign_request(bare, config).result(SECONDS)
            except Exception as error:
                name = str(getattr(error, "name", "")) or type(error).__name__
                raise NoCredentialsError(escape_unprintable(name)[:80]) from None
            request.headers.update(dict(bare.headers))
            return request

        return sign


class NoCredentialsError(Exception):
    """The providers of credentials gave none; its text is the runtime's name of the reason."""
