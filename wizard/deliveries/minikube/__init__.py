"""The delivery minikube: the user installs in a local cluster with the runbook's commands."""
