"""The store kubernetes: the wizard makes the Secrets in the cluster, and Git has none of them."""
