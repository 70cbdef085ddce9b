# Unit tests, layer by layer; each program is one module's or one group's.
# UNIT_LIBS goes last in every program's LDADD.
UNIT_LIBS = $(CHECK_LIBS)
EXTRA_DIST += tests/check_once.h
# For those that compare a document with the table it is made from (doc_compare.h).
DOC_COMPARE = tests/unit/doc_compare.c tests/unit/doc_compare.h
DOC_CFLAGS = -DTOP_SRCDIR='"$(abs_top_srcdir)"'
include tests/unit/base.mk
include tests/unit/mlp.mk
include tests/unit/data.mk
include tests/unit/store.mk
include tests/unit/jobs.mk
include tests/unit/net.mk
include tests/unit/http.mk
include tests/unit/faults.mk

# For scripts/test: all tests; all programs; which are unit tests; which of the learning core's
# depend on how products are made; and which run more than one thread.
print-tests:
	@echo $(TESTS)
print-programs:
	@echo $(check_PROGRAMS)
print-unit-tests:
	@echo $(filter tests/unit/%,$(check_PROGRAMS))
print-product-tests:
	@echo $(addprefix tests/unit/check_mlp_,batches cost ends gemm golden gradient norm predict resume \
		stages threads train trajectories)
ALONE = $(addprefix tests/unit/check_,mlp% csv% reader% cell datetime sketch schema dataset \
	dataset_% encoder% split config% preset resolve% judge% decide curve runner_resume \
	store_power store_faults store_models store_upkeep store_recover store_memory) \
	$(addprefix tests/api/api_,examples lessons embedding prepare)
print-threaded-tests:
	@echo $(filter-out scripts/% tests/fuzz/% tests/crash/% $(ALONE),$(TESTS)) \
		$(addprefix tests/unit/check_mlp_,batches resume threads)
.PHONY: print-tests print-programs print-unit-tests print-product-tests print-threaded-tests
