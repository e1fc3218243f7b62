#!/usr/bin/env bash
# Measures the gateway against the same upstream without a proxy, and with Debian's nginx between when it is installed.
# Prints a table of medians and writes it to target/bench.md. Takes under five minutes once everything is built.
# BENCH_SECONDS sets the length of one measurement (3), BENCH_ROUNDS their number (3), BENCH_PROFILE what is built
# (release; `dev` tries the script out). BENCH_TARGETS and BENCH_CONNECTIONS measure less: two targets in many rounds
# tell their ratio better than all in few. The target `dead_primary` is a table of its own: a model whose first
# provider refuses connections, and one whose first provider takes requests and never answers, beside one that is well.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${BENCH_SECONDS:-3}
rounds=${BENCH_ROUNDS:-3}
profile=${BENCH_PROFILE:-release}
target=${CARGO_TARGET_DIR:-target}

FERROGATE_COMMIT=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)
export FERROGATE_COMMIT
cargo build --locked --profile "$profile" -p ferrogate-cli -p ferrogate-testkit
[ "$profile" = dev ] && folder=debug || folder=$profile
gateway=$(realpath "$target/$folder/ferrogate")
bench=$(realpath "$target/$folder/ferrogate-bench")

work=$(mktemp -d)
started=()
cleanup() {
    for process in "${started[@]}"; do kill "$process" 2>/dev/null || true; done
    for process in "${started[@]}"; do wait "$process" 2>/dev/null || true; done
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# wait_for SECONDS COMMAND...: until the command succeeds.
wait_for() {
    local tries=$(($1 * 20))
    shift
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || { echo "not ready: $*" >&2; return 1; }
        sleep 0.05
    done
}

# 500 connections at each of three processes.
ulimit -n 8192 2>/dev/null || true

"$bench" upstream --port-file "$work/port" --events 100 &
started+=($!)
wait_for 5 test -s "$work/port"
upstream=127.0.0.1:$(cat "$work/port")

"$bench" silent --port-file "$work/silent-port" &
started+=($!)
wait_for 5 test -s "$work/silent-port"
silent=127.0.0.1:$(cat "$work/silent-port")

# dead NAME ADDRESS: a provider that nobody gets an answer from, and a model at it and at one that is well.
dead() {
    cat <<CADDYFILE
		provider $1-dead {
			kind openai-compatible
			base_url http://$2/v1
			api_key sk-bench
			timeout {
				first_byte 500ms
			}
			retry {
				attempts 1
			}
			circuit_breaker {
				open 1h
			}
		}
		model $1 -> $1-dead upstream
CADDYFILE
}

cat > "$work/Caddyfile" <<CADDYFILE
{
	default_bind 127.0.0.1
	grace_period 1s
}
http://:0 {
	log {
		output file $work/access.log
		format json
	}
	ai_gateway {
		provider upstream {
			kind openai-compatible
			base_url http://$upstream/v1
			api_key sk-bench
		}
		provider claude {
			kind anthropic
			base_url http://$upstream
			api_key sk-bench
		}
		provider echo
$(dead refusing 127.0.0.1:1)
$(dead silent "$silent")
		model chat -> upstream {
			input_price_per_1m 0.15
			output_price_per_1m 0.60
		}
		model translate -> claude
		model echo -> echo
		api_key bench {
			key bench-key
			scopes *
			request_limit_per_minute 1000000000
		}
		tenant everybody {
			request_limit_per_minute 1000000000
			budget 1000000000 per month
		}
		tenant some in everybody {
			token_limit_per_minute 1000000000000
			budget 1000000000000 tokens per day
		}
		api_key budget {
			key budget-key
			scopes *
			tenant some
			request_limit_per_minute 1000000000
			token_limit_per_minute 1000000000000
			max_concurrency 1000000
			budget 1000000000 per day timezone Europe/Berlin
		}
	}
	reverse_proxy $upstream
}
CADDYFILE
"$gateway" run -c "$work/Caddyfile" 2> "$work/gateway.log" &
gateway_process=$!
started+=("$gateway_process")
wait_for 10 grep -q '"ready"' "$work/gateway.log"
address=$(sed -n 's/.*"msg":"listening".*"address":"\([^"]*\)".*/\1/p' "$work/gateway.log" | head -n 1)

