"""A made-up store: a safe, whose values External Secrets' webhook provider would read."""
