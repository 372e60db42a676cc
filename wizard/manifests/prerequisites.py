"""Programs that the cluster must have before an installation starts, each with a pinned version.

Sources of the versions: External Secrets and Argo CD as they were tried with this wizard's trees.
The others by the releases of their projects, looked up in November 2026: kedacore/charts v2.20.2;
stakater/Reloader with chart 2.2.16 for Reloader 1.4.21; traefik/traefik-helm-chart v41.6.0 for
Traefik 3.7.13; cert-manager v1.21.2; cloudnative-pg/charts cloudnative-pg-v0.29.0 for operator
1.30.0, and plugin-barman-cloud-v0.7.0 for plugin 0.13.0. Traefik, because the Kubernetes project
retired ingress-nginx in March 2026.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wizard.formats.images import name_copy
from wizard.formats.shell import quote, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True, slots=True)
class Prerequisite:
    """One program, how it is known to be there, and how it is installed.

    `api` is the group and version that it serves, with `kinds`. `image` is the end of its image's
    repository, by which its pods are found and whose tag is its version. `chart` is in the Helm
    repository `source`, with `options` for Helm; without a chart, `source` is a manifest to apply,
    or empty if the platform must choose the program. `ingress_class`: any controller with this
    class will do, with the default class if it is empty. `hub`: it runs in the cluster of the
    delivery's controller. `needs` is an object of the program that somebody
    must create: its kind, its resource for kubectl, its name. `note` is what must be done besides.
    `question` is the key of the answer that needs it. `images` are the images of its pods, and
    `mirror` the chart's values that take them from a registry, whose name replaces `{}`. `copies`
    are pairs of an image in a manifest and its copy in such a registry.
    """

    id: str
    title: str
    version: str
    source: str
    purpose: str
    namespace: str
    chart: str = ""
    options: tuple[str, ...] = ()
    api: str = ""
    kinds: tuple[str, ...] = ()
    image: str = ""
    ingress_class: str | None = None
    hub: bool = False
    needs: tuple[str, str, str] | None = None
    note: str = ""
    question: str = ""
    images: tuple[str, ...] = ()
    mirror: tuple[str, ...] = ()
    copies: tuple[tuple[str, str], ...] = ()


_CNPG_CHARTS = "https://cloudnative-pg.github.io/charts"
EXTERNAL_SECRETS = Prerequisite(
    "external-secrets",
    "External Secrets",
    "2.9.0",
    "https://charts.external-secrets.io",
    "copies the Secrets from the store",
    "external-secrets",
    "external-secrets",
    api="external-secrets.io/v1",
    kinds=("ExternalSecret", "SecretStore"),
    image="external-secrets/external-secrets",
    images=("ghcr.io/external-secrets/external-secrets:v2.9.0",),
    mirror=("global.repository={}/external-secrets/external-secrets",),
)
KEDA = Prerequisite(
    "keda",
    "KEDA",
    "2.20.2",
    "https://kedacore.github.io/charts",
    "scales the workers",
    "keda",
    "keda",
    api="keda.sh/v1alpha1",
    kinds=("ScaledObject",),
    image="kedacore/keda",
    images=(
        "ghcr.io/kedacore/keda:2.20.2",
        "ghcr.io/kedacore/keda-metrics-apiserver:2.20.2",
        "ghcr.io/kedacore/keda-admission-webhooks:2.20.2",
    ),
    mirror=("global.image.registry={}",),
)
RELOADER = Prerequisite(
    "reloader",
    "Reloader",
    "2.2.16",
    "https://stakater.github.io/stakater-charts",
    "restarts pods whose Secrets change",
    "reloader",
    "reloader",
    image="stakater/reloader",
    images=("ghcr.io/stakater/reloader:v1.4.21",),
    mirror=("global.imageRegistry={}",),
)
GATEWAY = Prerequisite(
    "gateway-api",
    "Gateway API",
    "",
    "",
    "serves the UI by an HTTPRoute",
    "",
    api="gateway.networking.k8s.io/v1",
    kinds=("HTTPRoute",),
    note="install an implementation of your choice, with the Gateway of access.gateway",
)
PROMETHEUS = Prerequisite(
    "prometheus-operator",
    "Prometheus Operator",
    "",
    "",
    "reads the ServiceMonitor",
    "",
    api="monitoring.coreos.com/v1",
    kinds=("ServiceMonitor",),
    note="install the monitoring of your platform",
)


def argo_cd(namespace: str) -> Prerequisite:
    """Return Argo CD in its namespace; its own manifest is made for this one."""
    version = "3.5.1"
    manifests = f"https://raw.githubusercontent.com/argoproj/argo-cd/v{version}/manifests"
    return Prerequisite(
        "argocd",
        "Argo CD",
        version,
        f"{manifests}/install.yaml",
        "delivers what is committed",
        namespace,
        api="argoproj.io/v1alpha1",
        kinds=("Application", "AppProject"),
        image="argoproj/argocd",
        hub=True,
        images=(
            f"quay.io/argoproj/argocd:v{version}",
            "ghcr.io/dexidp/dex:v2.45.0",
            "public.ecr.aws/docker/library/redis:8.2.3-alpine",
        ),
    )


def cert_manager(issuer: str, purpose: str) -> Prerequisite:
    """Return cert-manager, with the ClusterIssuer that is named; without one if it is empty."""
    version = "v1.21.2"
    return Prerequisite(
        "cert-manager",
        "cert-manager",
        version,
        "https://charts.jetstack.io",
        purpose,
        "cert-manager",
        "cert-manager",
        ("--set", "crds.enabled=true"),
        api="cert-manager.io/v1",
        kinds=("ClusterIssuer",),
        image="jetstack/cert-manager-controller",
        images=tuple(
            f"quay.io/jetstack/cert-manager-{part}:{version}"
            for part in ("controller", "webhook", "cainjector", "acmesolver", "startupapicheck")
        ),
        mirror=("imageRegistry={}",),
        needs=("ClusterIssuer", "clusterissuers.cert-manager.io", issuer) if issuer else None,
        note=f"create ClusterIssuer {issuer}" if issuer else "",
    )


def cloudnativepg(namespace: str) -> Prerequisite:
    """Return the operator that runs PostgreSQL, in its namespace."""
    return Prerequisite(
        "cloudnativepg",
        "CloudNativePG",
        "0.29.0",
        _CNPG_CHARTS,
        "runs PostgreSQL",
        namespace,
        "cloudnative-pg",
        api="postgresql.cnpg.io/v1",
        kinds=("Cluster",),
        image="cloudnative-pg/cloudnative-pg",
        question="database.kind",
        images=("ghcr.io/cloudnative-pg/cloudnative-pg:1.30.0",),
        mirror=("image.repository={}/cloudnative-pg/cloudnative-pg",),
    )


def barman_cloud(namespace: str) -> Prerequisite:
    """Return the plugin for backups, which must be in the operator's namespace."""
    return Prerequisite(
        "barman-cloud",
        "plugin Barman Cloud",
        "0.7.0",
        _CNPG_CHARTS,
        "backs PostgreSQL up",
        namespace,
        "plugin-barman-cloud",
        api="barmancloud.cnpg.io/v1",
        kinds=("ObjectStore",),
        image="cloudnative-pg/plugin-barman-cloud",
        question="database.cluster.backup.url",
        images=(
            "ghcr.io/cloudnative-pg/plugin-barman-cloud:v0.13.0",
            "ghcr.io/cloudnative-pg/plugin-barman-cloud-sidecar:v0.13.0",
        ),
        mirror=("image.registry={}", "sidecarImage.registry={}"),
    )


