"""The questions about Secrets that others make: the name and the key of each.

The help says what a key must hold. Keys that the chart reads under one name only are choices of
one. Source: facts on the chart, section 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, create_model

from wizard.formats.addresses import is_ssh_url
from wizard.formats.nested import get_value
from wizard.formats.types import KubeName, ObjectName, OptionalSecretKey, SecretKey
from wizard.questions.cases import (
    ADMIN,
    AIRFLOW_2,
    AIRFLOW_3,
    ASYNC_URL,
    BUNDLED_DATABASE,
    CELERY,
    CHART_REDIS,
    DAG_BUNDLES,
    DAGS_OVER_SSH,
    ELASTICSEARCH_LOGS,
    GIT_SYNC,
    LOG_CONNECTION,
    OPENSEARCH_LOGS,
    PGBOUNCER,
    POOLED_DATABASE,
    PRIVATE_DAGS_OVER_HTTPS,
    PROXY_LOGIN,
    SINGLE_SIGN_ON,
)
from wizard.questions.conditions import ALWAYS, Condition, when, when_matching
from wizard.questions.effects import ANOTHER_PAYLOAD, Effect
from wizard.questions.section import Model, QuestionInfo

NAME = "existing"
EXISTING = when("existing Secrets", "secrets.store", NAME)


_ANOTHER_URL = Effect(
    "another-database",
    "data",
    "Airflow takes the URL of its database from another key. If it names another database, runs, "
    "connections, variables and users stay in the old one.",
)


def _needs_connection(dags: Any) -> bool:
    """Return whether a GitDagBundle logs in to the DAG repository."""
    url = get_value(dags, ("repo",)) or ""
    login = is_ssh_url(url) or bool(get_value(dags, ("credentials", "needed")))
    return login and get_value(dags, ("source",)) == "bundle"


BUNDLE_LOGIN = when_matching("a GitDagBundle with a login", "dags", _needs_connection)


MORE_LOGINS = DAG_BUNDLES & when_matching(
    "more bundles with a login",
    "dags.bundles",
    lambda bundles: any(get_value(one, ("login",)) for one in bundles or ()),
)


class SecretKeys(Model):
    """The name of one Secret; the models below add the keys that are read from it."""

    name: ObjectName = ""


def _keys(
    what: str,
    suffix: str,
    keys: Mapping[str, tuple[Any, str, str, str]],
    more: str = "",
    effects: tuple[Effect, ...] = (),
    when: Mapping[str, Condition] | None = None,
) -> type[SecretKeys]:
    """Return the questions about one Secret.

    `what` is the title of its name, `suffix` that of its default name. `keys` maps a question to
    its type, default, title and help. `more` ends the help of the name.
    `effects` are those of another name or key. `when` has the conditions of single questions.
    """
    info = QuestionInfo(effects=effects)
    fields: dict[str, Any] = {
        "name": (
            Annotated[ObjectName, info],
            Field(
                default="",
                title=what,
                description=f"Name of the Secret. Empty: the shared one, or <release>-{suffix}."
                + more,
            ),
        )
    }
    for name, (kind, default, title, text) in keys.items():
        condition = (when or {}).get(name, ALWAYS)
        fields[name] = (
            Annotated[kind, QuestionInfo(when=condition, effects=effects)],
            Field(default=default, title=title, description=text),
        )
    words = "".join(word.capitalize() for word in suffix.split("-"))
    return create_model(
        f"Existing{words}", __base__=SecretKeys, __module__=__name__,
        __doc__="The name of one existing Secret, and its keys.", **fields,
    )  # fmt: skip


def _key(default: str, text: str) -> Mapping[str, tuple[Any, str, str, str]]:
    return {"key": (SecretKey, default, "Key", text)}


def _fixed(key: str, text: str) -> Mapping[str, tuple[Any, str, str, str]]:
    kind = Literal[key]  # type: ignore[valid-type]
    return {"key": (kind, key, "Key", f"The chart reads this key only. {text}")}


_URL = "USER:PASSWORD@HOST/DATABASE"
_ENCODED = "User and password are percent-encoded."
_METADATA = _keys(
    "Metadata",
    "metadata",
    {
        **_key(
            "connection",
            f"Holds a URL: postgresql://{_URL}?sslmode=require. {_ENCODED} With PgBouncer, its "
            "host, and the chart's takes no sslmode: the runbook has the exact URL.",
        ),
        "async_key": (
            OptionalSecretKey,
            "",
            "Async key",
            f"Holds the same URL for asyncpg: postgresql+asyncpg://{_URL}?ssl=require. Empty: "
            "Airflow 3.1 derives it, which fails for a URL with sslmode.",
        ),
    },
    effects=(_ANOTHER_URL,),
    when={"async_key": ASYNC_URL},
)
_DIRECT = _keys(
    "Migrations",
    "metadata-direct",
    _key(
        "connection",
        f"Holds a URL: postgresql://{_URL}?sslmode=require. Its host is the database itself: "
        "migrations do not go through PgBouncer.",
    ),
)
_RESULTS = _keys(
    "Results",
    "result-backend",
    _key(
        "connection",
        f"Holds a URL: db+postgresql://{_URL}, else as for the metadata. {_ENCODED}",
    ),
)
_BROKER = _keys(
    "Broker",
    "broker-url",
    _key(
        "connection",
        "Holds a whole URL. The chart's Redis: redis://:PASSWORD@<release>-redis:6379/0, with the "
        "password percent-encoded.",
    ),
)
_REDIS = _keys(
    "Redis",
    "redis-password",
    _fixed("password", "Holds the password in the broker's URL, here not encoded."),
)
_FERNET = _keys(
    "Fernet key",
    "fernet-key",
    _key("fernet-key", "Holds 32 bytes in URL-safe base64; several, newest first, with commas."),
    effects=(ANOTHER_PAYLOAD,),
)
_API = _keys(
    "API key", "api-secret-key", _key("api-secret-key", "Holds random text, 32 characters or more.")
)
_JWT = _keys(
    "JWT secret", "jwt-secret", _key("jwt-secret", "Holds random text, 64 characters or more.")
)
_WEBSERVER = _keys(
    "Webserver key",
    "webserver-secret-key",
    _key("webserver-secret-key", "Holds random text, 32 characters or more."),
)
_POOLER = _keys(
    "PgBouncer",
    "pgbouncer-config",
    {
        "ini": (
            SecretKey,
            "pgbouncer.ini",
            "Ini key",
            "Holds the whole pgbouncer.ini. The runbook shows it: aliases, port 6543, auth_file.",
        ),
        "users": (
            SecretKey,
            "users.txt",
            "Users key",
            'Holds lines of "USER" "PASSWORD", not encoded: the role, and the console user.',
        ),
    },
)
_STATS = _keys(
    "Pool stats",
    "pgbouncer-stats",
    _key(
        "connection",
        "Holds postgresql://USER:PASSWORD@127.0.0.1:6543/pgbouncer?sslmode=disable, with a user of "
        "stats_users.",
    ),
)
_SSH = _keys(
    "Deploy key",
    "ssh-secret",
    _fixed("gitSshKey", "Holds a private key without a passphrase, with its last line break."),
)
_CREDENTIALS = _keys(
    "Git login",
    "git-credentials",
    {},
    " The chart reads the user from GIT_SYNC_USERNAME and GITSYNC_USERNAME, the token from "
    "GIT_SYNC_PASSWORD and GITSYNC_PASSWORD: it needs all four.",
)
_CONNECTION = _keys(
    "Git login",
    "git-connection",
    _key(
        "connection",
        "Holds an Airflow connection as JSON, exactly as in the runbook: it also names the file of "
        "verified host keys.",
    ),
)
_LOGS = _keys(
    "Log connection",
    "logs-connection",
    _key("connection", "Holds an Airflow connection as a URI or JSON, such as aws://KEY:SECRET@/."),
)
_ELASTICSEARCH = _keys(
    "Log login",
    "elasticsearch",
    _fixed("connection", f"Holds a URL: https://USER:PASSWORD@HOST:PORT. {_ENCODED}"),
)
_OPENSEARCH = _keys(
    "Log login",
    "opensearch",
    {
        **_fixed("connection", "Holds a URL without a login: https://HOST:PORT."),
        "password": (SecretKey, "password", "Password key", "Holds the password of logs.user."),
    },
)
_ADMIN = _keys("Admin", "default-user", _key("password", "Holds the password of the first admin."))
_CLIENT = _keys(
    "OAuth client",
    "oauth-client",
    _key("client-secret", "Holds the secret of Airflow's client at the identity provider."),
)
_COOKIES = _keys(
    "Proxy cookies",
    "oauth2-proxy",
    _key("cookie-secret", "Holds 32 bytes in URL-safe base64, which encrypt the proxy's cookies."),
)
_POSTGRES = _keys(
    "PostgreSQL",
    "postgresql-auth",
    _fixed("postgres-password", "Holds the password of user postgres."),
)


class BundleSecret(SecretKeys):
    """The Secret with the connection of one of `dags.bundles`, and its key."""

    bundle: KubeName
    key: SecretKey = "connection"


def _asked(model: type[SecretKeys], when: Condition, title: str) -> Any:
    return (
        Annotated[model, QuestionInfo(when=when)],
        Field(default_factory=model, title=title),
    )


class _Shared(Model):
    """Secrets that somebody else makes: Sealed Secrets, SOPS, Terraform, or a person."""

    secret: Annotated[ObjectName, QuestionInfo(when=EXISTING, effects=(ANOTHER_PAYLOAD,))] = Field(
        default="",
        title="Shared Secret",
        description="One Secret with all keys. Empty: each value has a Secret of its own.",
    )


# By the question's name, in the order of the page.
_QUESTIONS: Mapping[str, Any] = {
    "metadata": _asked(_METADATA, EXISTING, "Metadata database"),
    "metadata_direct": _asked(_DIRECT, EXISTING & POOLED_DATABASE, "Migrations"),
    "result_backend": _asked(_RESULTS, EXISTING & CELERY, "Result backend"),
    "broker": _asked(_BROKER, EXISTING & CELERY, "Broker"),
    "redis": _asked(_REDIS, EXISTING & CELERY & CHART_REDIS, "Redis"),
    "fernet_key": _asked(_FERNET, EXISTING, "Airflow's keys"),
    "api_secret_key": _asked(_API, EXISTING & AIRFLOW_3, "Airflow's keys"),
    "jwt_secret": _asked(_JWT, EXISTING & AIRFLOW_3, "Airflow's keys"),
    "webserver_secret_key": _asked(_WEBSERVER, EXISTING & AIRFLOW_2, "Airflow's keys"),
    "pgbouncer_config": _asked(_POOLER, EXISTING & PGBOUNCER, "PgBouncer"),
    "pgbouncer_stats": _asked(_STATS, EXISTING & PGBOUNCER, "PgBouncer"),
    "git_ssh_key": _asked(_SSH, EXISTING & GIT_SYNC & DAGS_OVER_SSH, "DAG repository"),
    "git_credentials": _asked(
        _CREDENTIALS, EXISTING & GIT_SYNC & PRIVATE_DAGS_OVER_HTTPS, "DAG repository"
    ),
    "git_connection": _asked(_CONNECTION, EXISTING & BUNDLE_LOGIN, "DAG repository"),
    "bundle_connections": (
        Annotated[
            list[BundleSecret],
            QuestionInfo(
                when=EXISTING & MORE_LOGINS,
                takes="a list of {bundle, name, key}. bundle: the name of one in dags.bundles. "
                "name: the Secret, by default the shared one or <release>-git-connection-<bundle>. "
                "key: by default connection",
                example="[{bundle: finance, name: platform-git, key: finance}]",
            ),
        ],
        Field(
            default_factory=list,
            title="Bundle logins",
            description="Secrets of other names for the logins of dags.bundles. Each key holds an "
            "Airflow connection as JSON, exactly as in the runbook.",
        ),
    ),
    "logs_connection": _asked(_LOGS, EXISTING & LOG_CONNECTION, "Task logs"),
    "elasticsearch": _asked(_ELASTICSEARCH, EXISTING & ELASTICSEARCH_LOGS, "Task logs"),
    "opensearch": _asked(_OPENSEARCH, EXISTING & OPENSEARCH_LOGS, "Task logs"),
    "admin": _asked(_ADMIN, EXISTING & ADMIN, "Admin user"),
    "oauth_client": _asked(_CLIENT, EXISTING & SINGLE_SIGN_ON, "Single sign-on"),
    "oauth2_proxy": _asked(_COOKIES, EXISTING & PROXY_LOGIN, "Single sign-on"),
    "postgresql": _asked(_POSTGRES, EXISTING & BUNDLED_DATABASE, "Bundled database"),
}

ExistingSecrets: type[Model] = create_model(
    "ExistingSecrets", __base__=_Shared, __module__=__name__, __doc__=_Shared.__doc__, **_QUESTIONS
)