targets=${BENCH_TARGETS:-direct nginx edge chat budget translate echo dead_primary}
dead_primary=
if [[ " $targets " == *" dead_primary "* ]]; then
    targets=${targets/dead_primary/}
    dead_primary=yes
fi
nginx_processes=
if [[ " $targets " == *" nginx "* ]] && command -v nginx >/dev/null; then
    # Any free port will do; nginx cannot choose one by itself.
    nginx_port=
    for candidate in $(shuf -i 20000-29999 -n 20); do
        cat > "$work/nginx.conf" <<NGINX
$([ "$(id -u)" = 0 ] && echo "user root;")
worker_processes auto;
pid $work/nginx.pid;
error_log $work/nginx-error.log;
daemon off;
events { worker_connections 4096; }
http {
    access_log $work/nginx-access.log;
    client_body_temp_path $work/body;
    proxy_temp_path $work/proxy;
    fastcgi_temp_path $work/fastcgi;
    uwsgi_temp_path $work/uwsgi;
    scgi_temp_path $work/scgi;
    keepalive_requests 1000000000;
    upstream bench { server $upstream; keepalive 1024; keepalive_requests 1000000000; }
    server {
        listen 127.0.0.1:$candidate;
        location / { proxy_pass http://bench; proxy_http_version 1.1; proxy_set_header Connection ""; }
        location /stream { proxy_pass http://bench; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }
    }
}
NGINX
        nginx -c "$work/nginx.conf" 2>> "$work/nginx-start.log" &
        master=$!
        if wait_for 3 test -s "$work/nginx.pid" && kill -0 "$master" 2>/dev/null; then
            nginx_port=$candidate
            started+=("$master")
            break
        fi
        kill "$master" 2>/dev/null || true
    done
    if [ -n "$nginx_port" ]; then
        wait_for 5 curl -fsS -o /dev/null "http://127.0.0.1:$nginx_port/"
        nginx_processes=$(cat /proc/"$master"/task/"$master"/children)
    fi
fi
[ -n "$nginx_processes" ] || targets=${targets/nginx/}

padding=$(printf 'x%.0s' $(seq 900))
for model in chat translate echo refusing silent; do
    printf '{"model":"%s","messages":[{"role":"user","content":"%s"}]}' "$model" "$padding" > "$work/$model.json"
    printf '{"model":"%s","stream":true,"messages":[{"role":"user","content":"%s"}]}' "$model" "$padding" \
        > "$work/$model-stream.json"
done

# CPU time of processes so far, in clock ticks, all threads together.
ticks() {
    local sum=0 process fields
    for process in $1; do
        # The name in parentheses may hold spaces; the numbers are behind it.
        fields=$(sed 's/.*) //' "/proc/$process/stat")
        # shellcheck disable=SC2086
        set -- $fields
        sum=$((sum + ${12} + ${13}))
    done
    echo "$sum"
}

# memory FIELD PROCESS...: KiB of all processes together.
memory() {
    local field=$1
    shift
    for process in "$@"; do cat "/proc/$process/smaps_rollup"; done | awk -v field="$field:" '$1 == field { sum += $2 } END { print sum + 0 }'
}

hertz=$(getconf CLK_TCK)

# measure ROW TARGET CONNECTIONS KIND: appends `row target connections rps p50 p99 cpu errors requests`.
measure() {
    local row=$1 name=$2 connections=$3 kind=$4 url processes='' body flags=() before after line key=bench-key
    body=chat
    case $name in
        direct) url=http://$upstream/ ;;
        nginx) url=http://127.0.0.1:$nginx_port/$kind processes=$nginx_processes ;;
        edge) url=http://$address/$kind processes=$gateway_process ;;
        budget) url=http://$address/v1/chat/completions processes=$gateway_process key=budget-key ;;
        *) url=http://$address/v1/chat/completions processes=$gateway_process body=$name ;;
    esac
    [ "$kind" = stream ] && body=$work/$body-stream.json flags=(--stream) || body=$work/$body.json
    before=$(ticks "$processes")
    line=$("$bench" load --url "$url" --connections "$connections" --seconds "$seconds" --body "$body" \
        --header "Authorization: Bearer $key" "${flags[@]}")
    after=$(ticks "$processes")
    value() { printf '%s' "$line" | sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p"; }
    awk -v row="$row" -v name="$name" -v c="$connections" -v rps="$(value rps)" -v p50="$(value p50_us)" \
        -v p99="$(value p99_us)" -v errors="$(value errors)" -v requests="$(value requests)" \
        -v ticks=$((after - before)) -v hertz="$hertz" 'BEGIN {
            cpu = requests > 0 ? ticks / hertz * 1000000 / requests : 0
            printf "%s %s %d %d %d %d %.1f %d %d\n", row, name, c, rps, p50, p99, cpu, errors, requests
        }' >> "$work/results"
}

