# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# `make` or `make help` lists the targets. Everything is built below .venv, .cache and build in this clone.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
# A new enough Python, the distribution's first. `make PYTHON=...` takes another. Needed when a venv is created.
PYTHON = $(shell for python in /usr/bin/python3 python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)

# Root's PATH after a plain `su` lacks sbin; Ansible refuses to start where the locale is not UTF-8.
export PATH := $(CURDIR)/.venv/bin:$(PATH):/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL := C.UTF-8
export HYPOTHESIS_STORAGE_DIRECTORY := $(CURDIR)/.cache/hypothesis
unexport ANSIBLE_COLLECTIONS_PATH ANSIBLE_INVENTORY PYTHONPATH
# sudo drops the environment; what root ran must leave nothing in the clone that its owner cannot remove.
AS_ROOT := $(if $(SUDO),$(SUDO) env PATH="$$PATH" LC_ALL=$$LC_ALL \
	HYPOTHESIS_STORAGE_DIRECTORY="$$HYPOTHESIS_STORAGE_DIRECTORY" PYTHONDONTWRITEBYTECODE=1)
GIVE_BACK := $(if $(SUDO),$(SUDO) chown -R "$$(id -u):$$(id -g)" .cache,true)

# COMMAND=PACKAGE: the package is installed where the command is missing. A minimal Debian has no /etc/protocols,
# from which nft takes the numbers of protocols' names.
PACKAGES := python3=python3 venv=python3-venv nft=nftables ip=iproute2 ping=iputils-ping /etc/protocols=netbase
# Test hosts run modules with the distribution's Python.
TEST_PACKAGES := git=git curl=curl jq=jq dot=graphviz tcpdump=tcpdump ovs-vswitchd=openvswitch-switch sshd=openssh-server \
	shellcheck=shellcheck iptables=iptables /usr/lib/python3/dist-packages/pyroute2=python3-pyroute2
FULL_PACKAGES := qemu-system-x86_64=qemu-system-x86 depmod=kmod debootstrap=debootstrap \
	systemd-nspawn=systemd-container /usr/lib/podman/netavark=netavark

##@ Use it on this machine

# Each is a playbook of the collection: quickstart-down is virtnet.linux.quickstart_down.
PLAYBOOKS := quickstart quickstart-down

quickstart: ## build and install the collection, then a bridge network with containers that serve HTTP
quickstart-down: ## remove everything that quickstart created

ANSIBLE := ANSIBLE_CONFIG="$(CURDIR)/tools/ansible.cfg"
INSTALLED := build/collections/ansible_collections/virtnet/linux/MANIFEST.json
# Directories too, so that a removed file counts as a change; docs/ with a slash, for docs is a target of its own.
SOURCES := $(shell find galaxy.yml README.md LICENSE CHANGELOG.rst changelogs docs/ meta playbooks plugins roles \
	-not -name '*.pyc' -not -name __pycache__ 2>/dev/null)

.PHONY: $(PLAYBOOKS)
$(PLAYBOOKS): $(INSTALLED)
	@$(AS_ROOT) $(ANSIBLE) ANSIBLE_CALLBACK_RESULT_FORMAT=yaml ansible-playbook virtnet.linux.$(subst -,_,$@) $(ARGS)

$(INSTALLED): $(SOURCES) .venv/run | packages
	@echo "Building the collection and installing it into build/collections"
	@rm -rf build && mkdir build
	@$(ANSIBLE) ansible-galaxy collection build --output-path build >build/log 2>&1 || { cat build/log; exit 1; }
	@$(ANSIBLE) ansible-galaxy collection install --offline build/virtnet-linux-*.tar.gz >build/log 2>&1 || { cat build/log; exit 1; }
	@touch $@

# The test hosts' inventory, which overlay_demo_lab writes, and what one would write for hosts of one's own.
OVERLAY_LAB := /run/virtnet-lab/overlay/inventory.json
OVERLAY := -i $(OVERLAY_LAB) -i build/collections/ansible_collections/virtnet/linux/playbooks/inventory/overlay_demo.yml

