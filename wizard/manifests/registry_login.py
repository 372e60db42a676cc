"""How a CI job logs in to a registry: with the identity of the job where the registry takes it.

No password is stored for the registries of AWS, Azure and Google: the job proves who it is with a
token of its forge (OpenID Connect), which they exchange for a short-lived login. The registry of
the forge itself takes the job's own token. Any other one needs a masked variable of the CI system.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from wizard.formats.images import find_registry
from wizard.formats.shell import quote

Forge = Literal["github", "gitlab", "azure"]

_AMAZON = re.compile(r"\d{12}\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?").fullmatch
_AZURE = re.compile(r"([a-z0-9]+)\.azurecr\.io").fullmatch
_GOOGLE = re.compile(r"[a-z0-9-]+-docker\.pkg\.dev|([a-z]+\.)?gcr\.io").fullmatch


@dataclass(frozen=True, slots=True)
class RegistryLogin:
    """The commands of a login, and the variables of the CI system that they read.

    `audience`: of the forge's token; empty if the login needs none. `variables` say what each
    variable is; `masked` are the secret ones among them. `own`: the registry is the forge's own.
    """

    commands: str
    audience: str = ""
    variables: tuple[tuple[str, str], ...] = ()
    masked: tuple[str, ...] = ()
    own: bool = False
    service_connection: bool = False


def choose_registry_login(repository: str, forge: Forge) -> RegistryLogin:
    """Return how a job of the forge logs in to the registry of an image repository."""
    host = find_registry(repository)
    if found := _AMAZON(host):
        if forge != "azure":
            return _login_to_amazon(host, found[1])
    elif found := _AZURE(host):
        return _login_to_azure(found[1], forge)
    elif _GOOGLE(host) and forge != "azure":
        return _login_to_google(host)
    if host == "ghcr.io" and forge == "github":
        return RegistryLogin(_login(host, '"$GITHUB_ACTOR"', "$GITHUB_TOKEN"), own=True)
    if forge == "gitlab":
        return _login_to_gitlab(host)
    return _login_by_password(host)


def _login(host: str, user: str, password: str) -> str:
    return f'printf %s "{password}" | docker login {quote(host)} --username {user} --password-stdin'


_PASSWORD = (
    ("REGISTRY_USER", "user of the registry"),
    ("REGISTRY_PASSWORD", "its password or token, with the right to push; masked"),
)


_CONNECTION = (
    "airflowServiceConnection",
    "in the file: a service connection with workload identity and the role AcrPush",
)


def _login_by_password(host: str) -> RegistryLogin:
    return RegistryLogin(
        _login(host, '"$REGISTRY_USER"', "$REGISTRY_PASSWORD"),
        variables=_PASSWORD,
        masked=("REGISTRY_PASSWORD",),
    )


def _login_to_gitlab(host: str) -> RegistryLogin:
    """Return the login to GitLab's registry, whose address only the job knows, or to another."""
    own = _login(host, '"$CI_REGISTRY_USER"', "$CI_REGISTRY_PASSWORD")
    other = _login(host, '"$REGISTRY_USER"', "$REGISTRY_PASSWORD")
    return RegistryLogin(
        f'if [ "${{CI_REGISTRY:-}}" = {quote(host)} ]; then\n  {own}\nelse\n  {other}\nfi',
        variables=tuple((name, f"{text} (not for GitLab's own)") for name, text in _PASSWORD),
        masked=("REGISTRY_PASSWORD",),
    )


def _login_to_amazon(host: str, region: str) -> RegistryLogin:
    return RegistryLogin(
        'id_token >"$work/token"\n'
        ': "${AWS_ROLE_ARN:?}"\n'
        'export AWS_WEB_IDENTITY_TOKEN_FILE="$work/token" AWS_ROLE_SESSION_NAME=airflow-image\n'
        f"aws ecr get-login-password --region {quote(region)} |\n"
        f"  docker login {quote(host)} --username AWS --password-stdin",
        audience="sts.amazonaws.com",
        variables=(("AWS_ROLE_ARN", "role that trusts the forge's tokens and may push"),),
    )


def _login_to_azure(name: str, forge: Forge) -> RegistryLogin:
    login = f"az acr login --name {quote(name)}"
    if forge == "azure":
        return RegistryLogin(login, variables=(_CONNECTION,), service_connection=True)
    return RegistryLogin(
        'az login --service-principal --output none --username "$AZURE_CLIENT_ID" \\\n'
        '  --tenant "$AZURE_TENANT_ID" --federated-token "$(id_token)"\n'
        f"{login}",
        audience="api://AzureADTokenExchange",
        variables=(
            ("AZURE_CLIENT_ID", "application with a federated credential for the forge, AcrPush"),
            ("AZURE_TENANT_ID", "its tenant"),
        ),
    )


def _login_to_google(host: str) -> RegistryLogin:
    return RegistryLogin(
        'id_token >"$work/token"\n'
        'gcloud iam workload-identity-pools create-cred-config "$GOOGLE_PROVIDER" --quiet \\\n'
        '  --service-account="$GOOGLE_SERVICE_ACCOUNT" \\\n'
        '  --credential-source-file="$work/token" --output-file="$work/google.json"\n'
        'gcloud auth login --quiet --cred-file="$work/google.json"\n'
        "gcloud auth print-access-token |\n"
        f"  docker login {quote(f'https://{host}')} --username oauth2accesstoken --password-stdin",
        audience="https://iam.googleapis.com/$GOOGLE_PROVIDER",
        variables=(
            ("GOOGLE_PROVIDER", "workload identity provider: projects/.../providers/NAME"),
            ("GOOGLE_SERVICE_ACCOUNT", "account with the role Artifact Registry Writer"),
        ),
    )
