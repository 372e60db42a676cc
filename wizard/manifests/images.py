"""Every image of an installation: of the chart's pods, of our own objects, and of what builds them.

The runbook and the script that copies them into a registry both take this one list.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from wizard.chart.images import Image, list_images
from wizard.chart.repository import CHART_NAME
from wizard.formats.images import find_registry, is_in_registry, name_copy, split_image
from wizard.formats.shell import table

if TYPE_CHECKING:
    from wizard.manifests.contribution import Contribution
    from wizard.manifests.release import Release
    from wizard.manifests.tree import File


def use_public_image(image: str, where: str, release: Release) -> Image:
    """Return a public image as the installation uses it: its copy, if it has a registry."""
    name = name_copy(image, release.image_registry)
    return Image(name, where, "" if name == image else "/".join(split_image(image)))


def use_named_image(image: str, where: str, release: Release) -> Image:
    """Return an image that an answer names: one in the installation's registry stays as it is."""
    if is_in_registry(image, release.image_registry):
        return Image(image, where)
    return use_public_image(image, where, release)


def list_all_images(release: Release, total: Contribution) -> tuple[Image, ...]:
    """Return the images of all pods, and those with which their images are built, each once."""
    chart = list_images(total.values, release.chart, release.image_registry)
    own = (one for file in total.manifests for one in _list_manifest_images(file))
    found: dict[str, Image] = {}
    for one in (*chart, *own, *total.images):
        if one.name not in found or (one.source and not found[one.name].source):
            found[one.name] = one
    return tuple(found.values())


def list_copied_images(release: Release, total: Contribution) -> tuple[Image, ...]:
    """Return all images to copy: the installation's, and those of the programs that it needs."""
    registry = release.image_registry
    programs = (
        Image(name_copy(image, registry), one.title, image)
        for one in release.prerequisites
        for image in one.images
    )
    return (*list_all_images(release, total), *programs)


def _list_manifest_images(file: File) -> Iterator[Image]:
    """Yield the images of a manifest's containers."""
    if "image:" not in file.text:
        return
    # Loaded only where there are pods.
    from wizard.formats.nested import walk
    from wizard.formats.yaml_reader import read_mapping

    for path, node in walk(read_mapping(file.text, file.path)):
        if path[-1:] == ("image",) and "containers" in str(path[-3:-2]).lower():
            yield Image(str(node), file.path)


def _describe_chart(release: Release) -> str:
    """Return where the chart comes from, and how it is copied if that is its public repository."""
    source, version = release.chart_repository, release.chart
    if not source.is_official:
        return f"The chart comes from `{source.url}`: it must hold version {version} there."
    pull = " ".join(["helm pull", *source.pull_arguments(version)])
    host = find_registry(f"{release.image_registry}/")
    target = f"oci://{host}/charts"
    return (
        f"The chart still comes from `{source.url}`. Copy it too, and set "
        f"`installation.chart_repository={target}`:\n\n"
        + _code(pull, f"helm push {CHART_NAME}-{version}.tgz {target}")
    )


def _code(*lines: str) -> str:
    return "\n".join(["```bash", *lines, "```"])


def images_note(release: Release, total: Contribution, *, handed_over: bool) -> str:
    """Return the runbook's section on the images of this installation.

    `handed_over`: there are scripts for the platform's owner, and one of them copies the images.
    """
    registry = release.image_registry
    if not registry:
        images = list_all_images(release, total)
        rows = [(f"`{one.name}`", f"`{one.where}`") for one in images]
        return (
            "## Images\n\nNodes pull these, or the build of the image does. "
            "`installation.image.registry` takes them from a registry of yours.\n\n"
            f"{table(('image', 'named by'), rows)}"
        )
    images = list_copied_images(release, total)
    rows = [(f"`{one.name}`", f"`{one.source}`" if one.source else "") for one in images]
    commands = [
        f"airflow-wizard handover --installation {release.installation} --owner platform --out out",
        "sh out/platform/mirror-images.sh copy   # or `save FOLDER`, and `load FOLDER` elsewhere",
    ]
    about = "The script copies what is missing and prints the digests."
    if not handed_over:
        copied = (one for one in images if one.source)
        commands = [
            f"skopeo copy --all docker://{one.source} docker://{one.name}" for one in copied
        ]
        about = "These commands copy them."
    block, chart = _code(*commands), _describe_chart(release)
    build = (
        "\n\nThe build of the image also needs a package index: set `PIP_INDEX_URL` or "
        "`UV_DEFAULT_INDEX`, and apt's sources, in the Dockerfile."
    )
    named = ", ".join(one.title for one in release.prerequisites if one.images)
    programs = (
        f" Those of {named} are needed only if the cluster does not run them yet, and their nodes "
        "must be able to pull without a pull secret."
        if named
        else ""
    )
    return (
        f"## Without internet access\n\n`{registry}` must hold these images before the first "
        f"start and before each upgrade, and nodes must be able to pull from it "
        f"(`installation.image.pull_secrets`). {about}\n\n{block}\n\n"
        f"{table(('image', 'copy of'), rows)}\n\n"
        "Images that DAGs name themselves, such as those of `KubernetesPodOperator`, are not "
        f"among them.{programs}\n\n{chart}"
        f"{build if release.own_image else ''}"
    )
