#!/bin/sh
# Installs the system packages that the tests run for real, where we may: Debian or Ubuntu, as root.
# Elsewhere it names them; the tests that need one are then skipped by name.
set -eu
PATH=$PATH:/usr/sbin:/sbin

missing=
need() { # PACKAGE, then a command that succeeds when it is there
  package=$1
  shift
  "$@" >/dev/null 2>&1 || missing="$missing $package"
}

need git command -v git
need tmux command -v tmux
need openssh-client command -v ssh-keygen
need postgresql sh -c 'command -v initdb || ls /usr/lib/postgresql/*/bin/initdb'
# PgBouncer is built: Debian 12's is too old. Azurite (Azure Blob) runs on Node.
need gcc command -v cc
need make command -v make
need pkg-config command -v pkg-config
need libevent-dev ls /usr/include/event2/event.h
need libssl-dev ls /usr/include/openssl/ssl.h
need nodejs command -v node
need npm command -v npm
need redis-server sh -c 'command -v redis-server || command -v valkey-server'
need openssh-server command -v sshd
need age command -v age
need libcairo2 sh -c 'ldconfig -p | grep -q "libcairo\.so\.2"'
need fonts-dejavu-core sh -c 'ls /usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf'

[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "tests that need these are skipped (Debian, Ubuntu: sudo apt install$missing):$missing"
  exit 0
fi

# The tests start their own servers; a system service on the usual port would only be in the way.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  trap 'rm -f "$policy"' EXIT INT TERM
fi
echo "installing$missing"
apt-get update -qq
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
