"""An installation's pods as processes on this machine: the chart's environment and arguments.

The environment of a container comes from the emitted values, the Secrets from the emitted
templates, as the External Secrets Operator fills them in. Only what must differ outside the cluster
is put in: the addresses and paths in `places`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import yaml

from tests.support.rendered import objects, values
from tests.testbed.eso import EsoTemplate
from wizard.chart.configuration import Configuration
from wizard.chart.environment import Container
from wizard.chart.variables import Installation, Variable
from wizard.formats.version_ranges import parse_version
from wizard.plan.render import Rendering
from wizard.secrets.facts import Form
from wizard.secrets.generation import generate_value
from wizard.secrets.payload import collect_facts

# Options that the chart writes into airflow.cfg without a word in the values.
CHART_OPTIONS = (
    ("core", "auth_manager"), ("core", "dags_folder"), ("core", "execution_api_server_url"),
    ("core", "executor"), ("core", "load_examples"), ("logging", "remote_logging"),
)  # fmt: skip
# What the chart runs in the containers of the components.
COMMANDS = {name: ["bash", "-c", f"exec airflow {name}"] for name in
            ("api-server", "scheduler", "dag-processor", "triggerer")}  # fmt: skip
# Nothing is kept, so nothing needs more.
STOP_SECONDS = 2
# Kubernetes starts the pod of a Job more often (backoffLimit), but no fault needs it.
_RESTARTS = 2
# What Python reads first. Airflow makes objects by the hundred thousand when it starts, and they
# stay: looking for garbage among them is a third of what an API server's start costs.
STARTUP = "import gc\n\ngc.set_threshold(50_000, 20, 20)\n"


def new_payload(made: Rendering, given: Mapping[str, str]) -> dict[str, str]:
    """What the store holds for an installation: `given`, and generated values for the rest.

    What only its owner can give, such as a deploy key, is a text that nobody uses.
    """
    generated = {
        fact.key: generate_value(fact.form).get_secret_value()
        if fact.form in (Form.FERNET, Form.KEY, Form.PASSWORD)
        else "not used here"
        for fact in collect_facts(made.total.secrets)
        if fact.key not in given
    }
    return {**generated, **given}


@dataclass(frozen=True)
class Rendered:
    """What helm makes of the values: the containers by component and name, and airflow.cfg."""

    containers: Mapping[tuple[str, str], Mapping[str, Any]]
    config: str

    @classmethod
    def make(cls, helm: Path, chart: Path, made: Rendering) -> Rendered:
        """Render the chart with the emitted values."""
        names = made.release.names
        done = subprocess.run(
            [helm, "template", names.release, chart, "-n", names.namespace, "-f", "-"],
            input=made.tree.by_logical("values").text, capture_output=True, text=True, timeout=60,
            check=True,
        )  # fmt: skip
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        containers: dict[tuple[str, str], Mapping[str, Any]] = {}
        config = ""
        for one in filter(None, yaml.load_all(done.stdout, Loader=loader)):
            config = one.get("data", {}).get("airflow.cfg", config)
            pod = one.get("spec", {}).get("template") or {}
            label = pod.get("metadata", {}).get("labels", {}).get("component", "")
            for item in pod.get("spec", {}).get("containers", []):
                containers[label, item["name"]] = item
        return cls(containers, config)


@dataclass
class Pods:
    """The pods of one rendering; `home` takes the place of AIRFLOW_HOME.

    `chart` is what helm makes of the values; without it, the product computes environments and
    airflow.cfg.
    """

    made: Rendering
    python: Path
    payload: Mapping[str, str]
    engine: EsoTemplate
    home: Path
    places: Mapping[str, str]
    more: Mapping[str, str] = field(default_factory=dict)
    chart: Rendered | None = None
    _running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @cached_property
    def secrets(self) -> dict[str, dict[str, str]]:
        """Every Secret of the store, as the operator makes it."""
        found = {}
        for one in objects(self.made):
            if one["kind"] != "ExternalSecret":
                continue
            spec = one["spec"]
            data = {
                item["secretKey"]: self.payload[item["remoteRef"]["property"]]
                for item in spec.get("data", [])
            }
            template = spec["target"]["template"]["data"]
            found[spec["target"]["name"]] = self.engine(template, data)
        return found

    @cached_property
    def values(self) -> Any:
        """The emitted Helm values."""
        return values(self.made)

    @cached_property
    def configuration(self) -> Configuration:
        """The configuration in effect, as the product computes it."""
        release = self.made.release
        version = parse_version(release.airflow_version)
        assert version is not None
        return Configuration(
            Installation(
                self.values, version, release.chart, release.names.release, release.names.namespace,
                lambda kind, name: self.secrets.get(name) if kind == "Secret" else None,
            )
        )  # fmt: skip

    def here(self, text: str) -> str:
        """The text with the cluster's addresses and paths replaced by this machine's."""
        for there in sorted(self.places, key=len, reverse=True):
            text = text.replace(there, self.places[there])
        return text

    def environment(self, component: str, name: str = "") -> dict[str, str]:
        """The environment of a container."""
        key = (component, name or component)
        if self.chart is not None:
            own = self._rendered(self.chart.containers[key])
        else:
            (found,) = (
                one for one in self.configuration.containers if (one.component, one.name) == key
            )
            own = self._computed(found)
        return {
            **{key: self.here(value) for key, value in own.items()},
            "PATH": f"{self.python.parent}:{os.environ['PATH']}",
            "HOME": str(self.home), "LC_ALL": "C.UTF-8", "PYTHONPATH": str(self.home / "python"),
            # Many processes of few cores: fewer threads.
            "OPENBLAS_NUM_THREADS": "1",
            **self.more,
        }  # fmt: skip

    def _computed(self, container: Container) -> dict[str, str]:
        return {one.name: self._value(one) for one in (*container.sources, *container.variables)}

    def _value(self, variable: Variable) -> str:
        if variable.value is not None:
            return variable.value
        assert variable.secret, f"{variable.name} ({variable.origin}) cannot be read"
        return self.secrets[variable.secret][variable.key]

    def _rendered(self, container: Mapping[str, Any]) -> dict[str, str]:
        found: dict[str, str] = {}
        for source in container.get("envFrom", []):
            found |= self.secrets[source["secretRef"]["name"]]
        for item in container.get("env", []):
            reference = item.get("valueFrom", {}).get("secretKeyRef")
            if reference:
                found[item["name"]] = self.secrets[reference["name"]][reference["key"]]
            else:
                found[item["name"]] = str(item.get("value", ""))
        return found

    def write_config(self) -> None:
        """Write airflow.cfg, as the chart mounts it, and what Python reads first."""
        text = self.chart.config if self.chart else ""
        if not text:
            options = dict(
                option for option in (*self.configuration.list_options(),) if not option[1].variable
            )
            for name in CHART_OPTIONS:
                if (found := self.configuration.find_in_file(*name)) and name not in options:
                    options[name] = found
            sections: dict[str, list[str]] = {}
            for (section, option), setting in options.items():
                sections.setdefault(section, []).append(f"{option} = {setting.value}")
            text = "".join(
                f"[{section}]\n" + "\n".join(lines) + "\n" for section, lines in sections.items()
            )
        startup = self.home / "python" / "sitecustomize.py"
        startup.parent.mkdir(parents=True, exist_ok=True)
        startup.write_text(STARTUP)
        (self.home / "airflow.cfg").write_text(self.here(text))

    def start_job(self, setting: str, component: str, name: str) -> Process:
        """Run a Job with the arguments that the values give it.

        If it fails, it is started again: by default, the chart's Jobs have `restartPolicy:
        OnFailure`. The user Job needs it, because it and the API server write the same roles.
        """
        args = self.values[setting]["args"]
        if self.chart is not None:
            assert self.chart.containers[component, name]["args"] == args

        def start(restarts: int) -> Process:
            process = self._start(component, name, args)
            if restarts:
                process.restart = partial(start, restarts - 1)
            return process

        return start(_RESTARTS)

    def start(self, component: str, *command: str) -> Process:
        """Run a command in a component's environment; without one, what the chart runs."""
        usual = COMMANDS[component]
        if self.chart is not None:
            usual = self.chart.containers[component, component]["args"]
        return self._start(component, component, list(command) or usual)

    def _start(self, component: str, name: str, command: list[str]) -> Process:
        log = self.home / f"{name}-{len(self._running)}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                command, env=self.environment(component, name), cwd=self.home,
                stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True,
            )  # fmt: skip
        self._running.append(process)
        return Process(process, log)

    def stop(self, *kept: Process) -> None:
        """End everything that runs, with what it started, except `kept`."""
        stays = [one.process for one in kept]
        ending = [one for one in self._running if one not in stays]
        for signum in (signal.SIGTERM, signal.SIGKILL):
            for process in ending:
                # Also when the leader is gone: its children may not be.
                with_group(process.pid, signum)
            deadline = time.monotonic() + STOP_SECONDS
            while time.monotonic() < deadline and any(one.poll() is None for one in ending):
                time.sleep(0.1)
        for process in ending:
            process.wait()
        self._running[:] = stays


@dataclass
class Process:
    """A process of a pod, and what it says."""

    process: subprocess.Popen[bytes]
    path: Path
    # What starts it again if it fails.
    restart: Callable[[], Process] | None = None

    @property
    def log(self) -> str:
        """The end of its output."""
        return self.path.read_text(errors="replace")[-6000:]

    def finish(self, seconds: float) -> str:
        """Wait until it ends well; all its output, or AssertionError with the end of it."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            code = -1
        if code > 0 and self.restart is not None:
            return self.restart().finish(seconds)
        assert code == 0, f"{self.process.args!r} ended with {code}:\n{self.log}"
        return self.path.read_text(errors="replace")

    def check_running(self) -> None:
        """AssertionError with its output when it has ended."""
        assert self.process.poll() is None, f"{self.process.args!r} has ended:\n{self.log}"


def with_group(pid: int, signum: int) -> None:
    """Send a signal to a process and all that it started, if there is still one."""
    try:
        os.killpg(pid, signum)
    except ProcessLookupError:
        return
