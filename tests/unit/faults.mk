# unit tests of what runs out beneath several layers: memory, the disk
FAULTS_CHECKS = \
	tests/unit/check_full_disk \
	tests/unit/check_no_memory
check_PROGRAMS += $(FAULTS_CHECKS)
TESTS += $(FAULTS_CHECKS)

tests_unit_check_full_disk_SOURCES = tests/unit/check_full_disk.c $(STORE_LIFE) $(JOBS_HOUSE)
tests_unit_check_full_disk_CPPFLAGS = $(JOBS_CPPFLAGS) $(STORE_LIFE_CPPFLAGS)
tests_unit_check_full_disk_CFLAGS = $(JOBS_CFLAGS)
tests_unit_check_full_disk_LDFLAGS = $(STORE_LIFE_LINK)
tests_unit_check_full_disk_LDADD = $(JOBS_LIBS)

FAILING_MEMORY = tests/unit/failing_memory.c tests/unit/failing_memory.h
FAILING_MEMORY_LINK = $(AM_LDFLAGS) -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc \
	-Wl,--wrap=aligned_alloc -Wl,--wrap=posix_memalign \
	-Wl,--wrap=xmalloc -Wl,--wrap=xcalloc -Wl,--wrap=xrealloc -Wl,--wrap=xstrdup \
	-Wl,--wrap=xstrndup -Wl,--wrap=buf_take -Wl,--wrap=buf_puts -Wl,--wrap=buf_printf \
	-Wl,--wrap=json_util_number -Wl,--wrap=json_util_text -Wl,--wrap=json_util_dump \
	-Wl,--wrap=emalloc -Wl,--wrap=erealloc \
	-Wl,--wrap=json_util_pointer -Wl,--wrap=json_util_pointer_index

tests_unit_check_no_memory_SOURCES = \
	tests/unit/check_no_memory.c $(FAILING_MEMORY) $(JOBS_HOUSE)
tests_unit_check_no_memory_CPPFLAGS = $(JOBS_CPPFLAGS)
tests_unit_check_no_memory_CFLAGS = $(JOBS_CFLAGS)
tests_unit_check_no_memory_LDFLAGS = $(FAILING_MEMORY_LINK)
tests_unit_check_no_memory_LDADD = $(JOBS_LIBS)
