"""`python -m wizard` is `airflow-wizard`."""

import sys

from wizard.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
