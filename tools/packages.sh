#!/usr/bin/env bash
# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Installs the Debian packages of those commands or files that this machine lacks.
# Usage: tools/packages.sh COMMAND=PACKAGE /FILE=PACKAGE ...    the command `venv`: what `python3 -m venv` needs
set -euo pipefail

has() {
    case $1 in
    /*) [ -e "$1" ] ;;
    venv) python3 -c 'import ensurepip, venv' ;;
    *) command -v "$1" ;;
    esac >/dev/null 2>&1
}

missing=()
for pair in "$@"; do
    has "${pair%%=*}" || missing+=("${pair#*=}")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "This machine lacks what Debian calls: ${missing[*]}. Install it with your system's package manager, then" \
        "run this again." >&2
    exit 1
fi

sudo=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "This machine lacks: ${missing[*]}. As root, run: apt-get install ${missing[*]}" >&2
        exit 1
    fi
    sudo=(sudo)
fi

# A fresh machine has no package lists, or old ones, and its own updates may hold the lock for a while.
apt() {
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@" </dev/null 2>&1
}

# Debian starts the servers that it installs, unless this file forbids it.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap '"${sudo[@]}" rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" install -m 755 /dev/stdin "$policy"
fi

echo "Installing with apt: ${missing[*]}"
install=(install --yes --no-install-recommends "${missing[@]}")
output=$(apt "${install[@]}") || output=$(apt update && apt "${install[@]}") || {
    echo "$output" >&2
    exit 1
}
