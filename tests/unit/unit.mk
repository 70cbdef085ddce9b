# Unit tests, layer by layer; each program is one module's or one group's.
# UNIT_LIBS goes last in every program's LDADD.
UNIT_LIBS = $(CHECK_LIBS)
include tests/unit/base.mk
include tests/unit/mlp.mk
include tests/unit/data.mk
include tests/unit/store.mk
include tests/unit/jobs.mk
include tests/unit/net.mk
include tests/unit/http.mk
include tests/unit/faults.mk

# For scripts/test: which programs are unit tests, and which are the learning core's.
print-unit-tests:
	@echo $(filter tests/unit/%,$(check_PROGRAMS))
print-mlp-tests:
	@echo $(filter tests/unit/check_mlp%,$(check_PROGRAMS))
.PHONY: print-unit-tests print-mlp-tests
