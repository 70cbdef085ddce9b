# Fuzz targets: everything that strangers' bytes reach. `make check` replays what their corpora
# keep; configured with --enable-fuzzing, `make fuzz-targets` links an engine that looks for more
# (scripts/fuzz does both and runs it).
FUZZ_TARGETS = \
	tests/fuzz/fuzz_address \
	tests/fuzz/fuzz_checkpoint \
	tests/fuzz/fuzz_config \
	tests/fuzz/fuzz_csv \
	tests/fuzz/fuzz_dataset \
	tests/fuzz/fuzz_guard \
	tests/fuzz/fuzz_gunzip \
	tests/fuzz/fuzz_job \
	tests/fuzz/fuzz_json \
	tests/fuzz/fuzz_model \
	tests/fuzz/fuzz_request \
	tests/fuzz/fuzz_rows \
	tests/fuzz/fuzz_tokens

FUZZ_COMMON = tests/fuzz/fuzz.c tests/fuzz/fuzz.h
if FUZZING
EXTRA_PROGRAMS += $(FUZZ_TARGETS)
FUZZ_LINK = $(AM_LDFLAGS) $(LIB_FUZZING_ENGINE)
else
FUZZ_COMMON += tests/fuzz/replay.c
check_PROGRAMS += $(FUZZ_TARGETS)
TESTS += $(FUZZ_TARGETS)
FUZZ_LINK = $(AM_LDFLAGS)
endif

fuzz-targets: $(FUZZ_TARGETS)
print-fuzz-targets:
	@echo $(FUZZ_TARGETS)
.PHONY: fuzz-targets print-fuzz-targets
CLEANFILES += $(FUZZ_TARGETS)
EXTRA_DIST += scripts/fuzz tests/fuzz/corpus tests/fuzz/dict

FUZZ_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/fuzz
FUZZ_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(SODIUM_CFLAGS) $(CURL_CFLAGS) $(ZLIB_CFLAGS)
FUZZ_DATA_LIBS = libdata.a libbase.a $(CSV_LIBS) $(JANSSON_LIBS) $(SODIUM_LIBS)
FUZZ_JOBS_LIBS = libjobs.a libnet.a libstore.a libdata.a libmlpcore.la libbase.a \
	$(CURL_LIBS) $(JANSSON_LIBS) $(SQLITE_LIBS) $(CSV_LIBS) $(SODIUM_LIBS)
FUZZ_HTTP_LIBS = libhttp.a libpage.a $(FUZZ_JOBS_LIBS) \
	$(MICROHTTPD_LIBS) $(GNUTLS_LIBS) $(ZLIB_LIBS)

tests_fuzz_fuzz_address_SOURCES = tests/fuzz/fuzz_address.c $(FUZZ_COMMON)
tests_fuzz_fuzz_address_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_address_CFLAGS = $(FUZZ_CFLAGS)
tests_fuzz_fuzz_address_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_address_LDADD = libnet.a $(CURL_LIBS) $(FUZZ_DATA_LIBS)

tests_fuzz_fuzz_config_SOURCES = tests/fuzz/fuzz_config.c $(FUZZ_COMMON) \
	src/mlpd/options.c src/mlpd/options.h src/mlpd/options.def \
	src/mlpd/options_listen.c src/mlpd/options_print.c \
	src/mlpd/options_values.c src/mlpd/options_priv.h \
	src/mlpd/config_file.c src/mlpd/config_file.h \
	src/mlpd/state.c src/mlpd/state.h
tests_fuzz_fuzz_config_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_config_CFLAGS = $(FUZZ_CFLAGS)
tests_fuzz_fuzz_config_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_config_LDADD = $(FUZZ_DATA_LIBS)

tests_fuzz_fuzz_csv_SOURCES = tests/fuzz/fuzz_csv.c $(FUZZ_COMMON)
tests_fuzz_fuzz_csv_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_csv_CFLAGS = $(FUZZ_CFLAGS)
tests_fuzz_fuzz_csv_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_csv_LDADD = $(FUZZ_DATA_LIBS)

