"""The shell commands that create the Secrets of an installation without a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.formats.yaml_writer import quote_yaml
from wizard.secrets.facts import Fact, FactUse, Form, SecretSpec

if TYPE_CHECKING:
    from wizard.manifests.release import Release

# The generated values need no encoding in a URL, in YAML or in a users file.
GENERATE_COMMANDS = {
    Form.FERNET: "openssl rand -base64 32 | tr '+/' '-_'",
    Form.KEY: "openssl rand -hex 64",
    Form.PASSWORD: "openssl rand -hex 24",
}


def secret_commands(release: Release, secrets: tuple[SecretSpec, ...]) -> str:
    """Return shell commands that create every Secret once and can continue after an interruption.

    It first creates one Secret with all generated values, then composes the other Secrets from it.
    A second run therefore changes nothing. Values stay in shell variables and on standard input,
    never in arguments or files.
    """
    facts: dict[str, Fact] = {}
    for secret in secrets:
        for fact in secret.facts:
            facts.setdefault(fact.key, fact)
    source = release.secret("generated")
    kubectl = f"kubectl --namespace {release.namespace}"
    lines = [
        "(",
        "set -euo pipefail",
        f"if ! {kubectl} get secret {source} >/dev/null 2>&1; then",
        *(f'  {fact.key}="$({GENERATE_COMMANDS[fact.form]})"' for fact in facts.values()),
        f"  {kubectl} create -f - <<EOF",
        *_secret(source, {key: f'"${{{key}}}"' for key in facts}),
        "EOF",
        "fi",
        "value() {",
        f'  {kubectl} get secret {source} --output "jsonpath={{.data.$1}}" | base64 -d',
        "}",
        *(f'{key}="$(value {key})"' for key in facts),
        # Server-side, because client-side apply copies the values to an annotation.
        f"{kubectl} apply --server-side -f - <<EOF",
    ]
    for number, secret in enumerate(secrets):
        texts = {key: _shell_text(parts) for key, parts in secret.keys.items()}
        lines += [*(["---"] if number else []), *_secret(secret.name, texts)]
    return "\n".join([*lines, "EOF", ")"])


def _secret(name: str, texts: dict[str, str]) -> list[str]:
    lines = ["apiVersion: v1", "kind: Secret", f"metadata: {{name: {name}}}", "stringData:"]
    return lines + [f"  {key}: {text}" for key, text in texts.items()]


def _shell_text(parts: tuple[str | FactUse, ...]) -> str:
    """Return a YAML string for an unquoted here-document, in which only our variables expand.

    `:?` stops the shell before anything is sent if a value is missing.
    """
    text = []
    for part in parts:
        if isinstance(part, FactUse):
            text.append(f"${{{part.fact.key}:?}}")
        else:
            escaped = quote_yaml(part)[1:-1]
            text.append(escaped.replace("\\", "\\\\").replace("$", "\\$").replace("`", "\\`"))
    return f'"{"".join(text)}"'
