# unit tests of jobs: the way in here, the work in jobs_run.mk
JOBS_LIBS = libjobs.a libnet.a libstore.a libdata.a libmlpcore.la libbase.a \
	$(CURL_LIBS) $(JANSSON_LIBS) $(SQLITE_LIBS) $(CSV_LIBS) $(ZLIB_LIBS) $(SODIUM_LIBS) $(UNIT_LIBS)
JOBS_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/unit
JOBS_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS) $(SODIUM_CFLAGS)

JOBS_IN_CHECKS = \
	tests/unit/check_admit \
	tests/unit/check_config \
	tests/unit/check_config_docs \
	tests/unit/check_config_keys \
	tests/unit/check_job_tables \
	tests/unit/check_dataset_faults \
	tests/unit/check_datasets \
	tests/unit/check_inline \
	tests/unit/check_json \
	tests/unit/check_preset \
	tests/unit/check_resolve \
	tests/unit/check_resolve_data \
	tests/unit/check_resolve_names \
	tests/unit/check_submit \
	tests/unit/check_submit_again \
	tests/unit/check_team \
	tests/unit/check_fetch \
	tests/unit/check_fetch_wish \
	tests/unit/check_webhook \
	tests/unit/check_webhook_message
check_PROGRAMS += $(JOBS_IN_CHECKS)
TESTS += $(JOBS_IN_CHECKS)

tests_unit_check_admit_SOURCES = tests/unit/check_admit.c tests/unit/jobs_in_help.h
tests_unit_check_admit_CPPFLAGS = $(JOBS_CPPFLAGS)
tests_unit_check_admit_CFLAGS = $(JOBS_CFLAGS)
tests_unit_check_admit_LDADD = $(JOBS_LIBS)

tests_unit_check_config_SOURCES = tests/unit/check_config.c tests/unit/jobs_in_help.h
tests_unit_check_config_CPPFLAGS = $(JOBS_CPPFLAGS)
tests_unit_check_config_CFLAGS = $(JOBS_CFLAGS)
tests_unit_check_config_LDADD = $(JOBS_LIBS)

tests_unit_check_config_docs_SOURCES = tests/unit/check_config_docs.c \
	tests/unit/jobs_in_help.h $(DOC_COMPARE)
tests_unit_check_config_docs_CPPFLAGS = $(JOBS_CPPFLAGS)
tests_unit_check_config_docs_CFLAGS = $(JOBS_CFLAGS) $(DOC_CFLAGS)
tests_unit_check_config_docs_LDADD = $(JOBS_LIBS)

tests_unit_check_job_tables_SOURCES = tests/unit/check_job_tables.c tests/unit/jobs_in_help.h
tests_unit_check_job_tables_CPPFLAGS = $(JOBS_CPPFLAGS)
tests_unit_check_job_tables_CFLAGS = $(JOBS_CFLAGS)
tests_unit_check_job_tables_LDADD = $(JOBS_LIBS)

tests_unit_check_config_keys_SOURCES = tests/unit/check_config_keys.c tests/unit/jobs_in_help.h
tests_unit_check_config_keys_CPPFLAGS = $(JOBS_CPPFLAGS)
tests_unit_check_config_keys_CFLAGS = $(JOBS_CFLAGS)
tests_unit_check_config_keys_LDADD = $(JOBS_LIBS)

tests_unit_check_dataset_faults_SOURCES = tests/unit/check_dataset_faults.c \
	tests/unit/jobs_in_help.h tests/unit/file_faults.c tests/unit/file_faults.h
tests_unit_check_dataset_faults_CPPFLAGS = $(JOBS_CPPFLAGS)
tests_unit_check_dataset_faults_CFLAGS = $(JOBS_CFLAGS)
tests_unit_check_dataset_faults_LDADD = $(JOBS_LIBS)

tests_unit_check_datasets_SOURCES = tests/unit/check_datasets.c tests/unit/jobs_in_help.h
tests_unit_check_datasets_CPPFLAGS = $(JOBS_CPPFLAGS)
tests_unit_check_datasets_CFLAGS = $(JOBS_CFLAGS)
tests_unit_check_datasets_LDADD = $(JOBS_LIBS)

tests_unit_check_inline_SOURCES = tests/unit/check_inline.c tests/unit/jobs_in_help.h
tests_unit_check_inline_CPPFLAGS = $(JOBS_CPPFLAGS)
tests_unit_check_inline_CFLAGS = $(JOBS_CFLAGS)
tests_unit_check_inline_LDADD = $(JOBS_LIBS)

