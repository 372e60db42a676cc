"""Where the chart comes from: what is accepted, and every place that names it follows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
import yaml

from tests.support.rendered import answers, findings, objections, rendering
from wizard.chart.repository import CHART_REPOSITORY, ChartRepository, check_chart_repository
from wizard.clients.helm import Helm
from wizard.deliveries.registry import DELIVERIES, delivery_kind
from wizard.errors import WizardError
from wizard.handover.scripts import render_handover
from wizard.plan.render import Rendering
from wizard.systems.helm.chart import ChartFetcher
from wizard.systems.helm.release import build_release_step
from wizard.systems.registry import artifact_probes
from wizard.systems.target import Target

KEY = "installation.chart_repository"
PUBLIC = "airflow.apache.org"
MIRROR = "https://charts.example.internal:8443/airflow"
REGISTRY = "oci://registry.example.internal:5000/mirror/charts"
SOURCES = (MIRROR, REGISTRY)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://airflow.apache.org/", CHART_REPOSITORY),
        (MIRROR, MIRROR),
        (f"{REGISTRY}/", REGISTRY),
        ("oci://registry.example.com", "oci://registry.example.com"),
        ("oci://10.0.0.5:5000/charts", "oci://10.0.0.5:5000/charts"),
        ("oci://r.example.com/a__b/c--d/e.f_g", "oci://r.example.com/a__b/c--d/e.f_g"),
    ],
)
def test_mirrors_and_registries_are_accepted(given: str, kept: str) -> None:
    assert check_chart_repository(given) == kept


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("http://charts.example.com", "use https:// or oci://"),
        ("ftp://charts.example.com", "use https:// or oci://"),
        ("git+https://charts.example.com", "use https:// or oci://"),
        ("charts.example.com", "add the scheme"),
        ("registry.example.com:5000/charts", "add the scheme"),
        ("", "add the scheme"),
        ("/srv/charts", "add the scheme"),
        ("https://user:s3cr3t@charts.example.com", "remove the credentials"),
        ("https://s3cr3t@charts.example.com", "remove the credentials"),
        ("user:s3cr3t@charts.example.com", "URL"),
        ("oci://user:s3cr3t@registry.example.com/charts", "remove the credentials"),
        ("https://charts.example.com/index.yaml", "the folder of index.yaml"),
        ("https://charts.example.com/airflow-1.22.0.tgz", "the folder of index.yaml"),
        ("https://charts.example.com?token=s3cr3t", "give a URL such as"),
        ("https://localhost:8443/charts", "localhost"),
        ("https://", "give a URL such as"),
        ("oci://", "a host"),
        ("oci:///charts", "a host"),
        ("oci://registry.example.com:0/charts", "a port"),
        ("oci://registry.example.com:x/charts", "a port"),
        ("oci://registry.example.com/charts/airflow:1.22.0", "without a tag"),
        ("oci://registry.example.com/charts/airflow@sha256:ab", "without a tag"),
        ("oci://registry.example.com/charts?token=s3cr3t", "without parameters"),
        ("oci://registry.example.com/Charts", "lower-case"),
        ("oci://registry.example.com/a//b", "lower-case"),
        ("oci://registry.example.com/../charts", "lower-case"),
        ("oci://registry.example.com/$(id)", "lower-case"),
        ("oci://registry.example.com/charts airflow", "spaces"),
        ("oci://localhost/charts", "localhost"),
        ("oci://[::1]:5000/charts", "localhost"),
    ],
)
def test_what_is_no_repository_is_refused_without_repeating_it(given: str, says: str) -> None:
    (found,) = [one for one in objections("production", {KEY: given}) if KEY in one]
    assert says in found
    assert "s3cr3t" not in found


def test_argo_cd_takes_a_port_only_after_a_name() -> None:
    """Go would read `10.0.0.5:5000/charts` as a broken URL, and Argo CD as no registry."""
    for host in ("10.0.0.5:5000", "3rd.example.com:443", "my_registry:5000", "[2001:db8::1]:5000"):
        changes: dict[str, object] = {KEY: f"oci://{host}/charts"}
        assert KEY in "".join(objections("production", changes)), host
        assert not objections("production", {**changes, "delivery.kind": "helm"}), host
    for host in ("10.0.0.5", "registry-1.example.com:5000", "registry.example.com"):
        assert not objections("production", {KEY: f"oci://{host}/charts"}), host


def everything(delivery: str, source: str, more: dict[str, object]) -> tuple[Rendering, str]:
    """All text that an installation from this source comes to, files and handover."""
    local = delivery_kind(delivery).local
    preset = "local" if local else "production"
    changes = {"delivery.kind": delivery, KEY: source, **more}
    made = rendering(preset, changes)
    assert not [str(one) for one in findings(made) if one.is_error]
    texts = [file.text for file in made.tree.values()]
    texts += [f"{step.title}\n" for step in made.total.steps]
    found = answers(preset, changes)
    texts += [f"{probe.endpoint}\n" for probe in artifact_probes(found)]
    if not local:
        committed = {file.logical: file.text for file in made.tree.values()}
        scripts = render_handover(found, made, committed).values()
        texts += [text for files in scripts for text in files.values()]
    return made, "\n".join(texts)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("delivery", list(DELIVERIES))
def test_every_place_that_names_the_chart_follows(delivery: str, source: str) -> None:
    two: dict[str, object] = {"delivery.argocd.applications": "two"}
    for more in ({}, two) if delivery == "argocd" else ({},):
        _, text = everything(delivery, source, more)
        assert PUBLIC not in text
        assert source.removeprefix("oci://") in text
    assert PUBLIC in everything(delivery, CHART_REPOSITORY, {})[1]


def test_argo_cd_names_a_registry_without_its_scheme() -> None:
    made, text = everything("argocd", REGISTRY, {})
    spec = yaml.safe_load(made.tree.by_logical("argocd/application").text)["spec"]
    assert (spec["sources"][0]["repoURL"], spec["sources"][0]["chart"]) == (
        "registry.example.internal:5000/mirror/charts",
        "airflow",
    )
    project = yaml.safe_load(made.tree.by_logical("argocd/project").text)["spec"]
    assert project["sourceRepos"][0] == spec["sources"][0]["repoURL"]
    assert "--type helm --name apache-airflow --enable-oci" in text
    assert "--enable-oci" not in everything("argocd", MIRROR, {})[1]


def test_helm_needs_no_repository_for_a_registry() -> None:
    for delivery in ("helm", "kind"):
        _, text = everything(delivery, REGISTRY, {})
        assert "helm repo add apache-airflow" not in text
        assert f"helm upgrade --install airflow {REGISTRY}/airflow " in text
        _, text = everything(delivery, MIRROR, {})
        assert f"helm repo add apache-airflow {MIRROR}\n" in text
        assert "helm upgrade --install airflow apache-airflow/airflow " in text
    assert ChartRepository(REGISTRY).pull_arguments("1.22.0") == (
        f"{REGISTRY}/airflow", "--version", "1.22.0",
    )  # fmt: skip


class Refusing:
    """Helm, as far as a chart that cannot be fetched: a stand-in, with its real message."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []

    async def act(self, *args: str, **_: object) -> object:
        self.asked.append(args)
        raise WizardError("helm pull: response status code 401: unauthorized")