idle=$(memory Pss "$gateway_process")
[ -z "$nginx_processes" ] || idle_nginx=$(memory Pss $nginx_processes)
for connections in ${BENCH_CONNECTIONS:-1 50 500}; do
    for _ in $(seq "$rounds"); do
        for name in $targets; do measure "request" "$name" "$connections" plain; done
    done
done
for _ in $(seq "$rounds"); do
    for name in $targets; do [ "$name" = echo ] || measure "stream" "$name" 50 stream; done
done

# attempts PROVIDER: how often it was tried so far.
attempts() {
    curl -fsS -H 'Authorization: Bearer bench-key' "http://$address/metrics" |
        awk -v provider="\"$1\"" '/^ferrogate_gen_ai_attempts_total/ && index($0, provider) { sum += $2 } END { print sum + 0 }'
}

if [ -n "$dead_primary" ]; then
    # A thousand callers at once find out that it is dead; then the breaker is open.
    for name in chat refusing silent; do measure "arrival" "$name" 1000 plain; done
    found_out="$(attempts refusing-dead) $(attempts silent-dead)"
    for _ in $(seq "$rounds"); do
        for name in chat refusing silent; do measure "open" "$name" 50 plain; done
    done
    afterwards="$(attempts refusing-dead) $(attempts silent-dead)"
fi

# dead_table: what the medians of `arrival` and `open` say of a dead primary.
dead_table() {
    awk -v found_out="$found_out" -v afterwards="$afterwards" '
        function median(text,    values, count, i, j, swap) {
            count = split(text, values, " ")
            for (i = 2; i <= count; i++)
                for (j = i; j > 1 && values[j - 1] + 0 > values[j] + 0; j--) { swap = values[j]; values[j] = values[j - 1]; values[j - 1] = swap }
            return values[int((count + 1) / 2)]
        }
        $1 == "arrival" || $1 == "open" { key = $1 " " $2; p50[key] = p50[key] " " $5; p99[key] = p99[key] " " $6; errors[$2] += $8; requests[$2] += $9 }
        END {
            split(found_out, first); split(afterwards, last)
            print "| the primary | requests | answered | arrival p50 µs | p99 µs | open p50 µs | p99 µs | p50 to well | p99 to well | tries at it, arrival | tries at it, open |"
            print "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
            split("chat refusing silent", names); split("is well,refuses,never answers", told, ",")
            for (i = 1; i <= 3; i++) {
                n = names[i]
                printf "| %s | %d | %.3f %% | %d | %d | %d | %d | %.2f | %.2f | %s | %s |\n", told[i], requests[n] + errors[n], \
                    100 * requests[n] / (requests[n] + errors[n]), median(p50["arrival " n]), median(p99["arrival " n]), \
                    median(p50["open " n]), median(p99["open " n]), median(p50["open " n]) / median(p50["open chat"]), \
                    median(p99["open " n]) / median(p99["open chat"]), (i > 1 ? first[i - 1] : "-"), (i > 1 ? last[i - 1] - first[i - 1] : "-")
            }
        }' "$work/results"
}

