"""Compares searches for secrets on the corpus: ours, detect-secrets, and gitleaks if it is on PATH.

`python -m tests.tools.leak_rates` prints how many leaks and how many clean texts each reports.
`--missed` also lists, for each, what it did not find and what it took for a leak.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.support.corpus import Sample, findings, samples

# Which of the files in this folder are reported; a sample is the file of a folder of its own.
Scanner = Callable[[Mapping[Path, Sample]], set[Path]]


def ours(files: Mapping[Path, Sample]) -> set[Path]:
    """What `check` reports."""
    return {path for path, sample in files.items() if findings(sample)}


def detect_secrets(files: Mapping[Path, Sample]) -> set[Path]:
    """detect-secrets with its default plugins and filters."""
    from detect_secrets.core.secrets_collection import SecretsCollection
    from detect_secrets.settings import default_settings

    found = SecretsCollection()
    with default_settings():
        for path in files:
            found.scan_file(str(path))
    return {Path(name) for name in found.files}


def gitleaks(files: Mapping[Path, Sample]) -> set[Path]:
    """gitleaks with its default rules."""
    top = Path(next(iter(files))).parents[1]
    report = top.with_suffix(".json")
    command = [
        "gitleaks",
        "dir",
        str(top),
        "--no-banner",
        "--log-level",
        "error",
        "--exit-code",
        "0",
    ]
    subprocess.run([*command, "--report-format", "json", "--report-path", str(report)], check=True)
    return {Path(entry["File"]) for entry in json.loads(report.read_text("utf-8"))}


def scanners() -> dict[str, Scanner]:
    """Every search that this machine has, by name."""
    found: dict[str, Scanner] = {"airflow-wizard": ours, "detect-secrets": detect_secrets}
    if shutil.which("gitleaks"):
        found["gitleaks"] = gitleaks
    return found


def write(folder: Path, half: str) -> dict[Path, Sample]:
    """Write half of the corpus, one folder a sample."""
    files = {}
    for number, sample in enumerate(samples(half)):
        path = folder / half / f"{number:03}" / sample.file
        path.parent.mkdir(parents=True)
        path.write_text(sample.text, "utf-8")
        files[path] = sample
    return files


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--missed", action="store_true", help="list what each got wrong")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="leak-rates-") as folder:
        leaks, clean = (write(Path(folder), half) for half in ("leaks", "clean"))
        print(f"{'':16} {'leaks found':>16} {'false alarms':>16} {'seconds':>8}")
        for name, scan in scanners().items():
            start = time.perf_counter()
            found, wrong = scan(leaks), scan(clean)
            took = time.perf_counter() - start
            rates = (f"{len(found)}/{len(leaks)}", f"{len(wrong)}/{len(clean)}")
            print(f"{name:16} {rates[0]:>16} {rates[1]:>16} {took:>8.2f}")
            if options.missed:
                print(*(f"  missed: {leaks[path].kind}" for path in leaks.keys() - found), sep="\n")
                print(*(f"  false alarm: {clean[path].kind}" for path in wrong), sep="\n")


if __name__ == "__main__":
    main()
