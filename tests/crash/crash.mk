# The crash tests: the real daemon, killed. They stand on the harness of the API tests, and look
# with SQLite and libsodium at what a kill has left. Builds with --enable-crash-points also die at
# every CRASH_POINT that is found in the sources, and have these tests among their own; in others
# they can be made by name, kill less often and leave the poison out.
CRASH_CHECKS = \
	tests/crash/crash_loop \
	tests/crash/crash_poison \
	tests/crash/crash_stop

EXTRA_PROGRAMS += $(CRASH_CHECKS)
if CRASH_POINTS
check_PROGRAMS += $(CRASH_CHECKS)
TESTS          += $(CRASH_CHECKS)
endif

CRASH_SHARED = \
	tests/crash/acts.c tests/crash/acts.h \
	tests/crash/errands.c tests/crash/errands.h \
	tests/crash/fate.c tests/crash/fate.h \
	tests/crash/peek.c tests/crash/peek.h \
	tests/crash/recipes.c tests/crash/recipes.h \
	tests/crash/verify.c tests/crash/verify.h \
	tests/crash/world.c tests/crash/world.h \
	$(NET_HELP)
CRASH_CFLAGS = $(API_CFLAGS) -I$(srcdir)/tests/api -I$(srcdir)/tests/unit $(SQLITE_CFLAGS) $(SODIUM_CFLAGS)
CRASH_LIBS   = $(API_LIBS) libbase.a $(SQLITE_LIBS) $(SODIUM_LIBS)
EXTRA_LIBRARIES = tests/crash/libcrash.a
tests_crash_libcrash_a_SOURCES = $(CRASH_SHARED)
tests_crash_libcrash_a_CFLAGS  = $(CRASH_CFLAGS)

tests_crash_crash_loop_SOURCES = tests/crash/crash_loop.c
tests_crash_crash_loop_CFLAGS  = $(CRASH_CFLAGS)
tests_crash_crash_loop_LDADD   = tests/crash/libcrash.a $(CRASH_LIBS)
tests_crash_crash_poison_SOURCES = tests/crash/crash_poison.c
tests_crash_crash_poison_CFLAGS  = $(CRASH_CFLAGS)
tests_crash_crash_poison_LDADD   = tests/crash/libcrash.a $(CRASH_LIBS)
tests_crash_crash_stop_SOURCES = tests/crash/crash_stop.c
tests_crash_crash_stop_CFLAGS  = $(CRASH_CFLAGS)
tests_crash_crash_stop_LDADD   = tests/crash/libcrash.a $(CRASH_LIBS)

# For scripts/test.
print-crash-tests:
	@echo tests/unit/check_crash tests/unit/check_crash_marks $(CRASH_CHECKS)
.PHONY: print-crash-tests
