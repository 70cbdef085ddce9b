# unit tests of jobs: the way in here, the work in jobs_run.mk
JOBS_LIBS = libjobs.a libstore.a libdata.a libmlpcore.la libbase.a \
	$(JANSSON_LIBS) $(SQLITE_LIBS) $(CSV_LIBS) $(SODIUM_LIBS) $(UNIT_LIBS)
JOBS_IN_CHECKS = \
	tests/unit/check_config
check_PROGRAMS += $(JOBS_IN_CHECKS)
TESTS += $(JOBS_IN_CHECKS)

tests_unit_check_config_SOURCES = tests/unit/check_config.c tests/unit/jobs_in_help.h
tests_unit_check_config_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/unit
tests_unit_check_config_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(JANSSON_CFLAGS) $(SODIUM_CFLAGS)
tests_unit_check_config_LDADD = $(JOBS_LIBS)

include tests/unit/jobs_run.mk
