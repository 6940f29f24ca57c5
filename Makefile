# Every target sets up what it needs first. All it takes is make and Python 3.11.
.DEFAULT_GOAL := help
.PHONY: help setup doctor demo replay bench desk status audit account tend forget parity quality explain catalogue table quarantine allow rebuild refill backtest labels train tune shadow promote rollback retrain watch notebooks protocol up down logs test test-compose test-k8s lint check lock clean
MAKEFLAGS += --no-print-directory

PYTHON := $(or $(PYTHON),$(shell for p in python3.11 python3 python; do \
  $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null && echo $$p && break; done))
python = $(or $(PYTHON),$(error Clearhold needs Python 3.11 (with venv): install it, or say where it is with PYTHON=/path/to/python3.11))
setup  = @$(python) -m pipelines.local.setup
java   = JAVA_HOME="$$($(python) -m pipelines.local.java)"
logs   = LOG4J_CONFIGURATION_FILE="$(CURDIR)/conf/log4j2-$(1).properties"
hot    = $(java) $(call logs,hot) .venv-hot/bin/python
lake   = $(java) $(call logs,lake) SPARK_LOCAL_IP=127.0.0.1 .venv/bin/python
# $(call option,--name,value): the option, when there is a value
option = $(if $(2),$(1) "$(2)")
run    = $(or $(RUN),run/demo)
standby = $(if $(STANDBY),$(if $(filter 0,$(STANDBY)),--no-standby,--standby))

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

setup: ## environments, jars and archives of classes, where they are missing [STORE=1: also what an object store needs]
	$(setup) --archives $(if $(STORE),--store)

doctor: ## what is missing or wrong on this machine, and what to do
	@$(python) -m jobs.doctor

demo: ## everything, live, until Ctrl-C [FOR=seconds RATE=per second CARDS= SEED= FRESH=1 STANDBY=1 INJECT=shift]
	$(setup)
	@$(lake) -m jobs.demo $(call option,--for,$(FOR)) $(call option,--rate,$(RATE)) $(call option,--cards,$(CARDS)) \
	  $(call option,--seed,$(SEED)) $(if $(FRESH),--fresh) $(standby) $(call option,--inject,$(INJECT))

replay: ## a recorded data set through the live path: DATA=file.parquet MAPPING=conf/sources/x.yaml [RATE= FOR= OUT= STANDBY=1]
	$(setup)
	@$(lake) -m jobs.replay $(call option,--data,$(DATA)) $(call option,--mapping,$(MAPPING)) \
	  $(call option,--rate,$(RATE)) $(call option,--for,$(FOR)) \
	  $(call option,--train-days,$(TRAIN_DAYS)) $(call option,--registry-from,$(REGISTRY_FROM)) $(call option,--out,$(OUT)) $(call option,--label-delay-days,$(LABEL_DELAY_DAYS)) $(standby)

bench: ## latency and throughput, open loop [RATE= FOR= WARM=seconds before CARDS= PAST= SWEEP=1 SWAP=1 KILL=1 STANDBY=0 or 1 LANDING=1 WORKERS=of a cluster PROCESSORS= BACKLOG=payments], or TRAINING=1: fit and score, or DESK=1: pages and arrivals
	$(setup)
	@$(lake) -m $(if $(TRAINING),jobs.bench_training,$(if $(DESK),jobs.bench_desk,jobs.bench $(call option,--rate,$(RATE)) $(call option,--for,$(FOR)) $(call option,--cards,$(CARDS)) \
	  $(call option,--warm,$(WARM)) $(call option,--past,$(PAST)) $(if $(SWEEP),--sweep) $(if $(SWAP),--swap) $(if $(KILL),--kill) $(if $(LANDING),--landing) \
	  $(call option,--workers,$(WORKERS)) $(call option,--processors,$(PROCESSORS)) $(call option,--backlog,$(BACKLOG)) $(standby)))

desk: ## queue, cases and answers, for a run [RUN=run/demo]; make demo opens it too
	$(setup) lake
	@$(lake) -m jobs.serve_desk --config $(run)/settings.yaml

status: ## how every part of a run is [RUN=run/demo]
	$(setup) lake
	@$(lake) -m jobs.show_status $(call option,--run,$(RUN))

audit: ## the desk's audit: does the chain hold? [RUN=run/demo SEAL=noted earlier]
	$(setup) lake
	@$(lake) -m jobs.verify_audit $(call option,--run,$(RUN)) $(call option,--seal,$(SEAL))

account: ## offsets in Kafka against rows in the lake, difference 0 [RUN=run/demo]
	$(setup) lake jars
	@$(lake) -m jobs.account $(call option,--run,$(RUN))

tend: ## upkeep of the lake, one round: few files, clustered, nothing kept too long [RUN=run/demo EVERY=seconds to stay]
	$(setup) lake jars
	@$(lake) -m jobs.tend_tables $(call option,--run,$(RUN)) $(call option,--every,$(EVERY))

