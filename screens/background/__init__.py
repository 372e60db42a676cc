"""Background work: checks, probes, reachability, host-key scans, commits."""
