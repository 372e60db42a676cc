"""Where files declare a release of Airflow's chart: one pure reader for each way to write it."""
