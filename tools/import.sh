#!/usr/bin/env bash
# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Builds the collection's tarball and imports it as Galaxy does. ansible-lint and ansible-test run elsewhere.
# Usage: tools/import.sh ENVIRONMENT    a virtual environment with galaxy-importer in it
set -euo pipefail

environment=$(realpath "$1")
export PATH=$environment/bin:$PATH HOME=$environment/home
export GALAXY_IMPORTER_CHECK_REQUIRED_TAGS=true GALAXY_IMPORTER_REQUIRE_V1_OR_GREATER=true
export GALAXY_IMPORTER_RUN_ANSIBLE_LINT=false
mkdir -p "$HOME"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ansible-galaxy collection build --output-path "$work" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
cd "$work"
# It ends well with warnings, too.
if ! python -m galaxy_importer.main virtnet-linux-*.tar.gz >log 2>&1 || grep -qE '^(WARNING|ERROR)' log; then
    cat log
    exit 1
fi
tail -n 1 log
