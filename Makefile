PYTHON ?= python3
RUN = $(PYTHON) tools/run.py

.DEFAULT_GOAL := help
.PHONY: help setup demo test check differential mutants synth snapshots oldest lock build clean bench docs

help: ## these lines
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile

setup:
	@$(PYTHON) tools/setup_environment.py

demo: setup ## deploy the reference app to an emulated AWS and call Bedrock as friend and stranger
	@$(RUN) python -m drill.demo

.PHONY: drill
drill: setup ## its life on the emulated AWS: cut off, failed, healed, read back, updated, damaged, destroyed
	@$(RUN) python -m drill.drill

test: setup ## all tests but those of `make check`; ORACLE=0 leaves the IAM simulator out
	@$(RUN) python -m pytest $(or $(TESTS),--ignore=tests/standards)

check: setup audit ## lint, format, types, known vulnerabilities, and other people's rules
	@$(RUN) ruff check
	@$(RUN) ruff format --check
	@$(RUN) pyright
	@$(RUN) python -m pytest -q tests/standards

.PHONY: audit
audit: setup ## known vulnerabilities of the locked packages; AUDIT=required fails where nobody can be asked
	@AUDIT=$(AUDIT) $(RUN) python -m tools.audit

.PHONY: sbom
sbom: setup ## every locked package as a CycloneDX document in dist
	@$(RUN) python -m tools.sbom

.PHONY: cost
cost: setup ## what the reference app costs in a month, from its templates and the dated prices: docs/cost.md
	@$(RUN) python -m tools.cost > docs/cost.md

differential: setup ## the evaluator against the IAM simulator on COUNT=20000 random questions of SEED
	@$(RUN) python -m tests.policy.differential --count $(or $(COUNT),20000) --seed $(or $(SEED),20261101)

mutants: setup ## mutation testing of evaluator and prover: COUNT=300 faults of SEED, at least 90 % noticed
	@$(RUN) python -m tools.mutants --count $(or $(COUNT),300) --seed $(or $(SEED),20261101)

synth: setup ## the reference app's templates into cdk.out; no credentials, no look-ups
	@$(RUN) cdk synth --quiet --no-notices --no-lookups --output cdk.out
	@ls cdk.out/*.template.json

snapshots: setup ## write the snapshots anew, to be read in the diff
	@$(RUN) python -m pytest tests/constructs tests/reference --snapshot-update
	@$(RUN) python -m tests.standards.acknowledgements

oldest: setup ## the tests of the constructs on the oldest release of the CDK that pyproject.toml allows
	@$(RUN) uv venv --quiet --clear .cache/oldest
	@$(RUN) uv pip install --quiet --python .cache/oldest/bin/python aws-cdk-lib==2.271.0 pytest syrupy hypothesis cattrs ministack==1.5.33
	@$(RUN) .cache/oldest/bin/python -m pytest -q tests/constructs tests/reference tests/questions

lock: setup ## pin the newest packages that pyproject.toml and package.json allow
	@$(RUN) uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate --upgrade --quiet -o requirements.lock
	@$(RUN) uv pip compile --group node --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-header --no-annotate --upgrade --quiet -o requirements-node.lock
	@$(RUN) npm install --package-lock-only --ignore-scripts

docs: setup ## the documents as one site in .cache/docs; warnings are errors, and nothing is fetched
	@$(RUN) python -m sphinx -q -W --keep-going -b html docs .cache/docs

bench: setup ## the reference app's synthesis beside plain CDK: ratios, and round trips to Node, on which it fails
	@$(RUN) python -m bench.policy
	@$(RUN) python -m bench.review
	@$(RUN) python -m bench

build: setup ## wheel, sdist and SBOM into dist
	@rm -rf dist
	@$(RUN) python -m build --no-isolation --outdir dist
	@$(RUN) python -m tools.sbom

.PHONY: prowler
prowler: setup ## prowler's checks of Bedrock on the deployed reference app; installs 1.4 GB once, and is no part of CI
	@$(RUN) python -m drill.prowler

.PHONY: zipapp
zipapp: setup ## the command line as one file for any Python, without aws-cdk-lib and Node
	@$(RUN) python -m tools.single_file

clean: ## everything that the other commands made
	@rm -rf .venv node_modules cdk.out dist build .cache .ruff_cache .hypothesis
