"""Names of container images: their registry, and their copy in a registry of one's own."""

from __future__ import annotations

DOCKER_HUB = "docker.io"


def split_image(image: str) -> tuple[str, str]:
    """Return the registry's host and the rest of the name.

    As in Docker, the first part is a registry if it looks like a host. Without one, the image is on
    Docker Hub, which has its official images below `library`.
    """
    first, slash, rest = image.partition("/")
    if slash and (first == "localhost" or "." in first or ":" in first):
        host, path = first, rest
    else:
        host, path = DOCKER_HUB, image
    if host == DOCKER_HUB and "/" not in path:
        path = f"library/{path}"
    return host, path


def find_registry(image: str) -> str:
    """Return the host of an image's registry."""
    return split_image(image)[0]


def is_in_registry(image: str, registry: str) -> bool:
    """Return whether the image is on the host of `registry`, a prefix such as HOST/PATH."""
    return find_registry(image) == registry.partition("/")[0]


def name_copy(image: str, registry: str) -> str:
    """Return the name of the image's copy below `registry`, which replaces the host.

    Without a registry, and for a name that is below it already, returns the image itself.
    """
    if not registry or image.startswith(f"{registry}/"):
        return image
    return f"{registry}/{split_image(image)[1]}"


def split_reference(image: str) -> tuple[str, str]:
    """Return the repository of an image, and its tag or digest with the mark in front.

    The second part is empty for an image without either.
    """
    repository, at, digest = image.partition("@")
    head, slash, last = repository.rpartition("/")
    name, colon, tag = last.partition(":")
    return f"{head}{slash}{name}", f"{colon}{tag}{at}{digest}"
