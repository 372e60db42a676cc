"""The probes of an installation's external systems, for `check --live` and the screens."""
