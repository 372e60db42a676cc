"""The environment variables that name files for libraries and programs that the wizard uses.

OpenSSL, the C library, git, helm and libpq open what a variable names, and would wait for ever for
a pipe, or read a device or a huge file without a limit. So the variables are checked before any of
them runs. What the wizard reads itself (KUBECONFIG, VAULT_CACERT, ...) goes through `input_files`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping

from wizard.errors import UsageError
from wizard.formats.input_files import is_null_device

MAX_BYTES = 16 * 1024 * 1024
# Certificate folders have a few hundred files.
_MAX_ENTRIES = 5000

# Each variable with who reads what it names. Of a folder, the files in it are read.
FILES: Mapping[str, str] = {
    **dict.fromkeys(("SSL_CERT_FILE", "OPENSSL_CONF"), "OpenSSL"),
    **dict.fromkeys(("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"), "requests and curl"),
    **dict.fromkeys(("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_SSL_CAINFO"), "git"),
    **dict.fromkeys(("KRB5_CONFIG",), "Kerberos"),
    **dict.fromkeys(("HELM_REPOSITORY_CONFIG", "HELM_REGISTRY_CONFIG"), "helm"),
    **dict.fromkeys(("PGSERVICEFILE",), "libpq"),
    **dict.fromkeys(("HOSTALIASES", "RESOLV_HOST_CONF"), "the C library"),
    **dict.fromkeys(("NETRC",), "curl"),
}
FOLDERS: Mapping[str, str] = {"SSL_CERT_DIR": "OpenSSL", "GIT_SSL_CAPATH": "git"}
# Programs to start, of any size.
PROGRAMS: Mapping[str, str] = {"GIT_SSH": "git"}
# Files that git reads below folders that a variable names.
BELOW: Mapping[str, tuple[str, ...]] = {
    "HOME": (".gitconfig", ".config/git/config", ".config/git/attributes", ".config/git/ignore"),
    "XDG_CONFIG_HOME": ("git/config", "git/attributes", "git/ignore"),
}


def require_plain_files(variables: Mapping[str, str] | None = None) -> None:
    """Raise UsageError, naming the variable, if one names something that must not be read.

    A missing file is no error here: each reader has its own rule for it.
    """
    environ = os.environ if variables is None else variables
    for name, what, path in _list_paths(environ):
        if reason := _explain(path, None if name in PROGRAMS else MAX_BYTES):
            hint = "set the variable to a regular file, or unset it"
            raise UsageError(f"{name}: {what} {reason}", hint)


def _list_paths(environ: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield each variable with each path that is read because of it, and how to call the path."""
    for name in (*FILES, *PROGRAMS):
        if value := environ.get(name):
            yield name, "the file that it names", value
    for name in FOLDERS:
        for folder in filter(None, environ.get(name, "").split(os.pathsep)):
            for path in _list_folder(folder):
                yield name, "a file in the folder that it names", path
    for name, files in BELOW.items():
        if value := environ.get(name):
            for file in files:
                yield name, f"{file} in the folder that it names", f"{value}/{file}"


def _list_folder(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.path for entry, _ in zip(entries, range(_MAX_ENTRIES), strict=False)]
    except (OSError, ValueError):
        return [folder]


def _explain(path: str, limit: int | None) -> str:
    """Return why a program must not read this path; empty if it may, or if nothing is there."""
    try:
        state = os.stat(path)  # noqa: PTH116 - a value of a variable may be no path at all
    except (OSError, ValueError):
        return ""
    if stat.S_ISDIR(state.st_mode) or is_null_device(state):
        return ""
    if not stat.S_ISREG(state.st_mode):
        return "is not a regular file"
    return f"is larger than {limit} bytes" if limit and state.st_size > limit else ""
