"""The public files that answers may name, one of each kind that is right for the question."""

from __future__ import annotations

from wizard.answers.questions import FieldSpec
from wizard.questions.assets import POD_TEMPLATE

# What `render` gets; `wizard.answers.assets` takes real certificates only.
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
POD = """\
# Task pods of the data team.
apiVersion: v1
kind: Pod
metadata:
  labels:
    tier: airflow
    component: worker
    release: airflow
    team: data
spec:
  restartPolicy: Never
  serviceAccountName: airflow-worker
  securityContext:
    runAsUser: 50000
    runAsNonRoot: true
    fsGroup: 0
    seccompProfile:
      type: RuntimeDefault
  containers:
    - name: base
      env:
        - name: AIRFLOW__CORE__DEFAULT_TIMEZONE
          value: UTC
      securityContext:
        allowPrivilegeEscalation: false
        capabilities:
          drop:
            - ALL
      resources:
        requests:
          memory: 2Gi
      volumeMounts:
        - name: config
          mountPath: /opt/airflow/airflow.cfg
          subPath: airflow.cfg
          readOnly: true
        - name: dags
          mountPath: /opt/airflow/dags
          readOnly: true
        - name: logs
          mountPath: /opt/airflow/logs
  volumes:
    - name: config
      configMap:
        name: airflow-config
    - name: dags
      persistentVolumeClaim:
        claimName: dags
    - name: logs
      emptyDir: {}
"""


def text_of(item: FieldSpec) -> str:
    """The text of a file that fits the question."""
    return POD if item.ask.asset is POD_TEMPLATE else PEM