.PHONY: overlay overlay-down
overlay: $(INSTALLED) ## three test hosts on this machine, an overlay network over them, and its packets, captured
	@tools/packages.sh sshd=openssh-server tcpdump=tcpdump
	@$(AS_ROOT) $(ANSIBLE) ansible-playbook virtnet.linux.overlay_demo_lab $(ARGS)
	@$(SUDO) test -e $(OVERLAY_LAB) || { echo "Check mode shows what runs on the test hosts once they exist."; exit 0; }; \
		$(AS_ROOT) $(ANSIBLE) ansible-playbook $(OVERLAY) virtnet.linux.overlay_network virtnet.linux.overlay_demo_show $(ARGS)
overlay-down: $(INSTALLED) ## remove everything that overlay created
	@$(AS_ROOT) $(ANSIBLE) ansible-playbook virtnet.linux.overlay_demo_down $(ARGS)

.PHONY: build
build: $(INSTALLED) ## only build the collection's tarball and install it into build/collections

##@ Develop it

# Tests wait most of their time, for the kernel to let go of namespaces, for answers that do not come.
WORKERS = $(shell expr 3 '*' "$$(nproc)")

.PHONY: test
test: lint-fast | test-packages ## the quick linters, then every test but the long ones (root)
	@$(AS_ROOT) python -m pytest -n $(WORKERS) -m "not long" $(ARGS) || status=$$?; $(GIVE_BACK); exit $${status:-0}

# One process beside those, which wait half of their time.
PROPERTIES := python -m pytest --hypothesis-profile full tests/unit/planner/test_malformed_input.py tests/unit/fabric/test_malformed_input.py && \
	python -m pytest --hypothesis-profile long tests/unit/planner/test_properties.py tests/unit/planner/test_pools.py \
		tests/unit/fabric/test_properties.py tests/unit/firewall

.PHONY: test-full
test-full: .venv/test | test-packages ## the long tests: runs killed at every step, random histories, bad input, load, power cuts, NICs
	@tools/packages.sh $(FULL_PACKAGES)
	@mkdir -p .cache && { $(PROPERTIES); } >.cache/properties.log 2>&1 & properties=$$!; \
		$(AS_ROOT) python -m pytest -n $(WORKERS) -m long tests $(ARGS) || status=$$?; $(GIVE_BACK); \
		wait $$properties || status=$$?; cat .cache/properties.log; exit $${status:-0}

.PHONY: unit
unit: .venv/test ## the tests that need no root, in seconds
	@python -m pytest -n auto -m "not slow" tests/unit $(ARGS)

.PHONY: lint-fast
lint-fast: .venv/test | $(CURDIR)/.cache/tree/ansible_collections/virtnet/linux ## ruff, mypy, yamllint, changelog fragments
	ruff check --cache-dir .cache/ruff .
	mypy
	yamllint --strict .
	antsibull-changelog lint

# The remaining linters want the collection at its place below ansible_collections, and leave things there: they get a
# copy of what git has or would add. The first run of ansible-test makes virtual environments of its own.
TREE := .cache/lint/ansible_collections/virtnet/linux

.PHONY: lint
lint: lint-fast .cache/galaxy-importer/made | test-packages ## all linters: those of lint-fast, licences, ansible-lint, antsibull-docs, galaxy-importer, ansible-test sanity
	reuse lint --quiet || { reuse lint; exit 1; }
	@rm -rf .cache/lint && mkdir -p $(TREE)
	@git ls-files -z --cached --others --exclude-standard | tar -c --null --ignore-failed-read -T - | tar -x -C $(TREE)
	@git -C $(TREE) init -q -b main && git -C $(TREE) add -A
	cd $(TREE) && ANSIBLE_COLLECTIONS_PATH=$(CURDIR)/.cache/lint ansible-lint
	cd $(TREE) && antsibull-docs lint-collection-docs --plugin-docs --skip-rstcheck .
	tools/import.sh .cache/galaxy-importer
	python tools/sanity.py $(TREE)

