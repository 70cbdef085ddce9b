# End-to-end tests: check and libcurl against the real daemon on a free port. With
# BAD_INPUT_TABLE=FILE in the environment they also write what the daemon answered to each bad
# input, as rows of a Markdown table.
API_CHECKS = \
	tests/api/api_bad_data \
	tests/api/api_bad_input \
	tests/api/api_bad_rows \
	tests/api/api_bad_shapes \
	tests/api/api_bad_tables \
	tests/api/api_bad_targets \
	tests/api/api_contract \
	tests/api/api_contract_answers \
	tests/api/api_datasets \
	tests/api/api_examples \
	tests/api/api_embedding \
	tests/api/api_formats \
	tests/api/api_full_disk \
	tests/api/api_headers \
	tests/api/api_names \
	tests/api/api_garbage \
	tests/api/api_lessons \
	tests/api/api_looks \
	tests/api/api_predict \
	tests/api/api_prepare \
	tests/api/api_queue \
	tests/api/api_restart \
	tests/api/api_schema \
	tests/api/api_start \
	tests/api/api_survive \
	tests/api/api_train \
	tests/api/api_upkeep

check_PROGRAMS += $(API_CHECKS)
TESTS          += $(API_CHECKS)

check_LIBRARIES = tests/api/libapi.a
tests_api_libapi_a_SOURCES = \
	tests/api/bodies.c tests/api/bodies.h \
	tests/api/client.c tests/api/client.h \
	tests/api/harness.c tests/api/harness_keep.c tests/api/harness.h \
	tests/api/schema.c tests/api/schema.h \
	tests/api/table.c tests/api/table.h \
	tests/api/work.c tests/api/work.h
API_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS) $(JANSSON_CFLAGS) $(CHECK_CFLAGS) \
	-DTOP_SRCDIR='"$(abs_top_srcdir)"'
API_LIBS   = tests/api/libapi.a $(CURL_LIBS) $(JANSSON_LIBS) $(CHECK_LIBS) $(ZLIB_LIBS)
tests_api_libapi_a_CFLAGS = $(API_CFLAGS) $(ZLIB_CFLAGS)

