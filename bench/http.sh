#!/usr/bin/env bash
# Compares HTTP servers: bare net/http with bennu, chi, Echo and Gin, by turns, on the same
# two cores. Prints markdown. Needs Linux, Go, and on Debian root if wrk is missing.
#
#   bench/http.sh
#
# What can be set in the environment:
#   PAIRS         runs of each server, each beside one of bare net/http   7
#   SECONDS_EACH  length of a run, in whole seconds                       2
#   CONNECTIONS   connections that wrk keeps busy                         64
#   ROUTES        which routes         "/json /users/42 /plain /html /echo"
#   SERVERS       whom to compare                     "bennu chi echo gin"
#   PEER          a program to run in bennu's place; its row is called so
#   PORT          the first of as many ports as there are servers         4200
set -euo pipefail
cd "$(dirname "$0")/.."

pairs=${PAIRS:-7}
seconds=${SECONDS_EACH:-2}
connections=${CONNECTIONS:-64}
routes=${ROUTES:-/json /users/42 /plain /html /echo}
servers=${SERVERS-bennu chi echo gin}
next_port=${PORT:-4200}

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
for n in "$pairs" "$seconds" "$connections" "$next_port"; do
	[[ $n =~ ^[1-9][0-9]*$ ]] || die "$n is no positive whole number"
done
for route in $routes; do
	[[ $route =~ ^/(json|users/[0-9]+|plain|html|echo)$ ]] || die "there is no route $route"
done
for name in $servers; do
	[[ $name =~ ^(bennu|chi|echo|gin)$ ]] || die "there is no server $name; there are bennu, chi, echo and gin"
done

# need COMMAND PACKAGE... installs the packages if the command is missing.
need() {
	command -v "$1" >/dev/null && return
	say "install ${*:2}"
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${@:2}" >/dev/null
}
need wrk wrk
need curl curl

work=$(mktemp -d)
cleanup() {
	trap - EXIT
	local children
	children=$(jobs -p)
	[ -z "$children" ] || { kill -KILL $children; wait; } 2>/dev/null # KILL, for most are stopped
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

export GOMAXPROCS=2
export BODY='{"active":true,"email":"grace@example.com","id":7,"name":"Grace Hopper","tags":["navy","compilers"]}'
cores=$(nproc)
if command -v taskset >/dev/null && [ "$cores" -gt 2 ]; then
	taskset -cp 0,1 $$ >/dev/null
	cores=2
fi

say build
(cd bench/http && CGO_ENABLED=0 go build -o "$work/bare" .)
if [[ " $servers " == *" bennu "* ]]; then
	if [ -n "${PEER:-}" ]; then
		cp "$PEER" "$work/peer"
	else
		CGO_ENABLED=0 go build -o "$work/peer" ./bench/peer
	fi
fi

declare -A port pid

# start NAME COMMAND... starts a server, waits until it answers, and stops it until its turn.
start() {
	local name=$1
	port[$name]=$next_port
	next_port=$((next_port + 1))
	! (: <"/dev/tcp/127.0.0.1/${port[$name]}") 2>/dev/null || die "port ${port[$name]} is taken; set PORT"
	"${@:2}" -addr "127.0.0.1:${port[$name]}" >"$work/$name.log" 2>&1 &
	pid[$name]=$!
	local try
	for ((try = 0; try < 100; try++)); do
		kill -0 "${pid[$name]}" 2>/dev/null || break
		if curl -sf -m 1 -o /dev/null "$(url "$name" /plain)"; then
			kill -STOP "${pid[$name]}"
			return
		fi
		sleep 0.1
	done
	tail -20 "$work/$name.log" >&2
	die "$name does not serve"
}
url() { printf 'http://127.0.0.1:%s%s' "${port[$1]}" "$2"; }

start net "$work/bare" -server net
start again "$work/bare" -server net
for name in $servers; do
	case $name in
	bennu) start bennu "$work/peer" ;;
	*) start "$name" "$work/bare" -server "$name" ;;
	esac
done

# answer NAME ROUTE prints the status, the content type and the body. A charset is left
# out: of JSON, each framework has its own opinion.
answer() {
	local post=()
	[ "$2" != /echo ] || post=(-H 'Content-Type: application/json' --data-raw "$BODY")
	curl -sS -m 5 -o "$work/body" -w '%{http_code} %{content_type}\n' ${post[@]+"${post[@]}"} "$(url "$1" "$2")" |
		tr '[:upper:]' '[:lower:]' | sed 's/; *charset=utf-8//'
	printf '%s\n' "$(<"$work/body")"
}

