"""Work beside the event loop: checks, probes, reachability, look-ups."""
