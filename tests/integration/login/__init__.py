"""Users log in to Airflow itself, through what the wizard writes."""