say compare the answers
different=
for name in net $servers; do
	kill -CONT "${pid[$name]}"
	for route in $routes; do
		file=$work/answer${route//\//_}
		if [ "$name" = net ]; then
			answer net "$route" >"$file"
			grep -q '^200 ' "$file" || { cat "$file" >&2; die "net/http does not answer $route"; }
		else
			answer "$name" "$route" >"$file.$name"
			diff -u --label "$route of net/http" --label "$route of $name" "$file" "$file.$name" >&2 || different=1
		fi
	done
	kill -STOP "${pid[$name]}"
done
[ -z "$different" ] || die "the answers differ, so there is nothing to compare"

mallocs() { curl -sSf -m 5 "$(url "$1" /debug/mallocs)"; }

# ticks NAME prints the CPU time that the server has used, in clock ticks.
ticks() { sed 's/.*) //' "/proc/${pid[$1]}/stat" | awk '{ print $12 + $13 }'; }

# measure NAME ROUTE lets one server run, and sets result to: requests/s, p50 and p99 in
# µs, CPU in µs and allocations per request, time-outs.
hertz=$(getconf CLK_TCK)
measure() {
	local name=$1 route=$2 method=GET wrk
	local before after cpu_before cpu_after requests took p50 p99 failed late
	[ "$route" != /echo ] || method=POST
	kill -CONT "${pid[$name]}"
	before=$(mallocs "$name")
	cpu_before=$(ticks "$name")
	wrk -t 1 -c "$connections" -d "${seconds}s" -s bench/http/wrk.lua "$(url "$name" "$route")" -- $method >"$work/wrk" 2>&1 &
	wrk=$!
	wait $wrk || { cat "$work/wrk" >&2; die "wrk fails on $route of $name"; } # wait, unlike wrk, ends at Ctrl-C
	cpu_after=$(ticks "$name")
	after=$(mallocs "$name")
	kill -STOP "${pid[$name]}"
	read -r requests took p50 p99 failed late < <(sed -n 's/^result //p' "$work/wrk") || { cat "$work/wrk" >&2; die "wrk printed no result"; }
	[ "$failed" = 0 ] || die "$failed of $requests requests of $route to $name failed"
	[ "$requests" -gt 0 ] || die "$name answered nothing on $route"
	result=$(awk -v n="$requests" -v s="$took" -v p50="$p50" -v p99="$p99" -v late="$late" \
		-v ticks=$((cpu_after - cpu_before)) -v hertz="$hertz" -v mallocs=$((after - before)) \
		'BEGIN { printf "%.1f %d %d %.3f %.2f %d", n / s, p50, p99, ticks / hertz * 1e6 / n, mallocs / n, late }')
}

load=$(cut -d' ' -f1 /proc/loadavg)
version() { (cd bench/http && go list -m -f '{{.Version}}' "$1"); }
cpu=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -1)
cat <<END
$(go env GOVERSION), chi $(version github.com/go-chi/chi/v5), Echo $(version github.com/labstack/echo/v5), Gin $(version github.com/gin-gonic/gin); ${cpu:-$(uname -m)}, $cores cores, $(uname -sr), $(wrk -v 2>&1 | sed -n '1s/ \[.*//p'). wrk, with one thread and $connections
connections, **shares the $cores cores with the server**, so it takes a part of what the server could have; GOMAXPROCS=$GOMAXPROCS for all. Each server had
$pairs run(s) of $seconds s, each beside a run of net/http, first or second by turns; the others were stopped meanwhile. × is the median of these pairs'
ratios (least–most). The rest is the median of all runs. "net/http again" is a second process of the same program: what it differs by is noise.
Load of the machine before the start: $load.
END

# table ROUTE prints the table of what is in $work/runs. Each line there is: server, which
# pair, and twice (the server's, and those of net/http beside it) what measure gives.
table() {
	awk -v order="net again $servers" -v peer="${PEER:+${PEER##*/}, not bennu}" '
	function median(list,   v, n, i, j, t) {
		n = split(list, v, " ")
		for (i = 2; i <= n; i++) {
			t = v[i] + 0
			for (j = i - 1; j > 0 && v[j] + 0 > t; j--) v[j + 1] = v[j]
			v[j + 1] = t
		}
		least = v[1]; most = v[n]
		return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
	}
	function add(side, from,   i) { for (i = 0; i < 6; i++) f[side, i] = f[side, i] " " $(from + i) }
	{
		add($1, 3); add("net", 9)
		rate[$1] = rate[$1] " " $3 / $9
		if ($12 > 0) cost[$1] = cost[$1] " " $6 / $12
		late[$1] += $8; late["net"] += $14
	}
	function ratio(list,   m) { if (list == "") return "–"; m = median(list); return sprintf("%.2f (%.2f–%.2f)", m, least, most) }
	BEGIN {
		split("net net/http again net/http_again bennu bennu chi chi echo Echo gin Gin", l, " ")
		for (i = 1; i in l; i += 2) { label[l[i]] = l[i + 1]; sub("_", " ", label[l[i]]) }
		if (peer) label["bennu"] = peer
	}
	END {
		print "| server | requests/s | × net/http | p50 ms | p99 ms | CPU µs/request | CPU × net/http | allocations/request |"
		print "|---|--:|--:|--:|--:|--:|--:|--:|"
		n = split(order, names, " ")
		for (i = 1; i <= n; i++) {
			s = names[i]
			printf "| %s | %.0f | %s | %.2f | %.2f | %.1f | %s | %.1f |\n", label[s], median(f[s, 0]), s == "net" ? 1 : ratio(rate[s]),
				median(f[s, 1]) / 1000, median(f[s, 2]) / 1000, median(f[s, 3]), s == "net" ? 1 : ratio(cost[s]), median(f[s, 4])
			if (late[s]) notes = notes sprintf("\n%d requests to %s waited for more than 2 s.", late[s], label[s])
		}
		if (notes) print notes
	}' "$work/runs"
}

for route in $routes; do
	: >"$work/runs"
	for name in net again $servers; do
		say "$route, warm up $name"
		measure "$name" "$route"
	done
	for ((i = 1; i <= pairs; i++)); do
		for name in again $servers; do
			say "$route, pair $i of $pairs, $name"
			if ((i % 2)); then
				measure net "$route"; bare=$result
				measure "$name" "$route"; theirs=$result
			else
				measure "$name" "$route"; theirs=$result
				measure net "$route"; bare=$result
			fi
			printf '%s %d %s %s\n' "$name" "$i" "$theirs" "$bare" >>"$work/runs"
		done
	done
	method=GET
	[ "$route" != /echo ] || method=POST
	printf '\n### %s %s\n\n' $method "$route"
	table
	[[ $route != /html || " $servers " != *" bennu "* || -n ${PEER:-} ]] ||
		printf '\nbennu renders with templ, the others with html/template: what differs here is mostly that.\n'
done
