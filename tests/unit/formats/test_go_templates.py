"""Simple actions are carried out as Helm does; what could write anything is not read."""

from __future__ import annotations

import time

import pytest

from wizard.formats.go_templates import UNREADABLE, TemplateFacts, expand_actions

FACTS = TemplateFacts({"executor": "LocalExecutor", "a": {"b": True, "c": "x\ny"}}, "rel", "space")


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("plain", "plain"),
        ("}} {", "}} {"),
        ("{{ .Release.Name }}-{{ .Release.Namespace }}", "rel-space"),
        ("{{ $.Values.executor | lower | quote }}", '"localexecutor"'),
        ("{{ .Values.a.b }}", "true"),
        ("{{ .Values.missing }}", "chart-default"),
        ('{{ "{{" }} ti {{ "}}" }}', "{{ ti }}"),
        ("{{ `{{ ti.x }}` }}", "{{ ti.x }}"),
        ("a {{- /* no }} here */ -}} b", "ab"),
        ('a  {{- "x" -}}  b', "axb"),
        ('{{ include "airflow.fullname" . }}', "rel"),
        ('{{ include (print "x") . | sha256sum }}', "0" * 64),
    ],
)
def test_readable_actions_are_carried_out(text: str, result: str) -> None:
    assert expand_actions(text, FACTS) == (result, True)


@pytest.mark.parametrize(
    "text",
    [
        "{{ if true }}",
        "{{ range .Values.x }}",
        '{{ include "mine" . }}',
        '{{ printf "%s" "x" }}',
        '{{ "a\\nb" }}',
        "{{ `a\nb` }}",
        "{{ .Values.a.c }}",
        "{{ .Values.a }}",
        "{{ .Files.Get `x` }}",
        '{{ tpl "x" . }}',
        '{{ "x" | nindent 4 }}',
        "{{ $x }}",
        "{{",
        '{{ "x }}',
        "{{ {{ }} }}",
    ],
)
def test_what_could_write_anything_is_not_read(text: str) -> None:
    assert expand_actions(text, FACTS)[1] is False


def test_an_action_that_is_not_read_leaves_a_mark() -> None:
    assert expand_actions("a{{ if x }}b", FACTS) == (f"a{UNREADABLE}b", False)


@pytest.mark.parametrize(
    "unit", ["{{ ", '{{ "x" }}', "{{- `", '{{ "', "{{ /* ", " {{- `a` -}} ", "{{ x | "]
)
def test_the_time_grows_with_the_text(unit: str) -> None:
    def seconds(size: int) -> float:
        text = unit * (size // len(unit))
        best = 9.0
        for _ in range(3):
            start = time.process_time()
            expand_actions(text, FACTS)
            best = min(best, time.process_time() - start)
        return best

    small = max(seconds(50_000), 0.002)
    assert seconds(200_000) < 12 * small
