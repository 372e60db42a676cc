"""The start-up and speed budgets, beside their peers in one run: `make bench`.

Ratios, because absolute times say more about the machine. Nothing is asserted: read the table.
AIRFLOW_CHART names an Airflow chart (folder or .tgz) for the comparison with `helm template`.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench import screens_speed
from tests.bench.measure import Case, NotAvailableError, Timed, compete, first_paint, process
from tests.bench.scan_speed import scan_cases
from tests.bench.typing_speed import percentile_95
from tests.support.paths import TOP
from tests.testbed import programs

PEERS = Path(__file__).parent / "peers"
ANSWERS = Path(__file__).parent / "answers.yaml"
WIZARD = Path(sys.executable).parent / "airflow-wizard"
COPIER = "copier>=9.11,<10"
PREVIEW_BUDGET_MS = 50
GIT = ["git", "-c", "user.name=Bench", "-c", "user.email=bench@example.com"]


def config_repository(scratch: Path) -> Path:
    """A repository with one committed installation; NotAvailableError while that cannot be made."""
    folder = scratch / "config"
    if not folder.exists():
        subprocess.run(["git", "init", "-q", "-b", "main", folder], check=True)
        for name, value in (("user.name", "Bench"), ("user.email", "bench@example.com")):
            subprocess.run(["git", "config", name, value], cwd=folder, check=True)
    if not (folder / ".airflow-wizard").exists():
        process([WIZARD, "--answers", ANSWERS, "--yes", "commit"], folder)()
    return folder


def rendered(folder: Path) -> list[Path]:
    """What the wizard wrote for people and clusters, without its own state."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=folder, capture_output=True, check=True)
    names = [name for name in done.stdout.decode().split("\0") if name]
    return [folder / name for name in names if not name.startswith(".airflow-wizard/")]


def our_plan(scratch: Path) -> Timed:
    """`plan` where nothing changed."""
    folder = config_repository(scratch)
    process([WIZARD, "plan", "--detailed-exitcode"], folder, codes=(0,))()
    return process([WIZARD, "plan"], folder)


def copier_plan(scratch: Path) -> Timed:
    """`copier update --pretend` of a template with the same files, where nothing changed."""
    source = rendered(config_repository(scratch))
    template, project = scratch / "template", scratch / "project"
    template.mkdir()
    (template / "copier.yml").write_text("installation:\n  type: str\n  default: airflow\n")
    (template / "{{ _copier_conf.answers_file }}.jinja").write_text(
        "{{ _copier_answers|to_nice_yaml }}"
    )
    top = config_repository(scratch)
    for path in source:
        copy = template / f"{path.relative_to(top)}.jinja"
        copy.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text()
        copy.write_text("# {{ installation }}\n{% raw %}" + text + "{% endraw %}")
    _git_repository(template)
    subprocess.run([*GIT, "tag", "1.0.0"], cwd=template, check=True)
    copier = copier_program()
    copied = [str(copier), "copy", "--defaults", "--quiet", str(template), str(project)]
    subprocess.run(copied, check=True, capture_output=True)
    _git_repository(project)
    return process([copier, "update", "--pretend", "--defaults", "--quiet"], project)


def _git_repository(folder: Path) -> None:
    for words in ("init -q -b main", "add -A", "commit -q -m Start"):
        subprocess.run([*GIT, *words.split()], cwd=folder, check=True)


def copier_program() -> Path:
    """Copier from PyPI in a virtual environment of its own, kept in .cache/bench."""
    folder = TOP / ".cache" / "bench" / "copier"
    program = folder / "bin" / "copier"
    if not program.exists():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = str(folder / "bin" / "pip")
        install = [pip, "install", "-q", "--disable-pip-version-check", COPIER]
        if subprocess.run(install, check=False).returncode:
            raise NotAvailableError("copier could not be installed from PyPI")
    return program


def helm_template(scratch: Path) -> Timed:
    """`helm template` of the Airflow chart with the values that the wizard wrote."""
    try:
        chart, helm = programs.named("AIRFLOW_CHART"), programs.helm()
    except programs.MissingError as error:
        raise NotAvailableError(str(error)) from None
    if chart is None:
        raise NotAvailableError("AIRFLOW_CHART names no Airflow chart")
    values = [path for path in rendered(config_repository(scratch)) if "values" in path.name]
    files = [word for path in values for word in ("--values", str(path))]
    return process([helm, "template", "airflow", chart, *files], scratch)


def cases(scratch: Path) -> list[Case]:
    """The budgets of a start, a plan, a first paint and a scan of host keys."""
    python = sys.executable

    def help_() -> Timed:
        return process([python, PEERS / "argparse_help.py"], scratch)

    def pydantic() -> Timed:
        return process([python, "-c", "from pydantic import BaseModel"], scratch)

    def ours(*words: str) -> Timed:
        return process([WIZARD, *words], scratch)

    def screens() -> Timed:
        return first_paint([WIZARD, "--repo", "."], config_repository(scratch))

    return [
        Case("--help", "python with argparse", 2, lambda: ours("--help"), help_),
        Case("presets", "import pydantic", 1.3, lambda: ours("presets"), pydantic),
        Case("explain database.host", "import pydantic", 1.3,
             lambda: ours("explain", "database.host"), pydantic),
        Case("plan, nothing changed", "copier update --pretend", 1 / 7,
             lambda: our_plan(scratch), lambda: copier_plan(scratch), rounds=9),
        Case("plan, nothing changed", "helm template", 1 / 2.5,
             lambda: our_plan(scratch), lambda: helm_template(scratch), rounds=9),
        Case("first paint", "trivial Textual app", 1.7, screens,
             lambda: first_paint([python, PEERS / "trivial_app.py"], scratch)),
        *scan_cases(scratch),
    ]  # fmt: skip


def typing() -> str:
    """The line about key presses, or why there is none."""
    try:
        scenes = importlib.import_module("tests.screens.scenes")
    except ModuleNotFoundError as error:
        return f"key press to updated preview: not available ({error})"
    if not hasattr(scenes, "preview"):
        return "key press to updated preview: not available (scenes.preview is missing)"
    milliseconds = asyncio.run(percentile_95(scenes)) * 1000
    verdict = "within" if milliseconds < PREVIEW_BUDGET_MS else "OVER"
    return (
        f"key press to updated preview: {milliseconds:.1f} ms at the 95th percentile, "
        f"{verdict} {PREVIEW_BUDGET_MS} ms"
    )


def main() -> int:
    """Measure all and print the table; `--json FILE` keeps every single time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="also write every time measured, in seconds")
    arguments = parser.parse_args()
    # People run compiled modules; a machine that never writes them would measure the compiler.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory(prefix="wizard-bench-") as temporary:
        measured = cases(Path(temporary))
        compete(measured, lambda text: print(text, file=sys.stderr))
        try:
            files = f"{len(rendered(config_repository(Path(temporary))))} files in the plan"
        except NotAvailableError as error:
            files = f"no plan: {error}"
    rows = [("what", "ours", "peer", "peer's", "ratio", "budget"), *(c.row() for c in measured)]
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    for row in rows:
        print(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )
    for case in measured:
        if case.reason:
            print(f"{case.what}: not available ({case.reason})")
    print(files)
    print(typing())
    asyncio.run(screens_speed.report(print))
    if arguments.json:
        kept = [{"what": c.what, "peer": c.peer, "times": c.times} for c in measured]
        arguments.json.write_text(json.dumps(kept, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
