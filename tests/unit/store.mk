# unit tests of store
STORE_CHECKS = \
	tests/unit/check_store_data \
	tests/unit/check_store_faults \
	tests/unit/check_store_jobs \
	tests/unit/check_store_open \
	tests/unit/check_store_queue \
	tests/unit/check_store_writer
check_PROGRAMS += $(STORE_CHECKS)
TESTS += $(STORE_CHECKS)

STORE_CHECK_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS) $(SODIUM_CFLAGS) $(CHECK_CFLAGS)
STORE_CHECK_LIBS = libstore.a libbase.a $(SQLITE_LIBS) $(SODIUM_LIBS) $(UNIT_LIBS)

tests_unit_check_store_data_SOURCES = tests/unit/check_store_data.c tests/unit/check_store.h
tests_unit_check_store_data_CPPFLAGS = $(STORE_CHECK_CPPFLAGS)
tests_unit_check_store_data_LDADD = $(STORE_CHECK_LIBS)

tests_unit_check_store_faults_SOURCES = tests/unit/check_store_faults.c tests/unit/check_store.h
tests_unit_check_store_faults_CPPFLAGS = $(STORE_CHECK_CPPFLAGS)
tests_unit_check_store_faults_LDADD = $(STORE_CHECK_LIBS)

tests_unit_check_store_jobs_SOURCES = tests/unit/check_store_jobs.c tests/unit/check_store.h
tests_unit_check_store_jobs_CPPFLAGS = $(STORE_CHECK_CPPFLAGS)
tests_unit_check_store_jobs_LDADD = $(STORE_CHECK_LIBS)

tests_unit_check_store_open_SOURCES = tests/unit/check_store_open.c tests/unit/check_store.h
tests_unit_check_store_open_CPPFLAGS = $(STORE_CHECK_CPPFLAGS)
tests_unit_check_store_open_LDADD = $(STORE_CHECK_LIBS)

tests_unit_check_store_queue_SOURCES = tests/unit/check_store_queue.c tests/unit/check_store.h
tests_unit_check_store_queue_CPPFLAGS = $(STORE_CHECK_CPPFLAGS)
tests_unit_check_store_queue_LDADD = $(STORE_CHECK_LIBS)

tests_unit_check_store_writer_SOURCES = tests/unit/check_store_writer.c tests/unit/check_store.h
tests_unit_check_store_writer_CPPFLAGS = $(STORE_CHECK_CPPFLAGS)
tests_unit_check_store_writer_LDADD = $(STORE_CHECK_LIBS)