# Medians of the rounds, in the order measured, with the CPU as a ratio to nginx's and to that of a model call without
# translation.
table() {
    awk '
        function median(text,    values, count, i, j, swap) {
            count = split(text, values, " ")
            for (i = 2; i <= count; i++)
                for (j = i; j > 1 && values[j - 1] + 0 > values[j] + 0; j--) { swap = values[j]; values[j] = values[j - 1]; values[j - 1] = swap }
            return values[int((count + 1) / 2)]
        }
        function ratio(own, base) {
            return (base in cpu) && median(cpu[base]) > 0 && own > 0 ? sprintf("%.2f", own / median(cpu[base])) : "-"
        }
        $1 != "arrival" && $1 != "open" {
            key = $1 " " $3 " " $2
            if (!(key in rps)) order[++keys] = key
            rps[key] = rps[key] " " $4; p50[key] = p50[key] " " $5; p99[key] = p99[key] " " $6
            cpu[key] = cpu[key] " " $7; errors[key] += $8
        }
        END {
            print "| what | connections | through | requests/s | p50 µs | p99 µs | CPU µs/request | to nginx | to chat | errors |"
            print "|---|---:|---|---:|---:|---:|---:|---:|---:|---:|"
            for (i = 1; i <= keys; i++) {
                key = order[i]; split(key, part, " ")
                own = median(cpu[key])
                printf "| %s | %d | %s | %d | %d | %d | %s | %s | %s | %d |\n", part[1], part[2], part[3], median(rps[key]), \
                    median(p50[key]), median(p99[key]), (own > 0 ? own : "-"), ratio(own, part[1] " " part[2] " nginx"), \
                    ratio(own, part[1] " " part[2] " chat"), errors[key]
            }
        }' "$work/results"
}

mkdir -p "$target"
{
    echo "# Measured by scripts/bench.sh"
    echo
    echo "Commit $FERROGATE_COMMIT, $(date -u +%Y-%m-%dT%H:%MZ), $(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)," \
        "Linux $(uname -r). Medians of $rounds alternating rounds of $seconds s; load, upstream and proxy share the machine."
    echo "A request is a POST of 1 KiB answered with 1 KiB; a stream has 100 events. \`edge\` is \`reverse_proxy\`, \`chat\` a model"
    echo "call with key, rate limit, metrics and access log, \`translate\` the same to a provider that speaks Anthropic's"
    echo "dialect, \`echo\` the same answered by the gateway itself, \`budget\` is \`chat\` with six limits and three budgets over"
    echo "key and tenants. Calls are written to the ledger's journal and to the request log, whoever makes them."
    echo
    [ -z "${targets// /}" ] || table
    if [ -n "$dead_primary" ]; then
        echo
        echo "A dead primary: 1,000 callers arrive at once, then 50 ask again and again while the breaker is open."
        echo
        dead_table
    fi
    echo
    echo "Memory of the gateway: $idle KiB PSS idle, $(memory Pss "$gateway_process") KiB PSS and" \
        "$(memory Rss "$gateway_process") KiB RSS after the load."
    [ -z "$nginx_processes" ] || echo "Memory of nginx's workers: $idle_nginx KiB PSS idle, $(memory Pss $nginx_processes) KiB PSS after the load."
} | tee "$target/bench.md"
