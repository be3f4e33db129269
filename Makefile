# Sluice: every command installs what it misses first, and says so.
.PHONY: help start verify test check format bench clean

help: ## print this list
	@awk -F ': ## ' '/^[a-z]+: ## / { printf "make %-7s %s\n", $$1, $$2 }' Makefile

start: ## run Sluice in the foreground; Ctrl-C stops it
	@exec sh docker/run.sh start bun src/main.ts

verify: ## compare what is stored of videos with what is written down; ARGS="--checksums --repair" reads all, mends all
	@exec sh docker/run.sh check bun src/verify.ts $(ARGS)

test: ## run all checks and tests
	@exec sh docker/run.sh test bun tests/run.ts

check: ## format, lint, types, import rules: what an editor would show
	@exec sh docker/run.sh check bun tests/check.ts

format: ## mend what the format and lint checks can mend by themselves
	@exec sh docker/run.sh check bun node_modules/.bin/biome check --write

bench: ## run the benchmarks and print a table
	@exec sh docker/run.sh test bun tests/bench/bench.ts

clean: ## remove the installed packages; the data and the cache outside of this folder stay
	rm -rf node_modules coverage
