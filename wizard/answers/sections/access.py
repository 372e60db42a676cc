"""The section Access: how users reach the Airflow UI."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field

from wizard.answers.sections.login import OAuth, ProxyAnswers
from wizard.chart.contract import TLS_SECRET_KEYS
from wizard.chart.images import Image
from wizard.formats.address_types import Network, WebUrl
from wizard.formats.types import AnnotationKey, ObjectName, Text
from wizard.manifests.contribution import Contribution, combine_contributions
from wizard.manifests.login import login_contribution
from wizard.manifests.network_policy import ingress_settings, list_outside_peers
from wizard.manifests.oauth2_proxy import (
    find_proxy_image,
    proxy_contribution,
    proxy_manifests,
    proxy_pods,
    proxy_policies,
)
from wizard.manifests.release import Release
from wizard.manifests.tree import File
from wizard.manifests.ui_access import (
    IngressEntry,
    http_route,
    ingress,
    ingress_values,
    load_balancer,
    proxy_settings,
)
from wizard.questions.cases import ANNOTATED_ACCESS, HTTP_ROUTE, INGRESS, LOAD_BALANCER
from wizard.questions.effects import Effect
from wizard.questions.section import Model, QuestionInfo, Section, split_words

_ANOTHER_WAY = Effect(
    "another-access",
    "interrupt",
    "The {old} to the UI is removed: users who open the UI there get no answer.",
    lambda old, _: old != "port-forward",
)
_ANOTHER_LOGIN = Effect(
    "another-login",
    "interrupt",
    "Users log in in another way ({new} instead of {old}), as new users of Airflow. The old users "
    "stay, and their sessions last until they end: the runbook says how to delete them.",
    # Behind oauth2-proxy, Airflow has the same login.
    lambda old, new: "password" in {old, new},
)


class Tls(Model):
    """The certificate of the Ingress, or of the load balancer."""

    secret: Annotated[ObjectName, QuestionInfo(when=INGRESS)] = Field(
        default="",
        title="TLS Secret",
        description=(
            "Secret with the certificate (tls.crt, tls.key). Empty: the issuer makes one with a "
            "name of its own."
        ),
    )
    issuer: Annotated[ObjectName, QuestionInfo(when=INGRESS)] = Field(
        default="",
        title="Issuer",
        description=(
            "ClusterIssuer of cert-manager that makes the certificate. Empty: somebody else "
            "makes the TLS Secret."
        ),
    )
    annotation: Annotated[Text, QuestionInfo(when=LOAD_BALANCER)] = Field(
        default="",
        title="TLS annotation",
        description=(
            "Which of the annotations gives the load balancer its certificate. Empty: those of "
            "AWS, DigitalOcean, Hetzner, Oracle, Scaleway, Linode and Alibaba Cloud are known."
        ),
    )


class Gateway(Model):
    """The Gateway that an HTTPRoute is attached to."""

    name: Annotated[
        ObjectName,
        QuestionInfo(when=HTTP_ROUTE, required=True, find="`kubectl get gateways -A` lists them."),
    ] = Field(default="", title="Gateway", description="Name of the Gateway that serves the UI.")
    namespace: Annotated[
        ObjectName,
        QuestionInfo(when=HTTP_ROUTE, required=True, find="`kubectl get gateways -A` shows it."),
    ] = Field(
        default="",
        title="Namespace",
        description="Namespace of the Gateway. Its listener must allow routes from this one.",
    )
    listener: Annotated[ObjectName, QuestionInfo(when=HTTP_ROUTE, required=True)] = Field(
        default="https",
        title="Listener",
        description="Name of the listener that terminates TLS. The route is attached to it alone.",
    )


class Access(Section):
    """How users reach the UI."""

    title: ClassVar[str] = "Access"
    intro: ClassVar[str] = "A port-forward works everywhere and exposes nothing."

    kind: Annotated[
        Literal["port-forward", "ingress", "httproute", "loadbalancer"],
        QuestionInfo(
            labels={
                "port-forward": "kubectl port-forward",
                "ingress": "Ingress",
                "httproute": "HTTPRoute (Gateway API)",
                "loadbalancer": "load balancer",
            },
            effects=(_ANOTHER_WAY,),
            synonyms=("expose", "webserver", "ui"),
        ),
    ] = Field(
        default="port-forward",
        title="Access",
        description=(
            "How users reach the UI. A port-forward exposes nothing. The others need an https "
            "base URL, whose host and path they serve."
        ),
    )
    base_url: Annotated[WebUrl, QuestionInfo(required=True)] = Field(
        default="http://localhost:8080",
        title="Base URL",
        description="Address of the UI in users' browsers. Airflow writes it into links.",
    )
    class_: Annotated[ObjectName, QuestionInfo(when=INGRESS)] = Field(
        default="",
        title="Ingress class",
        description="Class of the Ingress, such as nginx. Empty: the cluster's default class.",
    )
    tls: Tls = Field(default_factory=Tls, title="TLS")
    gateway: Gateway = Field(default_factory=Gateway, title="Gateway")
    annotations: Annotated[dict[AnnotationKey, Text], QuestionInfo(when=ANNOTATED_ACCESS)] = Field(
        default_factory=dict,
        title="Annotations",
        description=(
            "NAME=VALUE annotations of the Ingress or of the load balancer's Service. A load "
            "balancer must terminate TLS: annotations name its certificate."
        ),
    )
    sources: Annotated[
        list[Network],
        BeforeValidator(split_words, json_schema_input_type=str | list[str]),
        QuestionInfo(
            when=LOAD_BALANCER,
            required=True,
            takes="networks, separated by commas. 0.0.0.0/0 is the whole Internet",
            example="10.0.0.0/8, 192.168.7.0/24",
            find="The networks of your users: ask your network team.",
        ),
    ] = Field(
        default_factory=list,
        title="Sources",
        description=(
            "Networks that can reach the load balancer. With network policies also the networks "
            "of its own addresses, unless it keeps those of the clients."
        ),
    )
    from_namespace: ObjectName = Field(
        default="",
        title="Ingress from",
        description=(
            "With network policies: namespace of the ingress controller or of the Gateway's pods. "
            "Empty: pods of every namespace can reach the UI through an Ingress or a route."
        ),
    )

    login: Annotated[
        Literal["password", "oauth", "proxy"],
        QuestionInfo(
            labels={
                "password": "passwords in Airflow's database",
                "oauth": "single sign-on (OAuth)",
                "proxy": "single sign-on behind oauth2-proxy",
            },
            effects=(_ANOTHER_LOGIN,),
        ),
    ] = Field(
        default="password",
        title="Login",
        description=(
            "How users prove who they are. Single sign-on needs an https base URL; the groups at "
            "the provider decide on the roles, and no admin user is created. With oauth2-proxy, "
            "nobody reaches Airflow without a login."
        ),
    )
    oauth: OAuth = Field(default_factory=OAuth, title="Single sign-on")
    proxy: ProxyAnswers = Field(default_factory=ProxyAnswers, title="oauth2-proxy")

    def contribute(self, release: Release) -> Contribution:
        """Set how users reach the UI, and how they log in there."""
        parts = [self._expose(release)]
        if self.login != "password":
            login = self.oauth.build_login()
            parts.append(login_contribution(release, login, self.oauth.client_secret))
        if self.login == "proxy":
            parts.append(proxy_contribution(release))
        return combine_contributions(parts)

    def _expose(self, release: Release) -> Contribution:
        """Set the base URL, and what exposes the UI at its host and path.

        The chart derives the path of the execution API from the base URL.
        """
        option = "config.api.base_url" if release.airflow_3 else "config.webserver.base_url"
        settings: dict[str, object] = {option: self.base_url}
        proxied = self.login == "proxy"
        if self.kind == "port-forward" and not proxied:
            return Contribution(settings=settings)
        parts = urlsplit(self.base_url)
        host, path = parts.hostname or "", parts.path or "/"
        if self.kind == "ingress" and not proxied:
            settings |= ingress_values(release, self._ingress(release, host, path))
        own, proxy = self.tls.secret, proxy_settings(release)
        return Contribution(
            settings={**settings, **proxy.settings},
            env=proxy.env,
            manifests=tuple(self._manifests(release, host, path)),
            existing_secrets={own: TLS_SECRET_KEYS} if own and not self.tls.issuer else {},
        )

    def _manifests(self, release: Release, host: str, path: str) -> Iterator[File]:
        if self.kind == "httproute":
            gateway = self.gateway
            attached = (gateway.name, gateway.namespace, gateway.listener)
            yield http_route(release, host, path, attached)
        elif self.kind == "loadbalancer":
            yield load_balancer(release, self.annotations, self.sources)
        elif self.kind == "ingress" and self.login == "proxy":
            yield ingress(release, self._ingress(release, host, path))

    def _ingress(self, release: Release, host: str, path: str) -> IngressEntry:
        secret = self.tls.secret or release.names.object_name("ui-tls")
        issuer = {"cert-manager.io/cluster-issuer": self.tls.issuer} if self.tls.issuer else {}
        return IngressEntry(host, path, secret, self.class_, {**self.annotations, **issuer})

    def compose(self, release: Release, total: Contribution) -> Contribution:
        """Admit what exposes the UI, by the values in effect; put oauth2-proxy in front of it."""
        proxied = self.login == "proxy"
        login = self.oauth.build_login()
        manifests: tuple[File, ...] = ()
        images: tuple[Image, ...] = ()
        if proxied:
            proxy = self.proxy.build_proxy()
            manifests = proxy_manifests(release, login, proxy, total)
            images = (find_proxy_image(release, proxy),)
        if not release.network_policies:
            return Contribution(manifests=manifests, images=images)
        controller = self.from_namespace or self.gateway.namespace
        route = self.kind == "httproute" or (proxied and self.kind != "loadbalancer")
        peers = list_outside_peers(release, total.values, controller, self.sources, route=route)
        if proxied:
            manifests += proxy_policies(release, login, peers, total)
            peers = [{"podSelector": {"matchLabels": proxy_pods(release)}}]
        settings = ingress_settings(release, peers)
        return Contribution(settings=settings, manifests=manifests, images=images)