@pytest.mark.parametrize("source", SOURCES)
async def test_a_chart_that_cannot_be_fetched_names_the_question(source: str) -> None:
    helm, cleanups = Refusing(), list[Any]()
    release = rendering("production", {"delivery.kind": "helm", KEY: source}).release
    target = cast("Target", SimpleNamespace(release=release, chart=None, cleanups=cleanups))
    with pytest.raises(WizardError) as caught:
        await ChartFetcher(target, cast("Helm", helm)).get()
    for cleanup in cleanups:
        cleanup()
    assert source in caught.value.message
    assert caught.value.fix.question == KEY
    assert helm.asked[0][:3] == ("pull", *ChartRepository(source).pull_arguments("1.22.0")[:2])


@pytest.mark.parametrize("source", [CHART_REPOSITORY, *SOURCES])
async def test_without_a_cluster_its_owner_gets_whole_commands(source: str) -> None:
    release = rendering("production", {"delivery.kind": "helm", KEY: source}).release
    target = cast("Target", SimpleNamespace(release=release, kube=None, helm=None))
    status = await build_release_step(target, None).check()
    first = f"helm upgrade --install airflow {ChartRepository(source).chart} --version 1.22.0"
    setup = "" if source == REGISTRY else f"helm repo add apache-airflow {source}; "
    assert f"its owner runs: {setup}{first}" in status.fix.text