forget: ## remove a card from every table and its past, and prove it: CARD=token [RUN=run/demo, stopped]
	$(setup) lake jars
	@$(lake) -m jobs.forget_card $(call option,--card,$(CARD)) $(call option,--run,$(RUN))

parity: ## every landed feature computed anew and compared, to the last bit [RUN=run/demo]
	$(setup)
	@$(lake) -m jobs.check_parity $(call option,--run,$(RUN))

quality: ## every quality check on what has landed; a critical suite that fails keeps training from starting [RUN=run/demo]
	$(setup) lake
	@.venv/bin/python -m jobs.check_quality $(call option,--run,$(RUN))

explain: ## why a payment was decided as it was, and the decision made again: ID=transaction_id [RUN=run/demo JSON=1]
	$(setup)
	@$(lake) -m jobs.explain_decision $(call option,--id,$(ID)) $(call option,--run,$(RUN)) $(if $(JSON),--json)

catalogue: ## tables, columns and topics by a word [SEARCH=word RUN=run/demo JSON=1]
	$(setup) lake
	@.venv/bin/python -m jobs.search_catalogue $(call option,--search,$(SEARCH)) $(call option,--run,$(RUN)) $(if $(JSON),--json)

table: ## rows of a table, now or as of a time: NAME=decisions [AS_OF=2026-11-25T08:00:00 WHERE="action = 'hold'" MOST=20 RUN=run/demo]
	$(setup) lake
	@.venv/bin/python -m jobs.read_table $(call option,--name,$(NAME)) $(call option,--as-of,$(AS_OF)) $(call option,--where,$(WHERE)) \
	  $(call option,--most,$(MOST)) $(call option,--run,$(RUN))

quarantine: ## what was refused and why [RUN=run/demo REASON=code], and back: REPLAY=code [SET=field=value DROP=field RENAME=old=new]
	$(setup) lake jars
	@$(lake) -m jobs.quarantine $(call option,--run,$(RUN)) $(call option,--reason,$(REASON)) $(call option,--replay,$(REPLAY)) \
	  $(call option,--set,$(SET)) $(call option,--drop,$(DROP)) $(call option,--rename,$(RENAME))

allow: ## go on without records that were gone from Kafka before they landed: GAP=name WHY="..." [RUN=run/demo]; without GAP: which wait
	$(setup) lake
	@.venv/bin/python -m jobs.allow_gap $(call option,--gap,$(GAP)) $(call option,--why,$(WHY)) $(call option,--run,$(RUN))

rebuild: ## the lake of a stopped run anew, from Kafka, with the digest of every table before and after [RUN=run/demo]
	$(setup) lake jars
	@$(lake) -m jobs.rebuild_lake $(call option,--run,$(RUN))

refill: ## the stream's state of a stopped run anew, from the lake, with the digest of what it logs before and after [DAYS=n RUN=run/demo]
	$(setup)
	@$(lake) -m jobs.refill_state $(call option,--days,$(DAYS)) $(call option,--run,$(RUN))

backtest: ## honest offline evaluation: DATA= MAPPING= TRAIN_FROM= [TRAIN_UNTIL=] or TRAIN_DAYS=, TEST_FROM= TEST_UNTIL= OUT= [FOLD_DAYS= LABEL_DELAY_DAYS=7 COMPARE=1 LEAK_ABOVE=]
	$(setup) lake jars
	@$(lake) -m jobs.backtest_model $(call option,--data,$(DATA)) $(call option,--mapping,$(MAPPING)) \
	  $(call option,--train-from,$(TRAIN_FROM)) $(call option,--train-until,$(TRAIN_UNTIL)) \
	  $(call option,--test-from,$(TEST_FROM)) $(call option,--test-until,$(TEST_UNTIL)) \
	  $(call option,--train-days,$(TRAIN_DAYS)) $(call option,--fold-days,$(FOLD_DAYS)) \
	  $(call option,--label-delay-days,$(LABEL_DELAY_DAYS)) $(call option,--leak-above,$(LEAK_ABOVE)) \
	  $(if $(COMPARE),--compare) $(call option,--out,$(OUT))

labels: ## what is known about the payments, by whom, and how long that takes [RUN=run/demo]
	$(setup) lake
	@.venv/bin/python -m jobs.show_labels $(call option,--run,$(RUN))

train: ## a new model from what has landed, beside the running demo [RUN=run/demo COMPARE=1 QUICK=1 TUNED=1]
	$(setup) lake jars
	@$(lake) -m jobs.train_model --config $(run)/settings.yaml $(if $(TUNED),--tuned) $(if $(COMPARE),--compare) $(if $(QUICK),--quick)

tune: ## search for how to fit, on validation folds [METHOD=random, grid or bayes TRIALS=20 RUN=run/demo]
	$(setup) lake jars
	@$(lake) -m jobs.tune_model --config $(run)/settings.yaml $(call option,--method,$(METHOD)) $(call option,--trials,$(TRIALS))

