"""Object storage on loopback, in memory: S3 (and more of AWS) by moto, Azure Blob by Azurite."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from tests.testbed import environments, programs
from tests.testbed.databases import free_port, wait_until_open
from tests.testbed.programs import HERE, MissingError

# Azurite's own, the same everywhere: Microsoft publishes it for development.
AZURITE_ACCOUNT = "devstoreaccount1"
AZURITE_KEY = "".join(
    ("Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50u", "SRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==")
)


def azurite() -> Path:
    """Azurite's program for Node; MissingError when it is not there and npm cannot bring it."""
    digest = hashlib.sha256((HERE / "azurite" / "package-lock.json").read_bytes()).hexdigest()[:12]
    target = programs.cache() / f"azurite-{digest}"
    finished = target / "finished"
    with programs.building(target, finished) as needed:
        if needed:
            npm = programs.on_path("npm")
            if npm is None or programs.on_path("node") is None:
                raise MissingError("Node and npm, which Azurite needs, are not installed")
            programs.announce(target, "Azurite", "tests/testbed/azurite/")
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir()
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / "azurite" / name, target)
            clean = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
            programs.build(clean, target, "Azurite")
            finished.touch()
    return target / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"


@dataclass
class ObjectStorage:
    """A running server; without `secure`, it serves plain HTTP, as inside a test only."""

    command: tuple[str | Path, ...]
    secure: bool = False
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="wizard-objects-")))
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @classmethod
    def s3(cls, certificate: str, key: str) -> ObjectStorage:
        """moto's server, over TLS with these PEMs; any access key is right."""
        made = cls((), secure=True)
        files = []
        for name, pem in (("certificate.pem", certificate), ("key.pem", key)):
            files.append(made.folder / name)
            files[-1].write_text(pem)
        made.command = (
            environments.object_storage(), "-m", "moto.server", "-H", "127.0.0.1",
            "-p", str(made.port), "-s", "-c", files[0], "-k", files[1],
        )  # fmt: skip
        return made

    @classmethod
    def moto(cls) -> ObjectStorage:
        """moto's server over plain HTTP, for other services of AWS; any access key is right."""
        made = cls(())
        made.command = (
            environments.object_storage(), "-m", "moto.server", "-H", "127.0.0.1",
            "-p", str(made.port),
        )  # fmt: skip
        return made

    @classmethod
    def azure(cls) -> ObjectStorage:
        """Azurite's blob service, with its published account."""
        made = cls(())
        node = programs.on_path("node") or Path("node")
        made.command = (
            node, azurite(), "--inMemoryPersistence", "--disableTelemetry", "--silent",
            "--skipApiVersionCheck", "--blobPort", str(made.port),
        )  # fmt: skip
        return made

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http{'s' * self.secure}://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Serve; AssertionError with the log when it does not."""
        log = self.folder / "log"
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, cwd=self.folder,
                # moto imports a thousand modules: compiled once, they come from the environment.
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""},
            )  # fmt: skip
        wait_until_open("127.0.0.1", self.port, self._process, log)

    def stop(self) -> None:
        """End it and remove its folder."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
