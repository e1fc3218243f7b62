#!/usr/bin/env bash
# Makes sure that the programs named as arguments are there: `prerequisites.sh build test bench`.
# Installs what is missing where it may (Debian-like, as root or with passwordless sudo), else says what to install.
set -euo pipefail

# program, Debian package
build="cc:build-essential make:build-essential cmake:cmake curl:curl git:git"
test="python3:python3 caddy:caddy openssl:openssl redis-server:redis-server"
bench="nginx:nginx-light"

missing=()
# What some tests are skipped without, outside CI.
wanted=()
for group in "${@:-build}"; do
    for pair in ${!group}; do
        command -v "${pair%%:*}" >/dev/null 2>&1 || missing+=("${pair##*:}")
    done
    if [ "$group" = test ] && ! python3 -c 'import ensurepip, venv' >/dev/null 2>&1; then
        missing+=(python3-venv)
    fi
    # The server's programs are in a folder of their version, not on the path.
    if [ "$group" = test ] && ! compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null; then
        missing+=(postgresql)
    fi
    # Whoever has a `node` of another origin has its `npm`, too, beside which Debian's may not be installed.
    if [ "$group" = test ] && ! command -v node >/dev/null 2>&1; then
        wanted+=(nodejs npm)
    fi
done
if [ "${CI:-}" = true ]; then
    missing+=("${wanted[@]}")
    wanted=()
fi

if [ $((${#missing[@]} + ${#wanted[@]})) -gt 0 ]; then
    if [ "$(id -u)" = 0 ]; then as=(); elif sudo -n true 2>/dev/null; then as=(sudo -n); else as=(false); fi
    if command -v apt-get >/dev/null 2>&1 && [ "${as[*]:-}" != false ]; then
        mapfile -t missing < <(printf '%s\n' "${missing[@]}" "${wanted[@]}" | sort -u | sed '/^$/d')
        echo "installing: ${missing[*]}" >&2
        "${as[@]}" apt-get update -qq >&2
        # A server package must not start its service here: it would take a port the tests may want.
        "${as[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
    elif [ ${#missing[@]} -gt 0 ]; then
        mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)
        echo "missing: ${missing[*]} (Debian's names). Install them, for instance with" >&2
        echo "    sudo apt-get install ${missing[*]}" >&2
        exit 1
    fi
fi

if ! command -v cargo >/dev/null 2>&1; then
    echo "missing: the Rust toolchain. Install it from https://rustup.rs and run this again." >&2
    exit 1
fi
