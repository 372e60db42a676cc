"""Python code for Airflow's `webserver_config.py`: login at an identity provider.

It works with the FAB providers of Airflow 2.11 and Airflow 3 (1.5 and 3.10). Flask-AppBuilder has
code for some providers, which takes names from fields that users can change, or that the providers
do not send. This code reads the ID token instead, whose signature, issuer, audience and nonce
Authlib has verified, and names a user by what never changes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

CLIENT_SECRET_VARIABLE = "AIRFLOW_OAUTH_CLIENT_SECRET"  # noqa: S105 - the name of a variable
CA_FOLDER = "/etc/airflow-login-ca"
CA_FILE = f"{CA_FOLDER}/ca.crt"
# Accounts of these are nobody's but their owner's: their tokens name no domain.
GOOGLE_CONSUMERS = ("gmail.com", "googlemail.com")
ProviderName = Literal["entra", "okta", "google", "oidc"]


@dataclass(frozen=True, slots=True)
class Login:
    """How users log in: the provider, Airflow's client there, and the role of each group.

    `claim` is the claim with the groups of a user; empty for Google, which sends none. `has_ca`:
    the issuer's certificate is from a CA of one's own, which is at CA_FILE.
    """

    provider: ProviderName
    issuer: str
    client_id: str
    scopes: str
    claim: str
    roles: Mapping[str, str] = field(default_factory=dict)
    has_ca: bool = False


_TEMPLATE = """\
# Single sign-on, written by Airflow Wizard. The client secret comes from a Secret of the cluster.
import os

from airflow.providers.fab.auth_manager.security_manager.override import (
    FabAirflowSecurityManagerOverride,
)
from flask_appbuilder.const import AUTH_OAUTH

WTF_CSRF_ENABLED = True
WTF_CSRF_TIME_LIMIT = None
SESSION_COOKIE_SECURE = True

AUTH_TYPE = AUTH_OAUTH
# Everybody whom the provider knows becomes a user. Roles follow the groups at each login; Public
# has no rights.
AUTH_USER_REGISTRATION = True
AUTH_USER_REGISTRATION_ROLE = "Public"
AUTH_ROLES_SYNC_AT_LOGIN = True
AUTH_ROLES_MAPPING = {
@ROLES@
}
OAUTH_PROVIDERS = [
    {
        "name": @PROVIDER@,
        "icon": "fa-key",
        "token_key": "access_token",
        "remote_app": {
            "client_id": @CLIENT_ID@,
            "client_secret": os.environ.get(@VARIABLE@),
            "server_metadata_url": @METADATA@,
            "client_kwargs": {"scope": @SCOPES@, "code_challenge_method": "S256"@VERIFY@},
        },
    },
]


class SecurityManager(FabAirflowSecurityManagerOverride):
    def get_oauth_user_info(self, provider, resp):
        # Authlib has verified the ID token that these claims are from.
        claims = dict(resp["userinfo"])
@GROUPS@
        return {
            "username": @USERNAME@,
            "email": claims.get("email") or claims.get("preferred_username") or "",
            "first_name": claims.get("given_name") or claims.get("name") or "",
            "last_name": claims.get("family_name") or "",
            "role_keys": [groups] if isinstance(groups, str) else list(groups),
        }


SECURITY_MANAGER_CLASS = SecurityManager
"""
_CLAIM = "groups = claims.get(@CLAIM@) or []"
# Some providers, such as Okta, leave claims out of the ID token and tell them on request.
_CLAIM_ON_REQUEST = f"""\
if @CLAIM@ not in claims:
    more = self.oauth_remotes[provider].userinfo(token=resp)
    if more["sub"] != claims["sub"]:
        raise ValueError("the provider describes another user")
    claims = {{**more, **claims}}
{_CLAIM}"""
# `hd` is the Workspace domain that the account belongs to; an address alone does not say so. Google
# vouches for the addresses that it hosts: an account with another may be that of an earlier owner.
_GOOGLE = """\
domain, address = claims.get("hd") or "", (claims.get("email") or "").lower()
groups = [domain.lower()] if domain else []
if claims.get("email_verified") is True and (domain or address.endswith(@HOSTED@)):
    groups.append(address)"""
_GROUPS: Mapping[ProviderName, str] = {
    "entra": _CLAIM,
    "okta": _CLAIM_ON_REQUEST,
    "google": _GOOGLE,
    "oidc": _CLAIM_ON_REQUEST,
}
# The names that Flask-AppBuilder gives users of the first three.
_USERNAMES: Mapping[ProviderName, str] = {
    "entra": 'claims["oid"]',
    "okta": '"okta_" + claims["sub"]',
    "google": '"google_" + claims["sub"]',
    "oidc": '"oidc_" + claims["sub"]',
}


def webserver_config(login: Login) -> str:
    """Return the code for this login; it holds no secret, and no action of Helm's templates."""
    hosted = ", ".join(_literal(f"@{one}") for one in GOOGLE_CONSUMERS)
    parts = {"CLAIM": _literal(login.claim), "HOSTED": f"({hosted})"}
    groups = _fill(_GROUPS[login.provider], parts)
    # Google's domains and addresses are compared without case.
    named = {
        one.lower() if login.provider == "google" else one: login.roles[one] for one in login.roles
    }
    roles = (f"    {_literal(group)}: [{_literal(role)}]," for group, role in sorted(named.items()))
    parts = {
        "GROUPS": "\n".join(f"        {line}" for line in groups.splitlines()),
        "USERNAME": _USERNAMES[login.provider],
        "ROLES": "\n".join(roles),
        "PROVIDER": _literal(login.provider),
        "CLIENT_ID": _literal(login.client_id),
        "VARIABLE": _literal(CLIENT_SECRET_VARIABLE),
        "METADATA": _literal(f"{login.issuer}/.well-known/openid-configuration"),
        "SCOPES": _literal(login.scopes),
        # Authlib hands it to the session of requests, for every request to the provider.
        "VERIFY": f', "verify": {_literal(CA_FILE)}' if login.has_ca else "",
    }
    return _fill(_TEMPLATE, parts)


def _fill(template: str, parts: Mapping[str, str]) -> str:
    """Return the template with its parts; one pass, so that no part is read as a template."""
    return re.sub("@([A-Z_]+)@", lambda match: parts[match[1]], template)


def _literal(text: str) -> str:
    """Return a literal of Python in ASCII, without braces: Helm renders the code as a template."""
    return '"' + "".join(map(_escape, text)) + '"'


def _escape(char: str) -> str:
    plain = " " <= char <= "~" and char not in '"\\{}'
    return char if plain else f"\\U{ord(char):08x}"
