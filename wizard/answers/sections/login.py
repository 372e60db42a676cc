"""Questions of the section Access on the login at an identity provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from wizard.formats.address_types import HttpsUrl
from wizard.formats.identity_types import ClaimName, ClientId, GroupName, Scopes, Tenant
from wizard.formats.image_types import ImageName
from wizard.manifests.login import PROVIDERS
from wizard.manifests.oauth2_proxy import DEFAULT_IMAGE, Proxy
from wizard.manifests.webserver_config import Login, ProviderName
from wizard.questions.ca_file import CaFile
from wizard.questions.cases import ENTRA, GROUPS_CLAIM, ISSUER, PROXY_LOGIN, SINGLE_SIGN_ON
from wizard.questions.effects import Effect
from wizard.questions.section import Model, QuestionInfo
from wizard.secrets.references import SecretRef

Role = Literal["Admin", "Op", "User", "Viewer", "Public"]

_OTHER_USERS = Effect(
    "other-users",
    "interrupt",
    "Whoever logs in from now on is a new user of Airflow. The old users stay, with their sessions "
    "and roles, until you delete them.",
    lambda old, _: bool(old),
)
_RIGHTS: tuple[Role, ...] = ("Public", "Viewer", "User", "Op", "Admin")


def _has_fewer_rights(old: Mapping[str, Role], new: Mapping[str, Role]) -> bool:
    """Return whether a group has fewer rights than before; a group that is left out has none."""
    return any(
        _RIGHTS.index(new.get(group, "Public")) < _RIGHTS.index(role) for group, role in old.items()
    )


_FEWER_RIGHTS = Effect(
    "fewer-rights",
    "interrupt",
    "Members of a group that is left out, or has a smaller role now, lose rights at their next "
    "login. Check that somebody is still Admin.",
    _has_fewer_rights,
)


class ProxyAnswers(Model):
    """oauth2-proxy, in front of the UI."""

    image: Annotated[ImageName, QuestionInfo(when=PROXY_LOGIN, required=True)] = Field(
        default=DEFAULT_IMAGE,
        title="Proxy image",
        description="Image of oauth2-proxy with a fixed tag, or a copy of it in your registry.",
    )
    replicas: Annotated[int, Field(ge=1, le=20), QuestionInfo(when=PROXY_LOGIN)] = Field(
        default=2, title="Proxy pods", description="Number of oauth2-proxy pods."
    )

    def build_proxy(self) -> Proxy:
        """Return the proxy that these answers describe."""
        return Proxy(self.image, self.replicas)


class OAuth(Model):
    """The identity provider, and Airflow's client there."""

    provider: Annotated[
        ProviderName,
        QuestionInfo(when=SINGLE_SIGN_ON, labels=PROVIDERS, effects=(_OTHER_USERS,)),
    ] = Field(
        default="entra",
        title="Provider",
        description=(
            "Who knows your users. Register a web client there, with the redirect URI BASE_URL"
            "/auth/oauth-authorized/PROVIDER (Airflow 2: without /auth)."
        ),
    )
    tenant: Annotated[
        Tenant,
        QuestionInfo(
            when=ENTRA,
            required=True,
            effects=(_OTHER_USERS,),
            find="`az account show --query tenantId -o tsv` prints it.",
        ),
    ] = Field(
        default="",
        title="Tenant",
        description="Directory (tenant) ID, or a verified domain of the tenant.",
    )
    issuer: Annotated[
        HttpsUrl,
        QuestionInfo(
            when=ISSUER,
            required=True,
            effects=(_OTHER_USERS,),
            find="The discovery document of your identity provider.",
        ),
    ] = Field(
        default="",
        title="Issuer",
        description=(
            "URL of the issuer, such as https://example.okta.com or https://sso.example.com/realms/"
            "data. Below it is /.well-known/openid-configuration."
        ),
    )
    ca: Annotated[CaFile, QuestionInfo(when=ISSUER)] = Field(
        default_factory=CaFile, title="Private CA of the issuer"
    )
    client_id: Annotated[
        ClientId,
        QuestionInfo(
            when=SINGLE_SIGN_ON,
            required=True,
            find="The page of the client at your identity provider.",
        ),
    ] = Field(default="", title="Client ID", description="ID of Airflow's client at the provider.")
    client_secret: Annotated[SecretRef, QuestionInfo(when=SINGLE_SIGN_ON)] = Field(
        default=SecretRef(env="AIRFLOW_OAUTH_CLIENT_SECRET"),
        title="Client secret",
        description="Reference to the client's secret. The answers never hold the secret itself.",
    )
    roles: Annotated[
        dict[GroupName, Role],
        QuestionInfo(
            when=SINGLE_SIGN_ON,
            required=True,
            takes="GROUP=ROLE pairs; roles are Admin, Op, User, Viewer, Public",
            effects=(_FEWER_RIGHTS,),
            example="airflow-admins=Admin, data-team=User",
            find="The groups of your users at the identity provider.",
        ),
    ] = Field(
        default_factory=dict,
        title="Roles",
        description=(
            "GROUP=ROLE. Entra ID: app roles of the client, assigned to groups. Google sends no "
            "groups: name Workspace domains or addresses. Everyone else gets Public: no rights."
        ),
    )
    claim: Annotated[ClaimName, QuestionInfo(when=GROUPS_CLAIM)] = Field(
        default="",
        title="Groups claim",
        description=(
            "Claim with the groups of a user. Empty: roles (Entra ID) or groups. Okta and Keycloak "
            "send groups only if you add the claim to the client."
        ),
    )
    scopes: Annotated[Scopes, QuestionInfo(when=SINGLE_SIGN_ON)] = Field(
        default="",
        title="Scopes",
        description=(
            "Scopes to ask for, with spaces. Empty: openid email profile, and groups with Okta. "
            "Some providers refuse those that they do not know."
        ),
    )

    def build_login(self) -> Login:
        """Return the login that these answers describe, with the provider's defaults."""
        issuers = {
            "entra": f"https://login.microsoftonline.com/{self.tenant}/v2.0",
            "google": "https://accounts.google.com",
        }
        claims = {"entra": "roles", "google": ""}
        scopes = "openid email profile" + (" groups" if self.provider == "okta" else "")
        return Login(
            self.provider,
            issuers.get(self.provider, self.issuer),
            self.client_id,
            self.scopes or scopes,
            self.claim or claims.get(self.provider, "groups"),
            dict(self.roles),
            has_ca=self.provider not in issuers and bool(self.ca.file),
        )
