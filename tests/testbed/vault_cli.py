"""Stands in for the `vault` command where it is not installed: the few calls that scripts make.

It is no Vault: each call becomes the HTTP request that the real command would send to the real
server of the test bed, and output and exit codes are those of its documentation (2: the request
failed or nothing is there, 1: there is no such field).
"""

from __future__ import annotations

import json
import os
import ssl
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.support.paths import TOP


def installed(folder: Path) -> Path:
    """Make `folder/vault` run this stand-in and keep its arguments in `vault.log`; the folder."""
    folder.mkdir(exist_ok=True)
    path = folder / "vault"
    lines = [
        "#!/bin/sh",
        'printf "%s\\n" "$@" >>"$0.log"',
        f"PYTHONPATH='{TOP}' exec '{sys.executable}' -m {__name__} \"$@\"",
    ]
    path.write_text("\n".join(lines) + "\n")
    path.chmod(0o755)
    return folder


def request(method: str, path: str, body: object = None) -> Any:
    """One request as VAULT_ADDR, VAULT_CACERT and VAULT_TOKEN say; None for 404."""
    headers = {"X-Vault-Token": os.environ["VAULT_TOKEN"], "X-Vault-Request": "true"}
    if method == "PATCH":
        headers["Content-Type"] = "application/merge-patch+json"
    asked = urllib.request.Request(
        f"{os.environ['VAULT_ADDR']}/v1/{path}", method=method, headers=headers,
        data=None if body is None else json.dumps(body).encode(),
    )  # fmt: skip
    context = ssl.create_default_context(cafile=os.environ["VAULT_CACERT"])
    try:
        with urllib.request.urlopen(asked, timeout=30, context=context) as answer:
            text = answer.read()
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 404:
                return None
            sys.exit(_failed(f"Error: {error.code}: {error.read().decode()}"))
    return json.loads(text) if text else {}


def _failed(message: str, code: int = 2) -> int:
    sys.stderr.write(message + "\n")
    return code


def _say(value: object) -> int:
    sys.stdout.write((value if isinstance(value, str) else json.dumps(value, indent=2)) + "\n")
    return 0


def _body(words: list[str]) -> dict[str, Any]:
    """`key=value`, `key=@file`, `key=-`, or `-` for all of it as JSON on standard input."""
    if words == ["-"]:
        found: dict[str, Any] = json.load(sys.stdin)
        return found
    body = {}
    for word in words:
        key, _, value = word.partition("=")
        if value == "-":
            value = sys.stdin.read()
        elif value.startswith("@"):
            value = Path(value[1:]).read_text()
        body[key] = value
    return body


def main(argv: list[str]) -> int:
    """Run one command."""
    flags = dict(
        word.lstrip("-").partition("=")[::2] for word in argv if word[:1] == "-" and word != "-"
    )
    words = [word for word in argv if word[:1] != "-" or word == "-"]
    match words:
        case ["status"]:
            return _say(request("GET", "sys/health"))
        case ["secrets" | "auth" as kind, "list"]:
            return _say(request("GET", f"sys/{'mounts' if kind == 'secrets' else 'auth'}")["data"])
        case ["secrets", "enable", engine]:
            options = {
                "type": engine, "description": flags.get("description", ""),
                "options": {"version": flags["version"]},
            }  # fmt: skip
            request("POST", f"sys/mounts/{flags['path']}", options)
        case ["auth", "enable", method]:
            made = {"type": method, "description": flags.get("description", "")}
            request("POST", f"sys/auth/{flags['path']}", made)
        case ["policy", "list"]:
            return _say("\n".join(request("GET", "sys/policies/acl?list=true")["data"]["keys"]))
        case ["policy", "read", name]:
            return _say(request("GET", f"sys/policies/acl/{name}")["data"]["policy"].strip())
        case ["policy", "write", name, "-"]:
            request("PUT", f"sys/policies/acl/{name}", {"policy": sys.stdin.read()})
        case ["read", path]:
            return _read(path, flags)
        case ["write", path, *rest]:
            request("PUT", path, _body(rest))
        case ["kv", "get", path]:
            return _kv_get(f"{flags['mount']}/data/{path}", flags)
        case ["kv", "metadata", "put" | "patch" as how, path]:
            key, _, value = flags["custom-metadata"].partition("=")
            place = f"{flags['mount']}/metadata/{path}"
            verb = "PATCH" if how == "patch" else "POST"
            request(verb, place, {"custom_metadata": {key: value}})
        case ["kv", "put" | "patch" as how, path, *rest]:
            body = {"options": {"cas": int(flags["cas"])}, "data": _body(rest)}
            place = f"{flags['mount']}/data/{path}"
            if request("PATCH" if how == "patch" else "PUT", place, body) is None:
                return _failed(f"No value found at {place}")
        case _:
            return _failed(f"the stand-in knows no: {' '.join(words[:2])}", 64)
    return _say("Success!")


def _read(path: str, flags: dict[str, str]) -> int:
    found = request("GET", path)
    if found is None:
        return _failed(f"No value found at {path}")
    if "field" not in flags:
        return _say(found)
    if found["data"].get(flags["field"]) is None:
        return _failed(f'Field "{flags["field"]}" not present in secret', 1)
    value = found["data"][flags["field"]]
    return _say(json.dumps(value, indent=2) if flags.get("format") == "json" else str(value))


def _kv_get(place: str, flags: dict[str, str]) -> int:
    version = f"?version={flags['version']}" if "version" in flags else ""
    found = request("GET", f"{place}{version}")
    if found is None:
        return _failed(f"No value found at {place}")
    if "field" in flags and flags["field"] not in found["data"]["data"]:
        return _failed(f'Field "{flags["field"]}" not present in secret', 1)
    value = found["data"]["data"].get(flags.get("field", ""), "...") or ""
    return _say(json.dumps(value) if flags.get("format") == "json" else value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
