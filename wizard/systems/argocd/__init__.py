"""Argo CD: its objects, credential and Application; probes, steps and removal."""
