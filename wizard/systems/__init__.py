"""One folder per outside system: its probes, steps, removal and handover."""
