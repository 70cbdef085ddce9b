# measures of ours, made when asked for: make tests/bench/store
EXTRA_PROGRAMS += tests/bench/store
tests_bench_store_SOURCES = tests/bench/store.c
tests_bench_store_CPPFLAGS = $(AM_CPPFLAGS) $(SODIUM_CFLAGS)
tests_bench_store_LDADD = libstore.a libbase.a $(SQLITE_LIBS) $(SODIUM_LIBS)
