"""Login at an identity provider: what Airflow and the runbook say about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wizard.chart.contract import FAB_AUTH_MANAGER
from wizard.formats.yaml_writer import Code
from wizard.manifests.certificates import ca_config_map
from wizard.manifests.contribution import Contribution, EnvVar, Flow, Mount
from wizard.manifests.steps import provider_step
from wizard.manifests.webserver_config import (
    CA_FOLDER,
    CLIENT_SECRET_VARIABLE,
    Login,
    ProviderName,
    webserver_config,
)
from wizard.secrets.facts import Fact, FactUse, Form, SecretSpec

if TYPE_CHECKING:
    from wizard.manifests.release import Release
    from wizard.secrets.references import SecretRef

PROVIDERS: Mapping[ProviderName, str] = {
    "entra": "Entra ID",
    "okta": "Okta",
    "google": "Google",
    "oidc": "OpenID Connect",
}
CLIENT_SECRET = "oauth-client"  # noqa: S105 - the end of a Secret's name
CLIENT_SECRET_FACT = "oauthClientSecret"  # noqa: S105 - the name of a fact
CA_SUFFIX, CA_ASSET = "login-ca", "access.oauth.ca.file"
CLIENT_SECRET_KEY = "client-secret"  # noqa: S105 - a key of a Secret


def redirect_uri(release: Release, provider: str) -> str:
    """Return the address to which the provider sends users back."""
    path = "/auth/oauth-authorized" if release.airflow_3 else "/oauth-authorized"
    return f"{release.base_url}{path}/{provider}"


def login_contribution(release: Release, login: Login, secret: SecretRef) -> Contribution:
    """Return the settings, the Secret, the flow and the step of Airflow's own login.

    The provider's addresses are on port 443, except for an issuer that has another one.
    """
    fact = Fact(CLIENT_SECRET_FACT, Form.GIVEN, "client secret", "", secret)
    name = release.secret(CLIENT_SECRET)
    spec = SecretSpec(name, {CLIENT_SECRET_KEY: (FactUse(fact),)}, (), "the login's client secret")
    parts = urlsplit(login.issuer)
    label = PROVIDERS[login.provider]
    uri = redirect_uri(release, login.provider)
    flow = Flow("login", parts.hostname or "", parts.port or 443, (release.web_component,))
    setting = "apiServer.apiServerConfig" if release.airflow_3 else "webserver.webserverConfig"
    return Contribution(
        settings={
            "createUserJob.enabled": False,
            "config.core.auth_manager": FAB_AUTH_MANAGER,
            setting: Code(webserver_config(login)),
        },
        secrets=(spec,),
        env=(
            EnvVar(
                CLIENT_SECRET_VARIABLE,
                secret=name,
                key=CLIENT_SECRET_KEY,
                components=("api-server",),
            ),
        ),
        flows=(flow,),
        steps=(provider_step("access.redirect-uri", f"Register {uri} as redirect URI at {label}"),),
        notes=(login_note(release, login),),
        mounts=(login_ca_mount(release),) if login.has_ca else (),
        manifests=(ca_config_map(release, CA_SUFFIX, release.assets.get(CA_ASSET, "")),)
        if login.has_ca
        else (),
    )


def login_ca_mount(release: Release) -> Mount:
    """Return the mount of the issuer's own CA."""
    return Mount(CA_SUFFIX, release.names.object_name(CA_SUFFIX), CA_FOLDER)


def login_note(release: Release, login: Login) -> str:
    """Return the runbook's section on the login, as Markdown."""
    label = PROVIDERS[login.provider]
    airflow = f"kubectl -n {release.namespace} exec deploy/{release.web_name} -- airflow"
    change = f"airflow-wizard set --installation {release.installation}"
    # The role comes first, so that no group can close the block.
    roles = "\n".join(f"{role:<6}  {group}" for group, role in sorted(login.roles.items()))
    return f"""\
## Login

Users log in with {label}, at the client `{login.client_id}`. It needs exactly this redirect URI:

```
{redirect_uri(release, login.provider)}
```

Airflow sets the roles at each login, by {_describe_source(login)}:

```
{roles}
```

All others whom the provider lets in get the role Public, which has no rights. Roles that you give
in Airflow last until the next login. Whoever loses a group keeps the rights until the session ends.
To end it now, delete the user.

Passwords no longer open the UI, but users who have one still get tokens for the API with it: delete
those that you do not need. If a person cannot log in, a user of the old login may have the same
email address: delete that user, too.

```bash
{airflow} users list
{airflow} users delete --username NAME
```

If {label} does not work, the commands in the pods still do. To open the UI, go back to
passwords for a time. The answers about {label} stay in the file.

```bash
{change} access.login=password
{change} access.login={release.login}   # afterwards
```"""


def _describe_source(login: Login) -> str:
    """Return what the keys of the roles are compared with."""
    if login.provider == "google":
        return "Workspace domain or verified address"
    return f"the claim `{login.claim}`"
