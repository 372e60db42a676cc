"""The section Broker: the queue between Celery and its workers."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from wizard.formats.address_types import HostName, Port
from wizard.formats.types import Quantity
from wizard.manifests.contribution import Contribution, Flow, combine_contributions
from wizard.manifests.release import Release
from wizard.questions.cases import CELERY, CHART_REDIS, EXTERNAL_BROKER
from wizard.questions.conditions import Condition
from wizard.questions.effects import Effect
from wizard.questions.section import QuestionInfo, Section
from wizard.secrets.facts import Encoding, Fact, FactUse, Form, SecretSpec
from wizard.secrets.references import SecretRef
from wizard.secrets.value_rules import UrlScheme

_ANOTHER_BROKER = Effect(
    "another-broker",
    "interrupt",
    "Tasks that are queued in the old broker are not run: pause the DAGs and wait until the queue "
    "is empty.",
)
# What Celery 5 can use as broker and for results alike; no answer says what the broker is.
_KEEPS_RESULTS = UrlScheme(
    ("redis", "rediss", "sentinel"),
    "with environment.isolate_database, Celery keeps its results in the broker, so it must be a "
    "Redis",
)


class Broker(Section):
    """Celery's message broker."""

    title: ClassVar[str] = "Broker"
    intro: ClassVar[str] = "Celery sends tasks to its workers through a broker."
    when: ClassVar[Condition] = CELERY

    kind: Annotated[
        Literal["chart-redis", "external"],
        QuestionInfo(
            labels={"chart-redis": "the chart's Redis", "external": "one you run"},
            effects=(_ANOTHER_BROKER,),
        ),
    ] = Field(
        default="chart-redis",
        title="Broker",
        description="The chart's Redis is one pod. With a volume, queued tasks survive a restart.",
    )
    persistence: Annotated[Quantity, QuestionInfo(when=CHART_REDIS)] = Field(
        default="1Gi",
        title="Volume",
        description="Volume size of the chart's Redis. Empty: tasks are queued in memory only.",
    )
    url: Annotated[SecretRef, QuestionInfo(when=EXTERNAL_BROKER)] = Field(
        default=SecretRef(env="BROKER_URL"),
        title="URL",
        description="Reference to the complete broker URL. It is secret: it contains a password.",
    )
    host: Annotated[HostName, QuestionInfo(when=EXTERNAL_BROKER, effects=(_ANOTHER_BROKER,))] = (
        Field(
            default="",
            title="Host",
            description="Address of your broker, used for network policies and checks. Not secret.",
        )
    )
    port: Annotated[Port, QuestionInfo(when=EXTERNAL_BROKER, effects=(_ANOTHER_BROKER,))] = Field(
        default=6379, title="Port", description="Port of your broker."
    )

    def contribute(self, release: Release) -> Contribution:
        """Set Redis and the broker URL; without named Secrets, the chart creates random ones."""
        name = release.secret("broker-url")
        settings: dict[str, object] = {"data.brokerUrlSecretName": name}
        if self.kind == "external":
            keys = {"connection": (FactUse(self.url_fact(release)),)}
            secret = SecretSpec(name, keys, ("data.brokerUrlSecretName",), "broker")
            # The flow is added even without a host, because the egress rule needs only the port.
            flows = (Flow("broker", self.host, self.port),)
            external = Contribution(
                settings={"redis.enabled": False, **settings}, secrets=(secret,), flows=flows
            )
            return combine_contributions([external, _keep_results(release, secret)])
        secrets = self._own(release)
        own = Contribution(settings={**settings, **self._redis(release)}, secrets=secrets)
        return combine_contributions([own, _keep_results(release, secrets[0])])

    def url_fact(self, release: Release) -> Fact:
        """Return the URL of an external broker, and what it must be."""
        rule = _KEEPS_RESULTS if release.isolated_database else None
        return Fact("brokerUrl", Form.GIVEN, "broker URL", "", self.url, rule)

    def _redis(self, release: Release) -> dict[str, object]:
        volume = {"enabled": True, "size": self.persistence} if self.persistence else {}
        return {
            "redis.enabled": True,
            "redis.passwordSecretName": release.secret("redis-password"),
            "redis.persistence": volume or {"enabled": False},
        }

    def _own(self, release: Release) -> tuple[SecretSpec, ...]:
        fact = Fact("redisPassword", Form.PASSWORD, "Redis password")
        place = f"@{release.names.redis_host}:6379/0"
        return (
            SecretSpec(
                release.secret("broker-url"),
                {"connection": ("redis://:", FactUse(fact, Encoding.URL), place)},
                ("data.brokerUrlSecretName",),
                "broker",
            ),
            SecretSpec(
                release.secret("redis-password"),
                {"password": (FactUse(fact),)},
                ("redis.passwordSecretName",),
                "Redis",
            ),
        )


def _keep_results(release: Release, broker: SecretSpec) -> Contribution:
    """Return Celery's result backend at the broker, if workers must not reach the database."""
    if not release.isolated_database:
        return Contribution()
    setting, name = "data.resultBackendSecretName", release.secret("result-backend")
    results = SecretSpec(name, broker.keys, (setting,), "Celery results")
    return Contribution(settings={setting: results.name}, secrets=(results,))
