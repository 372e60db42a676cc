"""The least a Python command with options costs: the yardstick for `airflow-wizard --help`."""

import argparse

parser = argparse.ArgumentParser(prog="peer")
parser.add_argument("--repo")
parser.parse_args(["--help"])
