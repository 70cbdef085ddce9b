# Fuzz targets: everything that strangers' bytes reach. `make check` replays what their corpora
# keep; configured with --enable-fuzzing, `make fuzz-targets` links an engine that looks for more
# (scripts/fuzz does both and runs it). A target is tests/fuzz/NAME.c, a line here and its LDADD.
FUZZ_TARGETS = \
	tests/fuzz/fuzz_address \
	tests/fuzz/fuzz_arff \
	tests/fuzz/fuzz_checkpoint \
	tests/fuzz/fuzz_config \
	tests/fuzz/fuzz_csv \
	tests/fuzz/fuzz_dataset \
	tests/fuzz/fuzz_guard \
	tests/fuzz/fuzz_gunzip \
	tests/fuzz/fuzz_idx \
	tests/fuzz/fuzz_job \
	tests/fuzz/fuzz_json \
	tests/fuzz/fuzz_libsvm \
	tests/fuzz/fuzz_kernels \
	tests/fuzz/fuzz_model \
	tests/fuzz/fuzz_multipart \
	tests/fuzz/fuzz_ndjson \
	tests/fuzz/fuzz_npy \
	tests/fuzz/fuzz_npz \
	tests/fuzz/fuzz_request \
	tests/fuzz/fuzz_rows \
	tests/fuzz/fuzz_tokens

# What they share; the driver's main comes from it where no engine brings its own.
check_LIBRARIES += tests/fuzz/libfuzz.a
tests_fuzz_libfuzz_a_SOURCES = tests/fuzz/fuzz.c tests/fuzz/fuzz.h tests/fuzz/table.h tests/fuzz/trainer.h
if FUZZING
EXTRA_PROGRAMS += $(FUZZ_TARGETS)
FUZZ_ENGINE = $(LIB_FUZZING_ENGINE)
else
tests_fuzz_libfuzz_a_SOURCES += tests/fuzz/replay.c
check_PROGRAMS += $(FUZZ_TARGETS)
TESTS += $(FUZZ_TARGETS)
endif

fuzz-targets: $(FUZZ_TARGETS)
print-fuzz-targets:
	@echo $(FUZZ_TARGETS)
.PHONY: fuzz-targets print-fuzz-targets
CLEANFILES += $(FUZZ_TARGETS)
EXTRA_DIST += scripts/fuzz tests/fuzz/corpus tests/fuzz/dict

# All of one folder are compiled alike.
tests/fuzz/%.$(OBJEXT): AM_CFLAGS += \
	$(JANSSON_CFLAGS) $(SODIUM_CFLAGS) $(CURL_CFLAGS) $(MICROHTTPD_CFLAGS) $(ZLIB_CFLAGS)
FUZZ_DATA_LIBS = tests/fuzz/libfuzz.a libdata.a libbase.a \
	$(CSV_LIBS) $(ZLIB_LIBS) $(JANSSON_LIBS) $(SODIUM_LIBS) $(FUZZ_ENGINE)
FUZZ_JOBS_LIBS = tests/fuzz/libfuzz.a libjobs.a libnet.a libstore.a libdata.a libmlpcore.la libbase.a \
	$(CURL_LIBS) $(JANSSON_LIBS) $(SQLITE_LIBS) $(CSV_LIBS) $(ZLIB_LIBS) $(SODIUM_LIBS) $(FUZZ_ENGINE)
FUZZ_HTTP_LIBS = libhttp.a libpage.a $(FUZZ_JOBS_LIBS) $(MICROHTTPD_LIBS) $(GNUTLS_LIBS)

tests_fuzz_fuzz_config_SOURCES = tests/fuzz/fuzz_config.c $(OPTIONS_SOURCES) \
	src/mlpd/state.c src/mlpd/state.h

tests_fuzz_fuzz_address_LDADD = libnet.a $(CURL_LIBS) $(FUZZ_DATA_LIBS)
tests_fuzz_fuzz_checkpoint_LDADD = $(FUZZ_JOBS_LIBS)
tests_fuzz_fuzz_config_LDADD = libnet.a $(FUZZ_DATA_LIBS)
tests_fuzz_fuzz_csv_LDADD = $(FUZZ_DATA_LIBS)
tests_fuzz_fuzz_dataset_LDADD = $(FUZZ_DATA_LIBS)
tests_fuzz_fuzz_guard_LDADD = $(FUZZ_HTTP_LIBS)
tests_fuzz_fuzz_gunzip_LDADD = $(FUZZ_HTTP_LIBS)
tests_fuzz_fuzz_job_LDADD = $(FUZZ_JOBS_LIBS)
tests_fuzz_fuzz_json_LDADD = $(FUZZ_JOBS_LIBS)
tests_fuzz_fuzz_kernels_LDADD = libmlpcore.la $(FUZZ_DATA_LIBS) -lm
tests_fuzz_fuzz_model_LDADD = $(FUZZ_JOBS_LIBS)
tests_fuzz_fuzz_request_LDADD = $(FUZZ_HTTP_LIBS)
tests_fuzz_fuzz_arff_LDADD = $(FUZZ_DATA_LIBS)
tests_fuzz_fuzz_idx_LDADD = $(FUZZ_DATA_LIBS)
tests_fuzz_fuzz_libsvm_LDADD = $(FUZZ_DATA_LIBS)
tests_fuzz_fuzz_ndjson_LDADD = $(FUZZ_DATA_LIBS)
tests_fuzz_fuzz_npy_LDADD = $(FUZZ_DATA_LIBS)
tests_fuzz_fuzz_npz_LDADD = $(FUZZ_DATA_LIBS)
tests_fuzz_fuzz_multipart_LDADD = $(FUZZ_HTTP_LIBS)
tests_fuzz_fuzz_rows_LDADD = $(FUZZ_HTTP_LIBS)
tests_fuzz_fuzz_tokens_LDADD = $(FUZZ_HTTP_LIBS)

# The seeds that cannot be typed; see there.
EXTRA_PROGRAMS += tests/fuzz/seeds
CLEANFILES += tests/fuzz/seeds
tests_fuzz_seeds_LDADD = $(FUZZ_JOBS_LIBS)
