"""The shell that makes the Secrets of an installation without a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.formats.yaml_writer import quote_yaml
from wizard.secrets.facts import Fact, FactUse, Form, SecretSpec

if TYPE_CHECKING:
    from wizard.manifests.release import Release

# Every form is safe in a URL, in YAML and in a users file, so no encoding is needed.
GENERATE_COMMANDS = {
    Form.FERNET: "openssl rand -base64 32 | tr '+/' '-_'",
    Form.KEY: "openssl rand -hex 64",
    Form.PASSWORD: "openssl rand -hex 24",
}


def secret_commands(release: Release, secrets: tuple[SecretSpec, ...]) -> str:
    """Shell that makes every Secret once, whatever interrupted an earlier run.

    The values are made in one object, which either exists or does not; all Secrets are composed
    from what stands there, so a second run changes nothing and a killed one is continued. Values
    stay in shell variables and on standard input: never in argv, never in a file.
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
        # Server-side, because kubectl's own apply copies the values into an annotation.
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
    """A YAML string inside an unquoted here-document: only our variables expand.

    `:?` stops before anything is sent when a value is missing.
    """
    text = []
    for part in parts:
        if isinstance(part, FactUse):
            text.append(f"${{{part.fact.key}:?}}")
        else:
            escaped = quote_yaml(part)[1:-1]
            text.append(escaped.replace("\\", "\\\\").replace("$", "\\$").replace("`", "\\`"))
    return f'"{"".join(text)}"'
