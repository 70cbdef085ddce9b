# measures of ours, made when asked for: make tests/bench/store
EXTRA_PROGRAMS += tests/bench/store
tests_bench_store_SOURCES = tests/bench/store.c
tests_bench_store_CPPFLAGS = $(AM_CPPFLAGS) $(SODIUM_CFLAGS)
tests_bench_store_LDADD = libstore.a libbase.a $(SQLITE_LIBS) $(SODIUM_LIBS)
# what a crowd of clients does to it (scripts/bench load)
EXTRA_PROGRAMS += tests/bench/load
tests_bench_load_SOURCES = tests/bench/load.c tests/bench/load.h \
	tests/bench/load_crowd.c tests/bench/load_daemon.c tests/bench/load_http.c \
	tests/bench/load_predict.c tests/bench/load_report.c
tests_bench_load_LDADD = -lpthread
