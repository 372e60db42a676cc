"""Per chart version: keys, Secret contract, names and Airflow range. Data first, little code."""
