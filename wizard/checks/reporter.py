"""The configuration in effect of a subject, and findings about its values."""

from __future__ import annotations

from dataclasses import dataclass

from wizard.chart.configuration import Configuration
from wizard.chart.variables import Installation
from wizard.checks.git_variables import read_object
from wizard.checks.subject import Subject
from wizard.errors import Fix
from wizard.findings import Finding


def read_configuration(subject: Subject) -> Configuration | None:
    """Return the configuration in effect; None without values."""
    if subject.values is None:
        return None
    layout = subject.layout
    return Configuration(
        Installation(
            subject.values,
            subject.airflow,
            subject.chart,
            layout.release,
            layout.namespace,
            lambda kind, name: read_object(kind, name, subject),
        )
    )


@dataclass(frozen=True, slots=True)
class Reporter:
    """Makes findings about the values of a subject; the base of rules on its configuration."""

    subject: Subject
    configuration: Configuration

    @property
    def one(self) -> Installation:
        """Return what the configuration depends on."""
        return self.configuration.installation

    def error(self, rule: str, where: str, message: str, fix: str, question: str = "") -> Finding:
        """Return a finding that must be fixed before delivery."""
        values = self.subject.layout.values
        return Finding(rule, "error", values, where, message, Fix(fix, question))

    def warning(self, rule: str, where: str, message: str, fix: str, question: str = "") -> Finding:
        """Return a finding that the user should know about."""
        values = self.subject.layout.values
        return Finding(rule, "warning", values, where, message, Fix(fix, question))
