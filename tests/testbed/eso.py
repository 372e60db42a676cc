"""The External Secrets Operator's own template engine, as a function."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class TemplateError(Exception):
    """The operator would refuse this template or this data; the message is its own."""


class EsoTemplate:
    """One running engine; a call takes well under a millisecond, so thousands are cheap."""

    def __init__(self, program: Path) -> None:
        self._process = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def __call__(
        self, template: Mapping[str, str], data: Mapping[str, str | bytes]
    ) -> dict[str, str]:
        """What the operator writes into the Secret, key by key.

        `template` is `spec.target.template.data` of an ExternalSecret, `data` the values fetched
        from the store by `secretKey`. TemplateError where the operator would set SecretSyncedError.
        """
        return {key: value.decode() for key, value in self.render_bytes(template, data).items()}

    def render_bytes(
        self, template: Mapping[str, str], data: Mapping[str, str | bytes]
    ) -> dict[str, bytes]:
        """The same for values that are not text."""
        answer = self._ask({"template": dict(template), "data": _encoded(data)})
        if "error" in answer:
            raise TemplateError(answer["error"])
        rendered = answer.get("rendered", {})
        # Go writes an empty byte slice as null.
        return {key: base64.b64decode(value or "") for key, value in rendered.items()}

    def _ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question).encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise AssertionError(f"the engine ended with {self._process.wait(10)}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the engine by closing its input."""
        self._process.communicate(timeout=10)


def _encoded(data: Mapping[str, str | bytes]) -> dict[str, str]:
    return {
        key: base64.b64encode(value.encode() if isinstance(value, str) else value).decode()
        for key, value in data.items()
    }
