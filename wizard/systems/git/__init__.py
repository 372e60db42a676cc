"""The DAG repository and its host."""
