# unit tests of base
check_PROGRAMS += tests/unit/check_base
TESTS += tests/unit/check_base
tests_unit_check_base_SOURCES = tests/unit/check_base.c
tests_unit_check_base_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SODIUM_CFLAGS)
tests_unit_check_base_LDADD = libbase.a $(SODIUM_LIBS) $(UNIT_LIBS)

check_PROGRAMS += tests/unit/check_crash
TESTS += tests/unit/check_crash
tests_unit_check_crash_SOURCES = tests/unit/check_crash.c
tests_unit_check_crash_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SODIUM_CFLAGS)
tests_unit_check_crash_LDADD = libbase.a $(SODIUM_LIBS) $(UNIT_LIBS)

check_PROGRAMS += tests/unit/check_file
TESTS += tests/unit/check_file
tests_unit_check_file_SOURCES = tests/unit/check_file.c \
	tests/unit/file_faults.c tests/unit/file_faults.h
tests_unit_check_file_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SODIUM_CFLAGS)
tests_unit_check_file_LDADD = libbase.a $(SODIUM_LIBS) $(UNIT_LIBS)

check_PROGRAMS += tests/unit/check_counters
TESTS += tests/unit/check_counters
tests_unit_check_counters_SOURCES = tests/unit/check_counters.c $(DOC_COMPARE)
tests_unit_check_counters_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SODIUM_CFLAGS) $(DOC_CFLAGS)
tests_unit_check_counters_LDADD = libbase.a $(SODIUM_LIBS) $(UNIT_LIBS) -lm

check_PROGRAMS += tests/unit/check_crash_marks
TESTS += tests/unit/check_crash_marks
tests_unit_check_crash_marks_SOURCES = tests/unit/check_crash_marks.c
tests_unit_check_crash_marks_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SODIUM_CFLAGS)
tests_unit_check_crash_marks_LDADD = libbase.a $(SODIUM_LIBS) $(UNIT_LIBS)

check_PROGRAMS += tests/unit/check_log
TESTS += tests/unit/check_log
tests_unit_check_log_SOURCES = tests/unit/check_log.c
tests_unit_check_log_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SODIUM_CFLAGS)
tests_unit_check_log_LDADD = libbase.a $(SODIUM_LIBS) $(UNIT_LIBS)

EXTRA_DIST += docs/METRICS.md
