"""Rules on Secrets that the chart makes of values, and on Flower without a login.

The wizard's own trees name a Secret for everything, so a Secret of the chart's own there comes from
a value that was set by hand. Source: templates/secrets of chart 1.22.0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from wizard.chart.contract import is_celery
from wizard.checks.reporter import Reporter, read_configuration
from wizard.checks.subject import Subject, get_nested
from wizard.findings import Finding


@dataclass(frozen=True, slots=True)
class _Made:
    """A value that the chart makes a Secret of, unless one of `instead` names one.

    `enabled` is a switch without which the chart makes none, `question` what to answer instead.
    """

    where: str
    instead: tuple[str, ...]
    fix: str
    enabled: str = ""
    question: str = "secrets.extra"


# Flower's own options, in its variables. Source: documentation of Flower 2.0, Authentication.
_FLOWER_LOGINS = ("FLOWER_AUTH", "FLOWER_BASIC_AUTH", "FLOWER_OAUTH2_")
_CERTIFICATES = (
    "mount a Secret of secrets.extra with pgbouncer.extraVolumes and extraVolumeMounts, and name "
    "its files in PgBouncer's configuration"
)
# What else the chart makes Secrets of is a secret itself, which `secret.inline-value` refuses, or
# has a random value or a database's URL, which rules of `wizard.checks.values` ask a name for.
_MADE = (
    _Made(
        "registry.connection",
        ("imagePullSecrets", "registry.secretName"),
        "remove it, and use installation.image.pull_secrets, or pull: true in secrets.extra",
        question="installation.image.pull_secrets",
    ),
    _Made(
        "data.resultBackendConnection",
        ("data.resultBackendSecretName",),
        "remove it, and name a Secret with the key connection in data.resultBackendSecretName",
    ),
    *(_Made(f"pgbouncer.ssl.{one}", (), _CERTIFICATES, "pgbouncer") for one in ("ca", "cert")),
    *(
        _Made(
            f"{one}.enabled",
            (f"{one}.secretName",),
            f"name a Secret with the key connection in {one}.secretName",
            one,
        )
        for one in ("elasticsearch", "opensearch")
    ),
)


def check_chart_secrets(subject: Subject) -> Iterator[Finding]:
    """Report Secrets that the chart would make of values of our own trees, and an open Flower."""
    configuration = read_configuration(subject)
    if configuration is None:
        return
    rules = _Rules(subject, configuration)
    if subject.layout.manifests:
        yield from rules.check_made_secrets()
    yield from rules.check_flower()


class _Rules(Reporter):
    def check_made_secrets(self) -> Iterator[Finding]:
        """Report values that the chart makes a Secret of."""
        message = "the chart makes a Secret of its own from this; Secrets come from the store"
        for one in _MADE:
            on = not one.enabled or self.one.get(f"{one.enabled}.enabled") is True
            if one.where.startswith("data.") and not is_celery(self.one.values):
                continue
            named = any(self.one.get(other) for other in one.instead)
            if on and self.one.get(one.where) and not named:
                yield self.error("values.chart-secret", one.where, message, one.fix, one.question)

    def check_flower(self) -> Iterator[Finding]:
        """Report Flower without a login: everybody who reaches it controls the workers."""
        if self.one.get("flower.enabled") is not True or not is_celery(self.one.values):
            return
        if self.one.get("flower.secretName") or self.one.get("flower.password"):
            return
        if any(self.configuration.find_all("celery", "flower_basic_auth")):
            return
        names = (variable.name for _, variable in self.configuration.list_variables())
        if any(name.startswith(_FLOWER_LOGINS) for name in names):
            return
        reached = "everybody in the cluster"
        if get_nested(self.one.values, "ingress", "flower", "enabled"):
            reached = "everybody who reaches its Ingress"
        message = f"Flower has no login, so {reached} can stop workers and tasks"
        fix = "name a Secret with the key basicAuth (user:password) in flower.secretName"
        yield self.warning("configuration.flower", "flower.enabled", message, fix)
