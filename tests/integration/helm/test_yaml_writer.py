"""Helm's reader (go-yaml) sees what yamltext wrote: no string becomes a number or a boolean."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.unit.formats.test_yaml_writer import HOSTILE, same
from wizard.formats.yaml_writer import Yaml, dump_yaml

pytestmark = pytest.mark.integration


def test_hostile_values_and_keys_reach_a_template(helm: Path, tmp_path: Path) -> None:
    chart = tmp_path / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text(
        dump_yaml({"apiVersion": "v2", "name": "x", "version": "0.1.0"})
    )
    # Compact JSON in a comment of a valid manifest is the one thing no reader touches again.
    (chart / "templates" / "a.yaml").write_text("a: {{ .Values.wanted | toJson | b64enc }}\n")
    hostile = [text for text in HOSTILE if len(text) < 1000]
    wanted: Yaml = {
        "values": list(hostile),
        "keys": {f"{text}": number for number, text in enumerate(hostile)},
        "both": [{text: {"in": text, text: [text]}} for text in hostile],
        "plain": [True, False, 1, -5, 0.5, {}, []],
    }
    values = tmp_path / "values.yaml"
    comments = {("wanted", "values", 3): "one\ntwo", ("wanted",): "x"}
    values.write_bytes(dump_yaml({"wanted": wanted}, comments, "header").encode())
    done = subprocess.run(
        [helm, "template", "r", chart, "--values", values],
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    )
    import base64

    line = next(line for line in done.stdout.splitlines() if line.startswith("a: "))
    found = json.loads(base64.b64decode(line.removeprefix("a: ")))
    assert isinstance(found, dict)
    assert isinstance(wanted, dict)
    # JSON objects come sorted by key.
    assert same(found["values"], wanted["values"])
    assert found["keys"] == wanted["keys"]
    assert found["both"] == wanted["both"]
    assert same(found["plain"], wanted["plain"])
