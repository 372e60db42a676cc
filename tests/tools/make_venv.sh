#!/bin/sh
# Makes the virtual environment $1 with the first Python that is 3.11 or newer.
set -eu
venv=$1

modern() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
complete() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }

chosen=
for candidate in ${WIZARD_PYTHON:-} python3.13 python3.12 python3.11 python3; do
  if modern "$candidate"; then
    [ -n "$chosen" ] || chosen=$candidate
    if complete "$candidate"; then
      chosen=$candidate
      break
    fi
  fi
done

if [ -z "$chosen" ]; then
  echo "error: no Python 3.11 or newer on PATH (python3 is $(python3 --version 2>&1 || true))" >&2
  echo "hint: install one, or name it: WIZARD_PYTHON=/path/to/python3.12 make ..." >&2
  exit 1
fi

if ! complete "$chosen"; then
  # Debian and Ubuntu split venv off; the package is named after the minor version.
  minor=$("$chosen" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$minor" >/dev/null
  else
    echo "error: $chosen has no venv module with pip" >&2
    echo "hint: install it (Debian, Ubuntu: sudo apt install $minor) and run make again" >&2
    exit 1
  fi
fi

echo "creating $venv with $("$chosen" --version)"
"$chosen" -m venv "$venv"
