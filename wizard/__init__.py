"""The core of Airflow Wizard: questions, answers, rendering, checks, plan and commit."""
