"""Ways to the UI: what is refused, and what the values and manifests come to."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.rendered import answers, filled, rendering, values
from wizard.answers.files import answers_text, apply_assignments, validate_answers
from wizard.errors import AnswersError

URL = "https://airflow.example.com/team"
INGRESS: dict[str, object] = {
    "access.kind": "ingress", "access.base_url": URL, "access.class": "nginx",
    "access.tls.issuer": "letsencrypt",
}  # fmt: skip
ROUTE: dict[str, object] = {
    "access.kind": "httproute", "access.base_url": URL, "access.gateway.name": "public",
    "access.gateway.namespace": "gateways",
}  # fmt: skip
BETA = "service.beta.kubernetes.io/"
CERTIFICATE = f"{BETA}aws-load-balancer-ssl-cert"
BALANCER: dict[str, object] = {
    "access.kind": "loadbalancer", "access.base_url": URL, "access.sources": ["10.0.0.0/8"],
    "access.annotations": {CERTIFICATE: "arn:aws:acm:eu-west-1:111122223333:certificate/a"},
}  # fmt: skip


def problems(changes: dict[str, object]) -> list[str]:
    return [str(one) for one in validate_answers(filled("production", changes)).problems]


@pytest.mark.parametrize(
    ("changes", "key", "words"),
    [
        ({**INGRESS, "access.base_url": "http://localhost:8080"}, "base_url", "https address"),
        ({**INGRESS, "access.base_url": "https://10.1.2.3"}, "base_url", "host name"),
        ({**ROUTE, "access.base_url": "https://10.1.2.3"}, "base_url", "host name"),
        ({**INGRESS, "access.tls.issuer": ""}, "tls.secret", "access.tls.issuer"),
        ({**ROUTE, "access.gateway.name": ""}, "gateway.name", "required"),
        ({**BALANCER, "access.sources": []}, "sources", "required"),
        ({**BALANCER, "access.sources": ["10.0.0.1/8"]}, "sources", "without host bits"),
        ({**BALANCER, "access.sources": "10.0.0.0/8, 10.0.0.1/8"}, "sources.1", "host bits"),
        ({**BALANCER, "access.annotations": {}}, "annotations", "ssl-cert"),
        ({**BALANCER, "access.annotations": {"a": "b"}}, "annotations", "access.tls.annotation"),
        (
            {**BALANCER, "access.annotations": {CERTIFICATE: ""}},
            "annotations",
            "TLS on port 443",
        ),
        ({**BALANCER, "access.tls.annotation": "a"}, "tls.annotation", "access.annotations gives"),
        (
            {**BALANCER, "access.annotations": {f"{BETA}azure-load-balancer-internal": "true"}},
            "kind",
            "load balancers of Azure do not terminate TLS",
        ),
        ({**BALANCER, "access.annotations": {"a b": "c"}}, "annotations", "name of an annotation"),
        (
            {
                **BALANCER,
                "access.annotations": {CERTIFICATE: "arn:a", "airflow-wizard/source": "evil"},
            },
            "annotations.airflow-wizard/source",
            "remove it",
        ),
        (
            {**INGRESS, "access.annotations": {"argocd.argoproj.io/tracking-id": "x"}},
            "annotations.argocd.argoproj.io/tracking-id",
            "remove it",
        ),
    ],
)
def test_what_cannot_work_is_refused(changes: dict[str, object], key: str, words: str) -> None:
    [problem] = problems(changes)
    assert problem.startswith(f"access.{key}")
    assert words in problem


def test_networks_and_annotations_are_taken_as_a_line_or_as_yaml() -> None:
    for text in ("10.0.0.0/8, 192.168.7.0/24", "[10.0.0.0/8, 192.168.7.0/24]"):
        data = apply_assignments(filled("production", BALANCER), [f"access.sources={text}"])
        found = validate_answers(data).answers
        assert found is not None
        assert found.access.sources == ["10.0.0.0/8", "192.168.7.0/24"]
    with pytest.raises(AnswersError) as caught:
        apply_assignments({}, ["access.annotations=allow=10.0.0.0/8,10.1.0.0/16"])
    assert "{NAME: VALUE}" in caught.value.problems[0].message
    data = apply_assignments({}, ['access.annotations={allow: "10.0.0.0/8,10.1.0.0/16"}'])
    assert data["access"]["annotations"] == {"allow": "10.0.0.0/8,10.1.0.0/16"}


@pytest.mark.parametrize(("airflow", "key"), [("3.2.2", "apiServer"), ("2.11.0", "web")])
def test_an_ingress_serves_host_and_path_of_the_base_url(airflow: str, key: str) -> None:
    made = rendering("production", {**INGRESS, "installation.airflow": airflow})
    found = values(made)
    assert found["ingress"][key] == {
        "enabled": True,
        "hosts": [
            {
                "name": "airflow.example.com",
                "tls": {"enabled": True, "secretName": "airflow-ui-tls"},
            }
        ],
        "path": "/team",
        "pathType": "Prefix",
        "ingressClassName": "nginx",
        "annotations": {"cert-manager.io/cluster-issuer": "letsencrypt"},
    }
    if airflow == "3.2.2":
        assert found["apiServer"]["args"][-1].endswith("--proxy-headers")
        allowed = {"name": "FORWARDED_ALLOW_IPS", "value": "*"}
        assert found["apiServer"]["env"] == [allowed]


def manifest(changes: dict[str, object], name: str) -> Any:
    import yaml

    return yaml.safe_load(rendering("production", changes).tree.by_logical(f"secrets/{name}").text)


def test_a_route_is_attached_to_the_listener_with_tls() -> None:
    spec = manifest(ROUTE, "http-route")["spec"]
    assert spec["parentRefs"] == [
        {"name": "public", "namespace": "gateways", "sectionName": "https"}
    ]
    assert spec["hostnames"] == ["airflow.example.com"]
    [rule] = spec["rules"]
    assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": "/team"}}]
    assert rule["backendRefs"] == [{"name": "airflow-api-server", "port": 8080}]


def test_a_load_balancer_has_no_port_of_plain_http() -> None:
    made = manifest(BALANCER, "load-balancer")
    assert made["metadata"]["annotations"][CERTIFICATE].startswith("arn:")
    spec = made["spec"]
    assert [one["port"] for one in spec["ports"]] == [443]
    assert spec["loadBalancerSourceRanges"] == ["10.0.0.0/8"]
    assert spec["selector"]["component"] == "api-server"
    assert "service" not in values(rendering("production", BALANCER)).get("apiServer", {})
    elsewhere = {**BALANCER, "access.base_url": "https://airflow.example.com:8443"}
    [listening] = manifest(elsewhere, "load-balancer")["spec"]["ports"]
    assert listening["port"] == 8443


DO, HETZNER = f"{BETA}do-loadbalancer-", "load-balancer.hetzner.cloud/"
ALIBABA, ORACLE = f"{BETA}alibaba-cloud-loadbalancer-", f"{BETA}oci-load-balancer-"
LINODE, SCALEWAY = f"{BETA}linode-loadbalancer-port-", f"{BETA}scw-loadbalancer-certificate-ids"
# Annotations of port 8443: with TLS, and without, though most of them name a certificate.
WITH_TLS: list[dict[str, str]] = [
    {CERTIFICATE: "arn:a"},
    {CERTIFICATE: "arn:a", f"{BETA}aws-load-balancer-ssl-ports": "443,8443"},
    {CERTIFICATE: "arn:a", f"{BETA}aws-load-balancer-ssl-ports": "https"},
    {f"{DO}certificate-id": "1", f"{DO}protocol": "https"},
    {f"{DO}certificate-name": "ui", f"{DO}protocol": "tcp", f"{DO}tls-ports": "443,8443"},
    {f"{HETZNER}http-certificates": "ui", f"{HETZNER}protocol": "https"},
    {f"{HETZNER}http-managed-certificate-domains": "x", f"{HETZNER}protocol-ports": "8443:https"},
    {f"{ORACLE}tls-secret": "ui", f"{ORACLE}ssl-ports": "8443"},
    {SCALEWAY: "1,2"},
    {SCALEWAY: "443,8443:1;80:2"},
    {f"{LINODE}8443": '{"protocol": "https", "tls-secret-name": "ui"}'},
    {f"{ALIBABA}cert-id": "1", f"{ALIBABA}protocol-port": "http:80,https:8443"},
]
WITHOUT_TLS: list[dict[str, str]] = [
    {CERTIFICATE: "arn:a", f"{BETA}aws-load-balancer-ssl-ports": "443"},
    {f"{BETA}aws-load-balancer-ssl-ports": "8443"},
    {f"{DO}certificate-id": "1"},
    {f"{DO}certificate-id": "1", f"{DO}protocol": "https", f"{DO}tls-ports": "443"},
    {f"{HETZNER}http-certificates": "ui"},
    {f"{HETZNER}http-certificates": "ui", f"{HETZNER}protocol-ports": "443:https"},
    {f"{ORACLE}tls-secret": "ui"},
    {SCALEWAY: "443:1"},
    {f"{LINODE}443": '{"protocol": "https", "tls-secret-name": "ui"}'},
    {f"{LINODE}8443": "[]"},
    {f"{ALIBABA}cert-id": "1", f"{ALIBABA}protocol-port": "https:443"},
    {"example.com/owner": "data"},
]


def test_only_annotations_that_terminate_tls_on_the_port_prove_it() -> None:
    elsewhere = {**BALANCER, "access.base_url": "https://airflow.example.com:8443"}
    for given in WITH_TLS:
        assert problems({**elsewhere, "access.annotations": given}) == []
    for given in WITHOUT_TLS:
        [problem] = problems({**elsewhere, "access.annotations": given})
        assert problem.startswith("access.annotations")
        assert "port 8443" in problem
    named = {**elsewhere, "access.annotations": {"example.com/certificate": "ui"}}
    assert problems({**named, "access.tls.annotation": "example.com/certificate"}) == []


@pytest.mark.parametrize(
    ("given", "named", "problem"),
    [
        (
            {f"{BETA}azure-load-balancer-internal": "true"},
            f"{BETA}azure-load-balancer-internal",
            "access.kind: use ingress or httproute: load balancers of Azure",
        ),
        (
            {f"{BETA}azure-load-balancer-internal": "true", "example.com/certificate": "ui"},
            "example.com/certificate",
            "access.kind: use ingress or httproute: load balancers of Azure",
        ),
        (
            {f"{DO}certificate-id": "1"},
            f"{DO}certificate-id",
            f"access.annotations: add {DO}tls-ports: 443: ",
        ),
        (
            {f"{DO}certificate-id": "1", f"{DO}tls-ports": "8443"},
            "",
            f"access.annotations: add {DO}tls-ports: 8443,443: ",
        ),
        (
            {CERTIFICATE: "arn:a", f"{BETA}aws-load-balancer-ssl-ports": "8443"},
            CERTIFICATE,
            f"access.annotations: add 443 to {BETA}aws-load-balancer-ssl-ports: ",
        ),
        ({f"{HETZNER}http-certificates": "1"}, "", f"access.annotations: add {HETZNER}protocol: "),
        ({f"{HETZNER}type": "lb11"}, "", f"access.annotations: give {HETZNER}http-certificates "),
        ({f"{LINODE}80": "{}"}, "", f"access.annotations: add {LINODE}443: "),
    ],
)
def test_the_rule_of_a_known_cloud_decides_and_says_what_is_missing(
    given: dict[str, str], named: str, problem: str
) -> None:
    answered = {**BALANCER, "access.annotations": given, "access.tls.annotation": named}
    [found] = problems(answered)
    assert found.startswith(problem)


@pytest.mark.parametrize(
    ("changes", "peer"),
    [
        (INGRESS, {"namespaceSelector": {}}),
        ({**INGRESS, "access.from_namespace": "ingress-nginx"}, "ingress-nginx"),
        (ROUTE, "gateways"),
        ({**ROUTE, "access.from_namespace": "envoy"}, "envoy"),
        (BALANCER, {"ipBlock": {"cidr": "10.0.0.0/8"}}),
    ],
)
def test_the_policy_admits_what_exposes_the_ui(
    changes: dict[str, object], peer: dict[str, object] | str
) -> None:
    made = values(rendering("production", {**changes, "environment.network_policies": True}))
    wanted = peer
    if isinstance(peer, str):
        labels = {"kubernetes.io/metadata.name": peer}
        wanted = {"namespaceSelector": {"matchLabels": labels}}
    _, admitted = made["apiServer"]["networkPolicy"]["ingress"]["from"]
    assert admitted == wanted


def test_a_key_that_is_a_keyword_of_python_survives_saving() -> None:
    found = answers("production", INGRESS)
    assert "\n  class: nginx\n" in answers_text(found)
    assert found.access.class_ == "nginx"
