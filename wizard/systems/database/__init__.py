"""PostgreSQL: role, database, connections; probes, steps and handover."""
