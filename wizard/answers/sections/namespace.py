"""Questions on the namespace and its surroundings: a proxy for requests, and a quota."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from wizard.formats.address_types import ProxyException, ProxyUrl
from wizard.formats.types import Quantity
from wizard.manifests.contribution import Contribution
from wizard.manifests.proxy import git_proxy_settings, proxy_contribution
from wizard.manifests.quota import Limits
from wizard.manifests.release import Release
from wizard.questions.cases import CPU_QUOTA, MEMORY_QUOTA, PROXIED
from wizard.questions.section import Model, QuestionInfo, split_words


class Proxy(Model):
    """The proxy through which Airflow and git-sync reach other hosts."""

    http: ProxyUrl = Field(
        default="",
        title="HTTP proxy",
        description="Proxy for http requests, such as http://proxy.example.internal:3128.",
    )
    https: ProxyUrl = Field(
        default="",
        title="HTTPS proxy",
        description="Proxy for https requests. Most proxies take both at one http:// address.",
    )
    no_proxy: Annotated[
        list[ProxyException],
        BeforeValidator(split_words, json_schema_input_type=str | list[str]),
        QuestionInfo(
            when=PROXIED,
            takes="hosts, domains and networks, separated by commas",
            example=".example.internal, 10.0.0.0/8",
        ),
    ] = Field(
        default_factory=list,
        title="Without proxy",
        description=(
            "Hosts that pods reach directly, such as Vault and an internal Git host. The wizard "
            "adds the cluster's own."
        ),
    )

    def contribute(self, release: Release) -> Contribution:
        """Return the variables and the way to the proxy; nothing without a proxy."""
        return proxy_contribution(release, self.http, self.https, self.no_proxy)

    def git_settings(self, release: Release, values: Mapping[str, Any]) -> dict[str, object]:
        """Return the variables of git-sync, by the values in effect."""
        return git_proxy_settings(release, self.http, self.https, self.no_proxy, values)


class Quota(Model):
    """What the namespace may request."""

    cpu: Quantity = Field(
        default="",
        title="CPU quota",
        description="CPU that all pods of the namespace may request, such as 16. Empty: no quota.",
    )
    memory: Quantity = Field(
        default="",
        title="Memory quota",
        description=(
            "Memory that all pods of the namespace may request, such as 64Gi. Empty: no quota."
        ),
    )
    pods: Annotated[int, Field(ge=0, le=100_000)] = Field(
        default=0,
        title="Pod quota",
        description="Number of pods, tasks and Jobs included. 0: no quota.",
    )
    default_cpu: Annotated[Quantity, QuestionInfo(when=CPU_QUOTA, required=True)] = Field(
        default="100m",
        title="Default CPU",
        description="CPU request of a container that sets none, such as git-sync.",
    )
    default_memory: Annotated[Quantity, QuestionInfo(when=MEMORY_QUOTA, required=True)] = Field(
        default="256Mi",
        title="Default memory",
        description="Memory request of a container that sets none, such as git-sync.",
    )

    @property
    def limits(self) -> Limits:
        """Return the quota and the default requests."""
        return Limits(self.cpu, self.memory, self.pods, self.default_cpu, self.default_memory)
