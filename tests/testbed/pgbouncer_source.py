"""PgBouncer as the chart has it: Debian 12's is too old for `max_prepared_statements`.

The source is Debian's package of a newer release: apt verifies its signature.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

from tests.testbed import programs
from tests.testbed.programs import MissingError

# The chart's is 1.23.1; the option came with 1.21.
LOWEST = (1, 21)
RELEASE = "trixie"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
NAME = "PgBouncer"


def pgbouncer() -> Path:
    """A PgBouncer that knows prepared statements; MissingError when it cannot be built."""
    for found in (programs.named("WIZARD_PGBOUNCER"), programs.on_path("pgbouncer")):
        if found is not None and version(found) >= LOWEST:
            return found
    target = programs.cache() / f"pgbouncer-{RELEASE}"
    program = target / "pgbouncer"
    with programs.building(target, program) as needed:
        if needed:
            apt = programs.on_path("apt-get")
            if apt is None or not KEYRING.exists():
                raise MissingError("PgBouncer 1.21 is not there, nor Debian's apt to build it with")
            programs.announce(target, NAME, f"the source of Debian {RELEASE}")
            with tempfile.TemporaryDirectory(dir=programs.cache()) as temporary:
                _build(Path(temporary), apt)
                target.mkdir(exist_ok=True)
                Path(temporary, "source", "pgbouncer").rename(program)
    return program


def version(program: Path) -> tuple[int, int]:
    """Major and minor version of a PgBouncer."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"PgBouncer (\d+)\.(\d+)", said)
    assert found, said
    return int(found[1]), int(found[2])


def _build(folder: Path, apt: Path) -> None:
    (folder / "lists" / "partial").mkdir(parents=True)
    (folder / "cache" / "archives" / "partial").mkdir(parents=True)
    # apt's unprivileged user fetches.
    folder.chmod(0o755)
    listed = folder / "sources.list"
    listed.write_text(
        f"deb-src [signed-by={KEYRING}] http://deb.debian.org/debian {RELEASE} main\n"
    )
    places = {
        "Dir::Etc::SourceList": listed, "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": folder / "lists", "Dir::Cache": folder / "cache",
        "APT::Sandbox::User": "root",
    }  # fmt: skip
    options = [word for name, value in places.items() for word in ("-o", f"{name}={value}")]
    programs.build([apt, *options, "-qq", "update"], folder, NAME)
    programs.build([apt, *options, "-qq", "--download-only", "source", "pgbouncer"], folder, NAME)
    (archive,) = folder.glob("pgbouncer_*.orig.tar.gz")
    source = folder / "source"
    source.mkdir()
    unpack = ["tar", "--extract", "--strip-components=1", "--file", archive, "--directory", source]
    programs.build(unpack, folder, NAME)
    configure = ["./configure", "--quiet", "--without-cares", "--disable-debug", "CFLAGS=-O1"]
    programs.build(configure, source, NAME)
    programs.build(["make", "--silent", "-j2", "pgbouncer"], source, NAME)
