"""The delivery argocd: Argo CD follows the config repository and installs the chart."""