tests_api_api_bad_data_SOURCES = tests/api/api_bad_data.c
tests_api_api_bad_data_CFLAGS  = $(API_CFLAGS)
tests_api_api_bad_data_LDADD   = $(API_LIBS)
tests_api_api_bad_tables_SOURCES = tests/api/api_bad_tables.c tests/golden/npy_golden.h
tests_api_api_bad_tables_CFLAGS  = $(API_CFLAGS)
tests_api_api_bad_tables_LDADD   = $(API_LIBS)
tests_api_api_bad_targets_SOURCES = tests/api/api_bad_targets.c tests/golden/npy_golden.h
tests_api_api_bad_targets_CFLAGS  = $(API_CFLAGS)
tests_api_api_bad_targets_LDADD   = $(API_LIBS)
tests_api_api_bad_shapes_SOURCES = tests/api/api_bad_shapes.c tests/golden/npy_golden.h
tests_api_api_bad_shapes_CFLAGS  = $(API_CFLAGS)
tests_api_api_bad_shapes_LDADD   = $(API_LIBS)
tests_api_api_bad_rows_SOURCES = tests/api/api_bad_rows.c
tests_api_api_bad_rows_CFLAGS  = $(API_CFLAGS)
tests_api_api_bad_rows_LDADD   = $(API_LIBS)
tests_api_api_bad_input_SOURCES = tests/api/api_bad_input.c
tests_api_api_bad_input_CFLAGS  = $(API_CFLAGS)
tests_api_api_bad_input_LDADD   = $(API_LIBS)
tests_api_api_contract_SOURCES = tests/api/api_contract.c tests/api/contract_world.h
tests_api_api_contract_CFLAGS  = $(API_CFLAGS)
tests_api_api_contract_LDADD   = $(API_LIBS)
tests_api_api_contract_answers_SOURCES = tests/api/api_contract_answers.c tests/api/contract_world.h
tests_api_api_contract_answers_CFLAGS  = $(API_CFLAGS)
tests_api_api_contract_answers_LDADD   = $(API_LIBS)
tests_api_api_datasets_SOURCES = tests/api/api_datasets.c
tests_api_api_datasets_CFLAGS  = $(API_CFLAGS)
tests_api_api_datasets_LDADD   = $(API_LIBS)
tests_api_api_examples_SOURCES = tests/api/api_examples.c
tests_api_api_examples_CFLAGS  = $(API_CFLAGS)
tests_api_api_examples_LDADD   = $(API_LIBS)
tests_api_api_formats_SOURCES = tests/api/api_formats.c tests/golden/npy_golden.h
tests_api_api_formats_CFLAGS  = $(API_CFLAGS)
tests_api_api_formats_LDADD   = $(API_LIBS)
tests_api_api_looks_SOURCES = tests/api/api_looks.c
tests_api_api_looks_CFLAGS  = $(API_CFLAGS)
tests_api_api_looks_LDADD   = $(API_LIBS)
tests_api_api_lessons_SOURCES = tests/api/api_lessons.c
tests_api_api_lessons_CFLAGS  = $(API_CFLAGS)
tests_api_api_lessons_LDADD   = $(API_LIBS)
tests_api_api_full_disk_SOURCES = tests/api/api_full_disk.c
tests_api_api_full_disk_CFLAGS  = $(API_CFLAGS)
tests_api_api_full_disk_LDADD   = $(API_LIBS)
tests_api_api_headers_SOURCES = tests/api/api_headers.c
tests_api_api_headers_CFLAGS  = $(API_CFLAGS)
tests_api_api_headers_LDADD   = $(API_LIBS)
tests_api_api_names_SOURCES = tests/api/api_names.c
tests_api_api_names_CFLAGS  = $(API_CFLAGS)
tests_api_api_names_LDADD   = $(API_LIBS)
tests_api_api_embedding_SOURCES = tests/api/api_embedding.c
tests_api_api_embedding_CFLAGS  = $(API_CFLAGS)
tests_api_api_embedding_LDADD   = $(API_LIBS)
tests_api_api_predict_SOURCES = tests/api/api_predict.c
tests_api_api_predict_CFLAGS  = $(API_CFLAGS)
tests_api_api_predict_LDADD   = $(API_LIBS)
tests_api_api_prepare_SOURCES = tests/api/api_prepare.c
tests_api_api_prepare_CFLAGS  = $(API_CFLAGS)
tests_api_api_prepare_LDADD   = $(API_LIBS)
tests_api_api_queue_SOURCES = tests/api/api_queue.c
tests_api_api_queue_CFLAGS  = $(API_CFLAGS)
tests_api_api_queue_LDADD   = $(API_LIBS)
tests_api_api_restart_SOURCES = tests/api/api_restart.c
tests_api_api_restart_CFLAGS  = $(API_CFLAGS)
tests_api_api_restart_LDADD   = $(API_LIBS)
tests_api_api_schema_SOURCES = tests/api/api_schema.c
tests_api_api_schema_CFLAGS  = $(API_CFLAGS)
tests_api_api_schema_LDADD   = $(API_LIBS)
tests_api_api_start_SOURCES = tests/api/api_start.c
tests_api_api_start_CFLAGS  = $(API_CFLAGS)
tests_api_api_start_LDADD   = $(API_LIBS)
tests_api_api_survive_SOURCES = tests/api/api_survive.c
tests_api_api_survive_CFLAGS  = $(API_CFLAGS)
tests_api_api_survive_LDADD   = $(API_LIBS)
tests_api_api_train_SOURCES = tests/api/api_train.c
tests_api_api_train_CFLAGS  = $(API_CFLAGS)
tests_api_api_train_LDADD   = $(API_LIBS)
# These look into the database.
tests_api_api_garbage_SOURCES = tests/api/api_garbage.c tests/api/state.c tests/api/state.h
tests_api_api_garbage_CFLAGS  = $(API_CFLAGS) $(SQLITE_CFLAGS)
tests_api_api_garbage_LDADD   = $(API_LIBS) $(SQLITE_LIBS)
tests_api_api_upkeep_SOURCES = tests/api/api_upkeep.c tests/api/state.c tests/api/state.h
tests_api_api_upkeep_CFLAGS  = $(API_CFLAGS) $(SQLITE_CFLAGS)
tests_api_api_upkeep_LDADD   = $(API_LIBS) $(SQLITE_LIBS)
include tests/api/listen.mk
include tests/api/access.mk
include tests/api/ops.mk
include tests/api/metrics.mk
include tests/api/fetch.mk
include tests/api/webhooks.mk
include tests/api/load.mk