tests_unit_check_json_SOURCES = tests/unit/check_json.c tests/unit/jobs_in_help.h
tests_unit_check_json_CPPFLAGS = $(JOBS_CPPFLAGS)
tests_unit_check_json_CFLAGS = $(JOBS_CFLAGS)
tests_unit_check_json_LDADD = $(JOBS_LIBS)

tests_unit_check_preset_SOURCES = tests/unit/check_preset.c \
	tests/unit/resolve_help.h tests/unit/jobs_in_help.h
tests_unit_check_preset_CPPFLAGS = $(JOBS_CPPFLAGS)
tests_unit_check_preset_CFLAGS = $(JOBS_CFLAGS)
tests_unit_check_preset_LDADD = $(JOBS_LIBS)

tests_unit_check_resolve_SOURCES = tests/unit/check_resolve.c \
	tests/unit/resolve_help.h tests/unit/jobs_in_help.h
tests_unit_check_resolve_CPPFLAGS = $(JOBS_CPPFLAGS)
tests_unit_check_resolve_CFLAGS = $(JOBS_CFLAGS)
tests_unit_check_resolve_LDADD = $(JOBS_LIBS)

tests_unit_check_resolve_data_SOURCES = tests/unit/check_resolve_data.c \
	tests/unit/resolve_help.h tests/unit/jobs_in_help.h
tests_unit_check_resolve_data_CPPFLAGS = $(JOBS_CPPFLAGS)
tests_unit_check_resolve_data_CFLAGS = $(JOBS_CFLAGS)
tests_unit_check_resolve_data_LDADD = $(JOBS_LIBS)

tests_unit_check_resolve_names_SOURCES = tests/unit/check_resolve_names.c \
	tests/unit/resolve_help.h tests/unit/jobs_in_help.h
tests_unit_check_resolve_names_CPPFLAGS = $(JOBS_CPPFLAGS)
tests_unit_check_resolve_names_CFLAGS = $(JOBS_CFLAGS)
tests_unit_check_resolve_names_LDADD = $(JOBS_LIBS)

tests_unit_check_submit_SOURCES = tests/unit/check_submit.c \
	tests/unit/submit_help.h tests/unit/jobs_in_help.h
tests_unit_check_submit_CPPFLAGS = $(JOBS_CPPFLAGS)
tests_unit_check_submit_CFLAGS = $(JOBS_CFLAGS)
tests_unit_check_submit_LDADD = $(JOBS_LIBS)

tests_unit_check_submit_again_SOURCES = tests/unit/check_submit_again.c \
	tests/unit/submit_help.h tests/unit/jobs_in_help.h
tests_unit_check_submit_again_CPPFLAGS = $(JOBS_CPPFLAGS)
tests_unit_check_submit_again_CFLAGS = $(JOBS_CFLAGS)
tests_unit_check_submit_again_LDADD = $(JOBS_LIBS)

tests_unit_check_team_SOURCES = tests/unit/check_team.c tests/unit/jobs_in_help.h
tests_unit_check_team_CPPFLAGS = $(JOBS_CPPFLAGS)
tests_unit_check_team_CFLAGS = $(JOBS_CFLAGS)
tests_unit_check_team_LDADD = $(JOBS_LIBS)

tests_unit_check_fetch_SOURCES = tests/unit/check_fetch.c $(NET_HELP)
tests_unit_check_fetch_CPPFLAGS = $(JOBS_CPPFLAGS)
tests_unit_check_fetch_CFLAGS = $(JOBS_CFLAGS)
tests_unit_check_fetch_LDADD = $(JOBS_LIBS)

tests_unit_check_fetch_wish_SOURCES = tests/unit/check_fetch_wish.c
tests_unit_check_fetch_wish_CPPFLAGS = $(JOBS_CPPFLAGS)
tests_unit_check_fetch_wish_CFLAGS = $(JOBS_CFLAGS)
tests_unit_check_fetch_wish_LDADD = $(JOBS_LIBS)

tests_unit_check_webhook_SOURCES = tests/unit/check_webhook.c $(NET_HELP)
tests_unit_check_webhook_CPPFLAGS = $(JOBS_CPPFLAGS)
tests_unit_check_webhook_CFLAGS = $(JOBS_CFLAGS)
tests_unit_check_webhook_LDADD = $(JOBS_LIBS)

tests_unit_check_webhook_message_SOURCES = tests/unit/check_webhook_message.c
tests_unit_check_webhook_message_CPPFLAGS = $(JOBS_CPPFLAGS)
tests_unit_check_webhook_message_CFLAGS = $(JOBS_CFLAGS)
tests_unit_check_webhook_message_LDADD = $(JOBS_LIBS)

include tests/unit/jobs_run.mk
