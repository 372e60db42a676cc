"""A client for PostgreSQL and PgBouncer."""
