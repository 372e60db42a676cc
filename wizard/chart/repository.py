"""Where the chart comes from: a Helm repository over https, or an OCI registry.

Sources: Helm's guides on chart repositories and registries; Argo CD 3.5 (docs/user-guide/helm.md
and IsHelmOciRepo in util/helm/client.go): the address of a registry has no scheme there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from wizard.formats.addresses import check_host, check_https_url

CHART_NAME = "airflow"
# Apache's own repository.
CHART_REPOSITORY = "https://airflow.apache.org"
# The name of a Helm repository in commands and files.
REPOSITORY_NAME = "apache-airflow"
_OCI = "oci://"
_OCI_EXAMPLE = "oci://registry.example.com/charts"
# Source: OCI distribution specification 1.1, <name> of a repository.
_OCI_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_OCI_PATH = re.compile(rf"{_OCI_PART}(?:/{_OCI_PART})*")


@dataclass(frozen=True, slots=True)
class ChartRepository:
    """A valid `installation.chart_repository`, in the spelling of each program."""

    url: str

    @property
    def is_oci(self) -> bool:
        """Return whether this is an OCI registry."""
        return self.url.startswith(_OCI)

    @property
    def is_official(self) -> bool:
        """Return whether this is Apache's own repository."""
        return self.url == CHART_REPOSITORY

    @property
    def argocd_url(self) -> str:
        """Return the address as sources and projects of Argo CD name it."""
        return self.url.removeprefix(_OCI)

    @property
    def address(self) -> tuple[str, str]:
        """Return host and port."""
        parts = urlsplit(self.url)
        return parts.hostname or "", str(parts.port or 443)

    @property
    def endpoint(self) -> str:
        """Return the host, with the port if the URL names one."""
        return urlsplit(self.url).netloc

    @property
    def chart(self) -> str:
        """Return the chart as Helm names it, after the command of `setup` if there is one."""
        return f"{self.url}/{CHART_NAME}" if self.is_oci else f"{REPOSITORY_NAME}/{CHART_NAME}"

    @property
    def image(self) -> str:
        """Return the repository of the chart in the registry, as of an image, without a scheme."""
        return f"{self.argocd_url}/{CHART_NAME}"

    @property
    def setup(self) -> tuple[str, ...]:
        """Return the command after which Helm knows `chart`; a registry needs none."""
        # With `--repo`, Helm would prefer a local folder that has the chart's name.
        return () if self.is_oci else (f"helm repo add {REPOSITORY_NAME} {self.url}",)

    @property
    def login_command(self) -> str:
        """Return the command with which Helm logs in, for a repository that requires it."""
        if self.is_oci:
            return f"helm registry login {self.endpoint} --username NAME --password-stdin"
        return f"{self.setup[0]} --username NAME --password-stdin"

    @property
    def argocd_command(self) -> str:
        """Return the command with which Argo CD's admin gives it a login for this repository."""
        more = " --enable-oci" if self.is_oci else ""
        return (
            f"argocd repo add {self.argocd_url} --type helm --name {REPOSITORY_NAME}{more} "
            "--username NAME"
        )

    def pull_arguments(self, version: str) -> tuple[str, ...]:
        """Return the arguments with which `helm pull` fetches a version, without setup."""
        if self.is_oci:
            return (self.chart, "--version", version)
        return (CHART_NAME, "--repo", self.url, "--version", version)


def check_chart_repository(value: str) -> str:
    """Return the URL of a Helm repository or an OCI registry; ValueError says what to give.

    Messages never repeat the value, because it may contain a password.
    """
    if not value.startswith(_OCI):
        return _check_helm_repository(value)
    if re.search(r"[\x00-\x20\x7f]", value):
        raise ValueError("give a URL without spaces or control characters")
    place, _, path = value.removeprefix(_OCI).rstrip("/").partition("/")
    if "@" in place:
        raise ValueError("remove the credentials from the URL: answers hold references to secrets")
    if "?" in value or "#" in value:
        raise ValueError(f"give a registry such as {_OCI_EXAMPLE}, without parameters")
    if re.search(r"[:@]", path):
        raise ValueError(
            f"give the registry without a tag, such as {_OCI_EXAMPLE}: installation.chart has the "
            "version"
        )
    host, port = re.fullmatch(r"(\[[^\]]*\]|[^:]*)((?::.*)?)", place).groups()  # type: ignore[union-attr]
    if not host or (port and not _is_port(port[1:])):
        raise ValueError(f"give a registry with a host and, if needed, a port: {_OCI_EXAMPLE}")
    check_host(host)
    if path and not _OCI_PATH.fullmatch(path):
        raise ValueError(f"give a path of lower-case names, such as {_OCI_EXAMPLE}")
    return f"{_OCI}{place}/{path}".rstrip("/")


def _check_helm_repository(value: str) -> str:
    if value.startswith("http://"):
        raise ValueError("use https:// or oci://: http does not verify who sends the chart")
    scheme = value.partition("://")[0] if "://" in value else ""
    if scheme not in {"https", ""}:
        raise ValueError(f"use https:// or oci://, such as {CHART_REPOSITORY} or {_OCI_EXAMPLE}")
    if not scheme and "@" not in value:
        raise ValueError(
            f"add the scheme: {CHART_REPOSITORY} is a Helm repository, {_OCI_EXAMPLE} a registry"
        )
    checked = check_https_url(value)
    if re.search(r"\.(tgz|yaml|yml)$", checked):
        raise ValueError("give the folder of index.yaml, not the address of a file")
    return checked


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and 0 < int(text) < 65536
