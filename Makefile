# Every target does its own set-up: on a fresh Debian 12 or 13 with Python, make and git, nothing need be done before.

VENV := .venv
PEERS := .venv-peers
BIN := $(VENV)/bin
DEMO ?= demo-site
DIST ?= dist

STANDIN_TESTS := tests/sandbox/openxchange
PACKAGE_TESTS := tests/packages

.PHONY: help demo test test-trixie test-bookworm standin proof check mutants bench bench-peers schemas pages catalogue man dist deb test-packages lock clean

help: ## what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/'

demo: $(VENV)/.runtime ## build a stand-in site in demo-site/, plan, apply, drift
	@$(BIN)/reconciler demo $(DEMO)

test: $(VENV)/.dev ## the tests, on a real MariaDB, PostgreSQL, Postfix, Dovecot and sshd
	@scripts/debian-packages
	@scripts/node $(VENV)
	@$(BIN)/pytest -n 4 --dist worksteal --ignore $(STANDIN_TESTS) --ignore $(PACKAGE_TESTS) $(PYTEST_ARGS)

test-trixie: ## demo and tests on a bare Debian 13: Python 3.13, PostgreSQL 17, Dovecot 2.4 (root; in a chroot)
	@CI=true scripts/bare trixie make demo test DEMO=/tmp/demo-site PYTEST_ARGS="$(PYTEST_ARGS)"

test-bookworm: ## the same on a bare Debian 12
	@CI=true scripts/bare bookworm make demo test DEMO=/tmp/demo-site PYTEST_ARGS="$(PYTEST_ARGS)"

test-packages: $(VENV)/.dev ## build a release twice, install it in each way, use it, remove it (root; a bare Debian in a chroot); SUITE=trixie
	@scripts/debian-packages lintian buildah debootstrap
	@CI=true SUITE="$(SUITE)" $(BIN)/pytest $(PACKAGE_TESTS) $(PYTEST_ARGS)

standin: $(VENV)/.dev ## the tests of the Open-Xchange stand-in itself, which `make test` only uses
	@scripts/debian-packages
	@$(BIN)/pytest -n 3 --dist worksteal $(STANDIN_TESTS) $(PYTEST_ARGS)

proof: $(VENV)/.dev ## the crash matrix with every recovery and a thousand random walks: two hours or so
	@scripts/debian-packages
	@RECONCILER_PROOF=long $(BIN)/pytest -n 2 --dist worksteal tests/proof tests/walk tests/apply/ledger/test_properties.py tests/integration/test_property.py $(STANDIN_TESTS) $(PYTEST_ARGS)

check: $(VENV)/.dev ## lint, format, types, layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

mutants: $(VENV)/.dev ## break each line of reconciler/policy once; a test must notice
	@$(BIN)/python -m tests.mutants

bench: $(VENV)/.dev ## measure validate, plan and apply at 1,000 to 100,000 mailboxes on MariaDB
	@scripts/debian-packages
	@$(BIN)/python -m benchmarks.run

bench-peers: $(VENV)/.dev $(PEERS)/.installed ## compare a plan with Ansible, PostfixAdmin's command line and octoDNS at 1,000 and 10,000
	@scripts/debian-packages
	@$(BIN)/python -m benchmarks.peers.run --programs $(PEERS)/bin

schemas: $(VENV)/.dev ## write schemas/ anew from the models
	@$(BIN)/reconciler schema --write schemas

pages: $(VENV)/.dev ## write docs/site-file.md, the pictures in docs/ and the CI files of ci/ and .github/ anew from the code
	@$(BIN)/python -m tests.pages
	@$(BIN)/python -m tests.known_words
	@$(BIN)/python -m tests.pipelines.copies

catalogue: $(VENV)/.dev ## bring the German of reports up to date with the code
	@$(BIN)/python -m tests.catalogue

man: $(VENV)/.runtime ## write the manual pages into build/man, for a release
	@$(BIN)/python -m reconciler.cli.man_pages build/man

dist: $(VENV)/.dev ## build all of a release in dist/: wheel, sdist, reconciler.pyz, .deb, constraints, SBOM; RELEASE=1 checks the version
	@$(BIN)/python -m release dist $(DIST) $(if $(RELEASE),--release)

deb: $(VENV)/.dev ## build the Debian package of this Debian in dist/
	@$(BIN)/python -m release deb $(DIST)

lock: $(VENV)/.dev ## pin and hash the dependencies anew
	@scripts/lock

clean: ## remove what make made
	rm -rf $(VENV) $(PEERS) $(DEMO) $(DIST)

$(VENV)/.runtime: requirements/runtime.txt pyproject.toml scripts/venv
	@scripts/venv $(VENV) requirements/runtime.txt
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml scripts/venv
	@scripts/venv $(VENV) requirements/dev.txt
	@touch $@ $(VENV)/.runtime

# 530 MB, most of it Ansible: not in the environment that everybody has
$(PEERS)/.installed: requirements/peers.txt | $(VENV)/.dev
	@echo "installing the packages of $< …" >&2
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(PEERS)
	@$(BIN)/uv pip sync --quiet --compile-bytecode --require-hashes --python $(PEERS)/bin/python $<
	@touch $@
