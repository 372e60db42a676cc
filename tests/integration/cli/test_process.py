"""What a process leaves behind: after Ctrl-C, after a crash, and in the plugins that it starts."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.canary import Canary
from tests.support.paths import TOP
from wizard.clients.kube.config import ExecPlugin
from wizard.clients.kube.login import run_plugin

_SCRIPT = "import sys; from wizard.__main__ import run; sys.exit(run())"
_COMMANDS = ((sys.executable, "-m", "wizard"), (sys.executable, "-c", _SCRIPT))


@pytest.mark.parametrize("command", _COMMANDS, ids=["module", "script"])
@pytest.mark.parametrize("arguments", [("schema",), ("apply", "--repo", ".")])
def test_ctrl_c_is_quiet_from_the_first_line_on(
    command: tuple[str, ...], arguments: tuple[str, ...], tmp_path: Path
) -> None:
    seen = set()
    for delay in (0, 0.02, 0.05, 0.1, 0.2, 0.4):
        process = subprocess.Popen(
            [command[0], "-X", "importtime", *command[1:], *arguments],
            cwd=tmp_path,
            env={"PYTHONPATH": str(TOP), "PATH": "/usr/bin:/bin"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr
        for line in process.stderr:
            # Before __main__ imports the command line, only the interpreter has started.
            if "wizard.cli" in line:
                break
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        seen.add(process.returncode)
        assert process.returncode in {0, 64, 130}, (delay, err[-2000:])
        assert "Traceback" not in err, (delay, err[-2000:])
        assert "KeyboardInterrupt" not in err + out
    assert 130 in seen


_CRASH = """
import ctypes, os, resource, sys
from wizard.cli import commands, main
def crash(options, console):
    print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
    print(os.readlink("/proc/self/ns/pid") != "", "SSLKEYLOGFILE" in os.environ)
    print(os.popen("cat /proc/self/comm").read().strip())
    import ssl
    print(ssl.create_default_context().keylog_filename)
    sys.stdout.flush()
    os.abort()
commands.COMMANDS = {**commands.COMMANDS, sys.argv[1]: crash}
main.main([sys.argv[1]] if sys.argv[1] != "screens" else [])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the attribute is Linux's")
@pytest.mark.parametrize("name", ["screens", "secrets", "apply", "destroy", "check", "commit"])
def test_a_crash_leaves_no_memory_image(name: str, tmp_path: Path) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f'ulimit -c unlimited; exec "{sys.executable}" -c "$0" {name}', _CRASH],
        cwd=tmp_path,
        env={"PYTHONPATH": str(TOP), "PATH": "/usr/bin:/bin", "SSLKEYLOGFILE": "keys"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == -signal.SIGABRT, done.stderr
    assert done.stdout.splitlines() == ["(0, 0) 0", "True False", "cat", "None"], done
    assert list(tmp_path.iterdir()) == []


def test_a_login_plugin_gets_no_variable_that_only_the_wizard_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, canary: Canary
) -> None:
    plugin = tmp_path / "plugin"
    api = "client.authentication.k8s.io/v1"
    answer = {
        "apiVersion": api,
        "kind": "ExecCredential",
        "status": {"token": "t"},
    }
    plugin.write_text(f"#!/bin/sh\nenv > {tmp_path}/env\necho '{json.dumps(answer)}'\n")
    plugin.chmod(0o755)
    hidden = ("VAULT_TOKEN", "VAULT_SECRET_ID", "PGPASSWORD", "AIRFLOW_DB_PASSWORD", "OF_ANSWERS")
    for name in hidden:
        monkeypatch.setenv(name, canary.secret())
    monkeypatch.setenv("AWS_PROFILE", "ours")
    run_plugin(ExecPlugin(str(plugin), (), {"MORE": "x"}, api, None, ""), ["OF_ANSWERS"])
    lines = (tmp_path / "env").read_text().splitlines()
    assert {"AWS_PROFILE=ours", "MORE=x"} <= set(lines)
    canary.assert_absent(tmp_path / "env")
