"""Checks of Argo CD's objects in a tree."""

from __future__ import annotations

from wizard.deliveries.argocd.checks.applications import check_argocd
from wizard.deliveries.argocd.checks.own_objects import check_own_objects
from wizard.deliveries.argocd.checks.repositories import check_repositories
from wizard.deliveries.argocd.checks.rivals import check_rivals

CHECKS = (check_argocd, check_own_objects, check_repositories, check_rivals)
