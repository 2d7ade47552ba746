#!/usr/bin/env bash
# Compares River with bennu's jobs, by turns, on SQLite and on a PostgreSQL server of its
# own, on the same two cores. Prints a line of JSON for each run, and then tables. Needs
# Linux, Go, and PostgreSQL (on Debian as root it installs it).
#
#   bench/jobs.sh                     all of it; about half an hour
#   bench/jobs.sh -smoke              few of everything, once: does it work?
#   bench/jobs.sh -rows bulk -engines sqlite -pairs 5
#
# Arguments are those of bench/jobs, which -h lists.
set -euo pipefail
cd "$(dirname "$0")/jobs"

say() { printf '%s\n' "$*" >&2; }

installed() { command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }
if ! installed && [[ " $* " != *" -postgres"* ]] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	say install postgresql
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends postgresql >/dev/null
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
CGO_ENABLED=0 go build -o "$work/jobs" .

export GOMAXPROCS=2
cores=$(nproc)
if command -v taskset >/dev/null && [ "$cores" -gt 2 ]; then
	taskset -cp 0,1 $$ >/dev/null
	cores=2
fi
cpu=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -1)
say "${cpu:-$(uname -m)}, $cores cores shared by the program and the database, $(uname -sr); load before the start: $(cut -d' ' -f1 /proc/loadavg)."
"$work/jobs" "$@"