shadow: ## let the newest model score live traffic without acting, beside the running demo [RUN=run/demo VERSION= PAYMENTS=1000 FOR=300]
	$(setup)
	@$(hot) -m jobs.shadow_model --config $(run)/settings.yaml $(call option,--version,$(VERSION)) \
	  $(call option,--payments,$(PAYMENTS)) $(call option,--for,$(FOR))

promote: ## the gate: compare the newest model with the champion, and let it serve if it is better [RUN=run/demo VERSION= DRY=1]
	$(setup) lake jars
	@$(lake) -m jobs.promote_model $(call option,--run,$(RUN)) $(call option,--version,$(VERSION)) $(if $(DRY),--dry)

rollback: ## let the model serve that served before [RUN=run/demo]
	$(setup) lake
	@.venv/bin/python -m jobs.roll_back_model $(call option,--run,$(RUN))

retrain: ## train, shadow and gate again and again, or once without EVERY [RUN=run/demo EVERY=24h QUICK=1]
	$(setup) lake jars
	@$(lake) -m jobs.retrain_model $(call option,--run,$(RUN)) $(call option,--every,$(EVERY)) $(if $(QUICK),--quick)

watch: ## drift of features, score and fields, alerts, precision, missing values, volume [RUN=run/demo EVERY=1h STRICT=1]
	$(setup) lake
	@.venv/bin/python -m jobs.watch_model --config $(run)/settings.yaml $(call option,--every,$(EVERY)) $(if $(STRICT),--strict)

notebooks: ## the notebooks carried out on the lake of a run, as pages [RUN=run/demo]
	$(setup) lake jars
	@$(lake) -m jobs.run_notebooks $(call option,--run,$(RUN))

up: ## the stack of docker-compose.yml, until all of it is healthy [PROFILES="demo monitoring notebooks retrain"; demo by default]
	@$(stack) up $(foreach profile,$(PROFILES),--profile $(profile))

down: ## stop the stack; what it has kept stays [VOLUMES=1: it does not]
	@$(stack) down $(if $(VOLUMES),--volumes)

logs: ## what the stack says [PARTS="hot landing"]
	@$(stack) logs $(PARTS)

PROFILES ?= demo
stack = $(python) -m pipelines.local.containers

test: ## every test
	$(setup) --dev
	@$(hot) -m pytest tests/hot; hot=$$?; \
	  $(lake) -m pytest -n 2 --dist loadfile --no-loadscope-reorder tests/integration tests/lake tests/handbook tests/desk tests/browser tests/unit && exit $$hot

test-compose: ## the stack in containers: healthy, a kill of each, down and up again, nothing lost [BASE_IMAGE= CA_FILE= JAVA_TRUSTSTORE=]
	$(setup) lake --dev
	@.venv/bin/python -m pytest -s tests/compose

test-k8s: ## deploy/k8s/demo on the cluster that kubectl knows, which has the images: a kill of each part, nothing lost, jobs submitted
	$(setup) lake --dev
	@.venv/bin/python -m pytest -s tests/kubernetes

protocol: ## the Fraud Detection Handbook's own protocol, with leak tests and baselines: DATA=transactions.parquet
	$(setup) --dev
	@CLEARHOLD_HANDBOOK="$(abspath $(DATA))" $(lake) -m pytest -s tests/handbook

lint: ## format, lint, types, import contract
	$(setup) lake hot --dev
	@.venv/bin/python -m ruff format --check .
	@.venv/bin/python -m ruff check .
	@.venv/bin/python -m mypy --strict pipelines jobs
	@.venv/bin/lint-imports

check: lint test ## what CI runs

lock: ## resolve the requirement files again, within the bounds of pyproject.toml
	@$(python) -m venv run/uv && run/uv/bin/python -m pip install -q uv==0.13.9
	@for each in "hot --group hot" "lake --group lake" \
	  "hot-store --group hot --group store -c conf/requirements/hot.txt" "hot-dev --group hot --group store --group test" \
	  "lake-store --group lake --group store -c conf/requirements/lake.txt" \
	  "notebooks --group lake --group notebooks -c conf/requirements/lake.txt" "lake-dev --group lake --group store --group test --group object-store --group compose --group browser --group lint"; do \
	  set -- $$each; name=$$1; shift; $(compile) pyproject.toml "$$@" -o conf/requirements/$$name.txt || exit; done
	@$(compile) conf/requirements/jre.in -o conf/requirements/jre.txt
	@rm -rf run/uv
compile = run/uv/bin/uv pip compile -q --python-version 3.11 --universal --generate-hashes --no-emit-index-url \
  --no-annotate --no-header

clean: ## remove what runs have written; environments and jars stay
	@if ls run/*/pids.json >/dev/null 2>&1; then \
	  echo "clean: a run is active or was killed: stop it, or start it once more so that it tidies up" >&2; exit 1; fi
	@rm -rf run .pytest_cache .mypy_cache .ruff_cache .import_linter_cache spark-warehouse metastore_db derby.log
