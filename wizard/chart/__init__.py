"""Data on each chart version: keys, Secret contract, object names, Airflow range."""
