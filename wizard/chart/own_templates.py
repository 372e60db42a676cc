"""The templates that the chart's own values.yaml has in `config`.

People copy values.yaml, or parts of it. Each of these writes one line, from values that hold one.
Source: values.yaml of charts 1.16.0 to 1.22.0.
"""

from __future__ import annotations

_SEARCH = "(or .Values.elasticsearch.enabled .Values.opensearch.enabled)"
_NEW = '(semverCompare ">=3.0.0" .Values.airflowVersion)'
_PROCESSOR = f"(or {_NEW} (.Values.dagProcessor.enabled | default false))"
_STATSD = "(and .Values.statsd.enabled (not .Values.otelCollector.metricsEnabled))"
_HOST = '"%s-otel-collector" (include "airflow.fullname" .)'
CONFIG_TEMPLATES: frozenset[str] = frozenset(
    [
        f'{{{{ ternary "True" "False" {_PROCESSOR} }}}}',
        f'{{{{ ternary "True" "False" {_STATSD} }}}}',
        f'{{{{- ternary "True" "False" {_SEARCH} }}}}',
        f"{{{{ if .Values.otelCollector.metricsEnabled }}}}{{{{ printf {_HOST} }}}}{{{{ end }}}}",
        "{{ .Values.images.airflow.repository | default .Values.defaultAirflowRepository }}",
        "{{ .Values.images.airflow.tag | default .Values.defaultAirflowTag }}",
        '{{ include "airflow_config" . }}',
        '{{ include "airflow_dags" . }}',
        '{{ include "airflow_pod_template_file" . }}/pod_template_file.yaml',
        '{{ include "cpu_count" (((.Values.scheduler).resources).limits).cpu }}',
        '{{ include "dag_bundle_config_list" . }}',
        '{{ printf "%s-statsd" (include "airflow.fullname" .) }}',
        '{{ ternary "" .Values.ingress.flower.path (eq .Values.ingress.flower.path "/") }}',
        '{{ ternary "True" "False" .Values.multiNamespaceMode }}',
        '{{ ternary "True" "False" .Values.otelCollector.metricsEnabled }}',
        '{{ ternary "True" "False" .Values.otelCollector.tracesEnabled }}',
        '{{ ternary "True" "False" .Values.statsd.enabled }}',
    ]
)
