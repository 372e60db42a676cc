"""The core of Airflow Wizard: questions, answers, rendering, checks, plan and commit."""

__version__ = "0.1.0"