# The site: the pages of the repository, and below reference/ what antsibull-docs makes of the modules',
# roles' and plugins' own documentation. It asks nothing of the network.
SITE := .cache/site/source
PAGES := CHANGELOG.rst CONTRIBUTING.md docs/*.md docs/images roles/*/README.md tests/README.md benchmarks/README.md \
	examples/infra/README.md

.PHONY: docs
docs: .cache/docs/made | $(CURDIR)/.cache/tree/ansible_collections/virtnet/linux ## the documentation as a site: build/docs/index.html
	@rm -rf $(SITE) build/docs && mkdir -p $(SITE)/reference
	@cp -R --parents $(PAGES) $(SITE) && cat README.md docs/site/contents.md >$(SITE)/index.md
	@ANSIBLE_COLLECTIONS_PATH=$(CURDIR)/.cache/tree .cache/docs/bin/antsibull-docs collection --use-current \
		--squash-hierarchy --fail-on-error --dest-dir $(SITE)/reference virtnet.linux >/dev/null
	.cache/docs/bin/sphinx-build --quiet --fail-on-warning --keep-going --jobs 2 -c docs/site \
		-d .cache/site/doctrees $(SITE) build/docs

.PHONY: specs
specs: .venv/run ## derive overlay_network's argument spec and the planner's options from bridge_network's argument spec
	python tools/argument_specs.py

# Docker is measured where it is installed; installing it would start its daemon, which changes this machine's network.
BENCH_PACKAGES := conntrack=conntrack iptables=iptables /usr/lib/podman/netavark=netavark \
	/usr/lib/cni/bridge=containernetworking-plugins /bin/busybox=busybox-static

.PHONY: bench
bench: .venv/run .cache/ifstate/made | packages $(CURDIR)/.cache/tree/ansible_collections/virtnet/linux ## benchmarks, compared with other tools; ARGS="--only endpoints --sizes 1,10,100"
	@tools/packages.sh $(BENCH_PACKAGES)
	@$(AS_ROOT) PYTHONPATH="$(CURDIR):$(CURDIR)/.cache/tree" ANSIBLE_COLLECTIONS_PATH="$(CURDIR)/.cache/tree" \
		IFSTATECLI="$(CURDIR)/.cache/ifstate/bin/ifstatecli" python -m benchmarks $(ARGS)

.PHONY: clean
clean: ## remove .venv, .cache and build
	$(SUDO) rm -rf .venv .cache build

.PHONY: help
help:
	@awk -F ':.*## ' '/^##@/ { print "\n" substr($$0, 5) } /^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

# What the targets above require

.PHONY: packages test-packages
packages:
	@tools/packages.sh $(PACKAGES)
test-packages: packages
	@tools/packages.sh $(TEST_PACKAGES)

.venv/run: requirements.txt | packages
	@[ -n "$(PYTHON)" ] || { echo "Python 3.11 or newer is needed. Where it is: make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "Making .venv with $$(sed '/^#/d' requirements.txt | xargs)"
	@$(PYTHON) -m venv .venv
	@.venv/bin/pip install -qq --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/test: tests/requirements.txt .venv/run
	@echo "Adding to .venv what tests and linters need"
	@.venv/bin/pip install -qq --disable-pip-version-check -r requirements.txt -r tests/requirements.txt
	@touch $@

.cache/docs/made: docs/site/requirements.txt .venv/run
	@echo "Making .cache/docs with what the site is built with"
	@mkdir -p .cache && .venv/bin/python -m venv .cache/docs
	@.cache/docs/bin/pip install -qq --disable-pip-version-check -r requirements.txt -r docs/site/requirements.txt
	@touch $@

# A program of others that wants an environment of its own.
.cache/%/made: .venv/run
	@mkdir -p .cache && .venv/bin/python -m venv .cache/$*
	@.cache/$*/bin/pip install -qq --disable-pip-version-check $*
	@touch $@

$(CURDIR)/.cache/tree/ansible_collections/virtnet/linux:
	@mkdir -p $(@D) && ln -sfn $(CURDIR) $@
