#!/usr/bin/env bash
# Loads a server of Phoenix channels in all the ways that bench/sockets knows, and prints its
# lines of JSON. Needs Linux and Go.
#
#   bench/sockets.sh          all of it; about four minutes
#   bench/sockets.sh -smoke   few connections, half a second each: does it work?
#
# What can be set in the environment:
#   PORT     where bench/peer listens                          4200
#   URL PID  a server that runs already, in place of bench/peer
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

smoke=
case ${1:-} in
'') ;;
-smoke) smoke=1 ;;
*) die "usage: bench/sockets.sh [-smoke]" ;;
esac

work=$(mktemp -d)
peer=
cleanup() {
	trap - EXIT
	[ -z "$peer" ] || { kill "$peer"; wait "$peer"; } 2>/dev/null || true
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

go build -o "$work/sockets" ./bench/sockets
if [ -z "${URL:-}" ]; then
	port=${PORT:-4200}
	go build -o "$work/peer" ./bench/peer
	"$work/peer" -addr "127.0.0.1:$port" &
	peer=$!
	for ((i = 0; ; i++)); do
		(: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null && break
		kill -0 "$peer" 2>/dev/null || die "the server did not start"
		((i < 100)) || die "the server does not listen on port $port"
		sleep 0.1
	done
	URL=http://127.0.0.1:$port/socket PID=$peer
fi

run() {
	say "$*"
	"$work/sockets" -url "$URL" -pid "${PID:-0}" "$@"
}

if [ -n "$smoke" ]; then
	short=(-conns 20 -for 500ms)
	run poll -n 2
	run idle -n 20 -settle 0s
	run join -n 50 -at 8
	run echo "${short[@]}"
	run bare "${short[@]}"
	run fanout "${short[@]}" -bare -rounds 1
	run fanout "${short[@]}" -open 20
	run presence -users 20
else
	run idle -n 10000 # first: what has been used stays with the process
	run poll
	run join -n 20000
	run echo -conns 100
	run fanout -conns 5000 -bare
	run fanout -conns 5000 -bare -outstanding 8
	run fanout -conns 5000 -bare -open 10
	run presence -users 1000
fi
