"""Rules on the registry of the images: with one of our own, nodes may reach no other."""

from __future__ import annotations

from collections.abc import Iterator

from wizard.chart.images import list_images
from wizard.chart.versions import list_chart_versions
from wizard.checks.reporter import Reporter, read_configuration
from wizard.checks.subject import Subject
from wizard.errors import Fix
from wizard.findings import Finding
from wizard.formats.images import is_in_registry
from wizard.formats.nested import format_path, walk

_RULE = "images.registry"
_QUESTION = "installation.image.registry"


def check_images(subject: Subject) -> Iterator[Finding]:
    """Report images of another registry than the installation's, if it has one."""
    registry = subject.layout.registry
    configuration = read_configuration(subject)
    if not registry or configuration is None or subject.chart not in list_chart_versions():
        return
    report = Reporter(subject, configuration)
    host = registry.partition("/")[0]
    message = f"nodes pull this image from another registry than {host}"
    fix = f"copy it to {registry} and name the copy"
    for image in list_images(configuration.installation.values, subject.chart):
        if not is_in_registry(image.name, registry):
            yield report.warning(_RULE, image.where, message, fix, _QUESTION)
    for document in subject.documents:
        if subject.is_values(document.path) or "apiVersion" not in document.data:
            continue
        for path, node in walk(document.data):
            named = path[-1:] == ("image",) and "containers" in str(path[-3:-2]).lower()
            if named and isinstance(node, str) and not is_in_registry(node, registry):
                where = document.where(format_path(path))
                yield Finding(_RULE, "warning", document.path, where, message, Fix(fix, _QUESTION))
