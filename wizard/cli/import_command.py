"""The command `import`: answers from what exists, and a report on every value."""

from __future__ import annotations

import json
from pathlib import Path

from wizard.cli.console import Console
from wizard.cli.options import Options
from wizard.errors import ExitCode, UsageError
from wizard.formats.input_files import is_existing
from wizard.formats.output_files import write_output_file
from wizard.imports.importer import import_declaration
from wizard.imports.result import Imported
from wizard.imports.source import Source, read_source

DEFAULT_NAMESPACE = "airflow"


def run_import(options: Options, console: Console) -> ExitCode:
    """Derive answers from a file or folder; print them, or write them to --out.

    Writes nothing else. The report goes to standard error, with --json everything to standard
    output. An existing --out is replaced only with --yes.
    """
    for option in ("answers", "preset", "all"):
        if getattr(options, option):
            raise UsageError(
                f"import takes no --{option}",
                "write the answers with --out FILE, and give single ones with --set KEY=VALUE",
            )
    out = Path(options.out) if options.out else None
    if out is not None and is_existing(out) and not out.is_char_device() and not options.yes:
        raise UsageError(f"--out {out}: the file exists", "give another file, or add --yes")
    source = _read(options)
    found = import_declaration(
        source.declaration, known=source.known, assignments=tuple(options.set)
    )
    if out is not None:
        _write(out, found)
    if options.json:
        console.data(json.dumps(found.to_json(), indent=2))
        return ExitCode.DONE
    if out is None:
        console.data(found.to_text())
    for line in found.to_lines():
        console.say(line)
    if out is not None:
        console.say(f"written: {out}; next: airflow-wizard plan --answers {out}")
    return ExitCode.DONE


def _read(options: Options) -> Source:
    if options.live:
        return _read_live(options)
    if options.namespace:
        raise UsageError("import: --namespace is for --live", "leave it out")
    if not options.path:
        raise UsageError(
            "import needs a file or folder, or --live",
            "airflow-wizard import PATH, or airflow-wizard import --live --namespace NAME",
        )
    path = Path(options.path)
    if not is_existing(path):
        raise UsageError("import: there is no such file or folder", "give the path of one")
    return read_source(path, options.installation)


def _read_live(options: Options) -> Source:
    if options.path:
        raise UsageError("import takes a PATH or --live, not both", "leave one of them out")
    from wizard.clients.kube.connect import open_kube
    from wizard.systems.release.stored_values import read_stored_release

    kube = open_kube(options.context)
    namespace = options.namespace or DEFAULT_NAMESPACE
    return Source(read_stored_release(kube, namespace, options.installation))


def _write(out: Path, found: Imported) -> None:
    try:
        write_output_file(out, found.to_text().encode())
    except OSError as error:
        raise UsageError(
            f"--out {out}: {error.strerror}", "give a file in an existing folder"
        ) from None
