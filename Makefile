# Two commands for a newcomer: `make demo` and `make test`; each does all its own set-up. `make drill` takes back a bad release,
# `make deploy-check` holds the chart and all else under deploy/ against what it must keep to, `make cluster` rehearses several machines.
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
.PHONY: demo drill test bench setup check deploy-check cluster
.DELETE_ON_ERROR:

demo: setup
	./hillock demo

drill: setup
	./hillock drill

test: setup
	node test/run.ts

bench: setup
	node bench/run.ts
	node bench/layouts.ts
	node bench/formats.ts
	node bench/kernels.ts
	node bench/seams.ts
	node bench/skeletons.ts

check: setup
	npm run --silent check

deploy-check: node_modules/.installed
	node deploy/check.ts

cluster: setup
	node deploy/cluster/main.ts

setup: node_modules/.installed dist/viewer/index.html
	@node worker/temporal-cli.ts

node_modules/.installed: package-lock.json
	npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

dist/viewer/index.html: node_modules/.installed $(wildcard serving/viewer/*)
	vite build --config serving/viewer/vite.config.ts --logLevel warn
	@touch $@