tests_fuzz_fuzz_dataset_SOURCES = tests/fuzz/fuzz_dataset.c $(FUZZ_COMMON)
tests_fuzz_fuzz_dataset_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_dataset_CFLAGS = $(FUZZ_CFLAGS)
tests_fuzz_fuzz_dataset_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_dataset_LDADD = $(FUZZ_DATA_LIBS)

tests_fuzz_fuzz_guard_SOURCES = tests/fuzz/fuzz_guard.c $(FUZZ_COMMON)
tests_fuzz_fuzz_guard_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_guard_CFLAGS = $(FUZZ_CFLAGS)
tests_fuzz_fuzz_guard_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_guard_LDADD = $(FUZZ_HTTP_LIBS)

tests_fuzz_fuzz_gunzip_SOURCES = tests/fuzz/fuzz_gunzip.c $(FUZZ_COMMON)
tests_fuzz_fuzz_gunzip_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_gunzip_CFLAGS = $(FUZZ_CFLAGS)
tests_fuzz_fuzz_gunzip_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_gunzip_LDADD = $(FUZZ_HTTP_LIBS)

tests_fuzz_fuzz_job_SOURCES = tests/fuzz/fuzz_job.c $(FUZZ_COMMON)
tests_fuzz_fuzz_job_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_job_CFLAGS = $(FUZZ_CFLAGS)
tests_fuzz_fuzz_job_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_job_LDADD = $(FUZZ_JOBS_LIBS)

tests_fuzz_fuzz_json_SOURCES = tests/fuzz/fuzz_json.c $(FUZZ_COMMON)
tests_fuzz_fuzz_json_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_json_CFLAGS = $(FUZZ_CFLAGS)
tests_fuzz_fuzz_json_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_json_LDADD = $(FUZZ_JOBS_LIBS)

tests_fuzz_fuzz_request_SOURCES = tests/fuzz/fuzz_request.c $(FUZZ_COMMON)
tests_fuzz_fuzz_request_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_request_CFLAGS = $(FUZZ_CFLAGS)
tests_fuzz_fuzz_request_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_request_LDADD = $(FUZZ_HTTP_LIBS)

tests_fuzz_fuzz_rows_SOURCES = tests/fuzz/fuzz_rows.c $(FUZZ_COMMON)
tests_fuzz_fuzz_rows_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_rows_CFLAGS = $(FUZZ_CFLAGS)
tests_fuzz_fuzz_rows_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_rows_LDADD = $(FUZZ_HTTP_LIBS)

tests_fuzz_fuzz_tokens_SOURCES = tests/fuzz/fuzz_tokens.c $(FUZZ_COMMON)
tests_fuzz_fuzz_tokens_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_tokens_CFLAGS = $(FUZZ_CFLAGS)
tests_fuzz_fuzz_tokens_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_tokens_LDADD = $(FUZZ_HTTP_LIBS)

tests_fuzz_fuzz_checkpoint_SOURCES = tests/fuzz/fuzz_checkpoint.c tests/fuzz/trainer.h $(FUZZ_COMMON)
tests_fuzz_fuzz_checkpoint_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_checkpoint_CFLAGS = $(FUZZ_CFLAGS)
tests_fuzz_fuzz_checkpoint_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_checkpoint_LDADD = $(FUZZ_JOBS_LIBS)

tests_fuzz_fuzz_model_SOURCES = tests/fuzz/fuzz_model.c $(FUZZ_COMMON)
tests_fuzz_fuzz_model_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_model_CFLAGS = $(FUZZ_CFLAGS)
tests_fuzz_fuzz_model_LDFLAGS = $(FUZZ_LINK)
tests_fuzz_fuzz_model_LDADD = $(FUZZ_JOBS_LIBS)

# The seeds that cannot be typed; see there.
EXTRA_PROGRAMS += tests/fuzz/seeds
CLEANFILES += tests/fuzz/seeds
tests_fuzz_seeds_SOURCES = tests/fuzz/seeds.c tests/fuzz/trainer.h tests/fuzz/fuzz.c tests/fuzz/fuzz.h
tests_fuzz_seeds_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_seeds_CFLAGS = $(FUZZ_CFLAGS)
tests_fuzz_seeds_LDADD = $(FUZZ_JOBS_LIBS)
