# churnmetrics: build with PGXS. `make PG_CONFIG=/path/to/pg_config` picks the server.
EXTENSION = churnmetrics
EXTVERSION = 0.4.0
# Versions before, oldest first: each has an install script and an upgrade script to this one.
OLDER = 0.1.0 0.2.0 0.3.0
MODULE_big = churnmetrics

# One topic = one file in src, sql/parts, test/sql, expected and docs.
TOPICS = formulas surveys health policy ledger rates movements cohorts evidence reasons renewals winbacks alarm sources $(ESTIMATORS)
# Those that estimate: intervals, models, tests.
ESTIMATORS = intervals experiments survival lifetime sbg anomalies scores logit rfm gamma_gamma btyd
# Topics in SQL alone: the billing systems, and the views over them.
SQL_TOPICS = stripe stripe_fivetran killbill lago chargebee recurly views
SUPPORT = checks money rows state scan canonical periods oneperiod history sweep report numerics optimise tally model
OBJS = $(patsubst %,src/%.o,$(TOPICS) $(SUPPORT))
PARTS = $(patsubst %,sql/parts/%.sql,$(TOPICS) $(SQL_TOPICS))

SCRIPT = sql/$(EXTENSION)--$(EXTVERSION).sql
DATA_built = $(SCRIPT) $(foreach v,$(OLDER),sql/$(EXTENSION)--$(v).sql sql/$(EXTENSION)--$(v)--$(EXTVERSION).sql)
REGRESS = $(patsubst test/sql/%.sql,%,$(wildcard test/sql/*.sql))
REGRESS_OPTS = --inputdir=test --load-extension=churnmetrics
EXTRA_CLEAN = results

PG_CONFIG ?= pg_config
# The server's headers as system headers: -Wall -Wextra then speaks of this code only.
PG_CPPFLAGS = -isystem $(shell $(PG_CONFIG) --includedir-server)
PG_CFLAGS = -Wall -Wextra
# Our functions call each other, not what a library loaded before happens to call by the same name.
ifneq ($(shell uname -s),Darwin)
SHLIB_LINK = -Wl,-Bsymbolic
endif
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

$(OBJS): $(wildcard src/*.h)

$(DATA_built): $(PARTS) sql/expand.awk
$(SCRIPT):
	awk -f sql/expand.awk $(PARTS) > $@
sql/$(EXTENSION)--%--$(EXTVERSION).sql:
	awk -v from=$* -f sql/expand.awk $(PARTS) > $@
sql/$(EXTENSION)--%.sql:
	awk -v to=$* -f sql/expand.awk $(PARTS) > $@

.PHONY: test demo bench acceptance
test demo:
	bash test/$(if $(filter demo,$@),demo,run).sh
bench:
	bash test/bench/bench.sh
acceptance:
	bash test/acceptance.sh "$(DATA)"
