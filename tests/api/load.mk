# What many clients, or hostile ones, cost. The crowd's clients are those of scripts/bench load.
LOAD_CHECKS = \
	tests/api/api_hostile \
	tests/api/api_load \
	tests/api/api_session
check_PROGRAMS += $(LOAD_CHECKS) tests/bench/load
TESTS          += $(LOAD_CHECKS)

EXTRA_DIST += tests/valgrind/mlpd

tests_api_api_hostile_SOURCES = tests/api/api_hostile.c
tests_api_api_hostile_CFLAGS  = $(API_CFLAGS)
tests_api_api_hostile_LDADD   = $(API_LIBS)
tests_api_api_load_SOURCES = tests/api/api_load.c
tests_api_api_load_CFLAGS  = $(API_CFLAGS)
tests_api_api_load_LDADD   = $(API_LIBS)
EXTRA_tests_api_api_load_DEPENDENCIES = tests/bench/load$(EXEEXT)
tests_api_api_session_SOURCES = tests/api/api_session.c \
	tests/api/certificate.c tests/api/certificate.h \
	tests/api/state.c tests/api/state.h
tests_api_api_session_CFLAGS  = $(API_CFLAGS) $(GNUTLS_CFLAGS) $(SQLITE_CFLAGS)
tests_api_api_session_LDADD   = $(API_LIBS) $(GNUTLS_LIBS) $(SQLITE_LIBS)
