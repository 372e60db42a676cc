"""What a command loads is what a person waits for: clients and screens only when they are used."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support.paths import TOP

CLIENTS = {
    "aiohttp", "awscrt", "azure", "cairosvg", "cryptography", "dns", "hvac", "jsonschema_rs",
    "kubernetes", "paramiko", "psycopg", "pyrage", "redis", "requests", "urllib3",
}  # fmt: skip
FRONT = {"rich", "screens", "textual"}
BANNED = CLIENTS | FRONT
MODELS = {"pydantic", "pydantic_core", "ruamel"}
MODULES = sorted(
    ".".join(path.relative_to(TOP).with_suffix("").parts).removesuffix(".__init__")
    for path in (TOP / "wizard").rglob("*.py")
    if path.name != "__main__.py"
)
# Modules loaded beyond those of `python -c ''`, with some room; a jump means a new dependency at
# start-up. Counts do not depend on the machine's speed, as times would.
MOST_MODULES_FOR_HELP = 60

TRACE = """
import json, sys
before = set(sys.modules)
sys.argv = ["airflow-wizard", *json.loads(sys.argv[1])]
try:
    {body}
except SystemExit as end:
    code = end.code
else:
    code = 0
sys.stderr.write("\\n" + json.dumps([code, sorted(set(sys.modules) - before)]))
"""


def loaded(
    body: str, *arguments: str, cwd: Path = TOP, path: Path | None = None
) -> tuple[object, set[str]]:
    done = subprocess.run(
        [sys.executable, "-c", TRACE.replace("{body}", body), json.dumps(arguments)],
        cwd=cwd, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        env=_environment(path),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    code, modules = json.loads(done.stderr.splitlines()[-1])
    return code, set(modules)


def _environment(path: Path | None) -> dict[str, str]:
    """This process's, without what the command sets when a test runs it in here."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYDANTIC_")}
    return kept | ({"PYTHONPATH": str(path)} if path else {})


def top_level(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


def test_importing_the_core_loads_no_client_and_no_screen() -> None:
    """One process imports module after module, so that the first to load too much is named."""
    body = (
        f"guilty = {{}}\n    for name in {MODULES!r}:\n"
        "        seen = set(sys.modules)\n        __import__(name)\n"
        f"        more = {{m.partition('.')[0] for m in set(sys.modules) - seen}} & {BANNED!r}\n"
        "        if more: guilty[name] = more\n"
        "    assert not guilty, guilty"
    )
    _, modules = loaded(body)
    assert set(MODULES) <= modules


def command(*arguments: str, cwd: Path) -> set[str]:
    if importlib.util.find_spec("wizard.cli.main") is None:
        pytest.fail("wizard/cli/main.py is not there")
    code, modules = loaded(
        "from wizard.cli.main import main; sys.exit(main())", *arguments, cwd=cwd
    )
    assert code in (0, None), f"{arguments} ended with {code}"
    return modules


@pytest.mark.parametrize("arguments", [("--help",), ("plan", "--help"), ("--version",)])
def test_help_needs_no_model(arguments: tuple[str, ...], tmp_path: Path) -> None:
    modules = command(*arguments, cwd=tmp_path)
    assert not top_level(modules) & (BANNED | MODELS)
    assert len(modules) <= MOST_MODULES_FOR_HELP, sorted(modules)


@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        (("presets",), {"ruamel"}),
        (("explain",), set()),
        (("explain", "database"), set()),
        (("schema",), MODELS),
    ],
)
def test_looking_things_up_loads_no_client(
    arguments: tuple[str, ...], needed: set[str], tmp_path: Path
) -> None:
    assert not top_level(command(*arguments, cwd=tmp_path)) & (BANNED | MODELS - needed)


def test_plan_loads_no_client(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    modules = command("--preset", "local", "plan", cwd=tmp_path)
    assert not top_level(modules) & BANNED


def test_no_plugin_of_another_package_is_handed_the_answers(tmp_path: Path) -> None:
    (tmp_path / "nosy.py").write_text(
        "class plugin:\n    def new_schema_validator(*_, **__): return None, None, None\n"
    )
    about = tmp_path / "nosy-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: nosy\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[pydantic]\nnosy = nosy:plugin\n")
    model = "import pydantic\n    pydantic.create_model('Any', a=(int, 1))"
    assert "nosy" in loaded(model, path=tmp_path)[1]

    read = "from wizard.cli.main import main; sys.exit(main())"
    code, modules = loaded(read, "schema", path=tmp_path)

    assert code == 0
    assert "pydantic" in modules
    assert "nosy" not in modules


def test_two_clients_that_are_begun_with_at_once_take_turns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Their libraries import parts of each other: Python hands out half of one to the other."""
    from wizard.clients import lazy
    from wizard.clients.kube import transport as kube_http
    from wizard.clients.vault import transport as vault_http

    under_way: list[str] = []
    asked: list[str] = []

    def slow(name: str) -> None:
        assert not under_way, f"{name} beside {under_way}"
        under_way.append(name)
        time.sleep(0.02)
        under_way.remove(name)
        asked.append(name)

    # Loaded before: what follows an import that does nothing would race to load them.
    for name in ("requests", "hvac.adapters", "kubernetes.client", "kubernetes.watch"):
        importlib.import_module(name)
    monkeypatch.setattr(lazy, "import_module", slow)
    nothing: Any = None
    begun = (
        lambda: kube_http._build_client(nothing, nothing),
        lambda: vault_http._build_session(nothing),
    )
    with ThreadPoolExecutor() as pool:
        done = [pool.submit(one) for one in begun]
    # Neither gets far without an address.
    assert {type(one.exception()) for one in done} == {AttributeError}
    assert sorted(asked) == ["hvac.adapters", "kubernetes.client", "kubernetes.watch", "requests"]


def test_the_first_frame_waits_for_no_model(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    body = (
        "import screens.app, wizard.cli.interactive\n"
        "    wizard.cli.interactive.require_terminal = lambda console: None\n"
        "    screens.app.run = lambda *_: sys.exit(0)\n"
        "    from wizard.cli.main import main\n"
        "    sys.exit(main())"
    )
    code, modules = loaded(body, cwd=tmp_path)
    assert code == 0
    assert "textual" in modules
    assert not top_level(modules) & MODELS