def ingress_controller(name: str) -> Prerequisite:
    """Return an Ingress controller with this class; the default class if it is empty."""
    default = "false" if name else "true"
    named = ("--set", f"ingressClass.name={name}") if name else ()
    options = ("--set", f"ingressClass.isDefaultClass={default}", *named)
    return Prerequisite(
        "ingress",
        "an Ingress controller (Traefik)",
        "41.6.0",
        "https://traefik.github.io/charts",
        "serves the UI by the Ingress",
        "traefik",
        "traefik",
        options,
        ingress_class=name,
        images=("docker.io/library/traefik:v3.7.13",),
        mirror=("image.registry={}", "image.repository=library/traefik"),
    )


def use_registry(one: Prerequisite, registry: str) -> Prerequisite:
    """Return the program with its images from a registry of one's own; itself without one."""
    if not registry:
        return one
    values = [word for value in one.mirror for word in ("--set", value.replace("{}", registry))]
    copies = () if one.chart else tuple((image, name_copy(image, registry)) for image in one.images)
    return replace(one, options=(*one.options, *values), copies=copies)


def helm_arguments(one: Prerequisite) -> str:
    """Return the arguments of Helm that install the program; they fail if its release exists."""
    return _join_arguments("install", one)


def install_commands(needed: Iterable[Prerequisite]) -> Iterator[tuple[str, str]]:
    """Yield the commands that install the programs in a cluster of our own, in order.

    They continue an installation that was interrupted, and bring an older version up to ours. A
    command that comes with a text only looks; the text says what to do if it fails.
    """
    for one in needed:
        if one.chart:
            yield f"helm {_join_arguments('upgrade --install', one)}", ""
            if one.needs:
                _, resource, name = one.needs
                yield f"kubectl get {resource} {quote(name)}", one.note
        else:
            yield f"kubectl get --raw /apis/{one.api}", f"{one.title}: {one.note}"


def _join_arguments(verb: str, one: Prerequisite) -> str:
    words = [
        *verb.split(), one.chart, one.chart, "--repo", one.source, "--version", one.version,
        "--namespace", one.namespace, "--create-namespace", "--wait", "--timeout", "10m",
        *one.options,
    ]  # fmt: skip
    return " ".join(map(quote, words))


def prerequisites_note(
    needed: Iterable[Prerequisite], installation: str, *, handed_over: bool
) -> str:
    """Return the runbook's section on the programs; empty if the installation needs none.

    `handed_over`: there is a script for the platform's owner that installs them. Else the
    delivery's own commands do, because they create the cluster first.
    """
    needed = tuple(needed)
    if not needed:
        return ""
    commands = (
        f"airflow-wizard handover --installation {installation} --owner platform --out out",
        "sh out/platform/prerequisites.sh           # what exists, and whether it is ready",
        "sh out/platform/prerequisites.sh install   # only what is missing",
    )
    rows = [
        (one.title, one.version or "yours", one.source or "", "; ".join(_describe(one)))
        for one in needed
    ]
    how = "\n".join(["```bash", *commands, "```"])
    if not handed_over:
        how = "The commands below install them, after they have created the cluster."
    text = table(("program", "version", "from", "needed for"), rows)
    return "\n\n".join(["## From an empty cluster", text, how])


def _describe(one: Prerequisite) -> tuple[str, ...]:
    return (one.purpose, one.note) if one.note else (one.purpose,)
