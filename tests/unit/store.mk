# unit tests of store
STORE_CHECKS = \
	tests/unit/check_store_backup \
	tests/unit/check_store_checkpoints \
	tests/unit/check_store_damage \
	tests/unit/check_store_data \
	tests/unit/check_store_deliveries \
	tests/unit/check_store_faults \
	tests/unit/check_store_jobs \
	tests/unit/check_store_memory \
	tests/unit/check_store_models \
	tests/unit/check_store_open \
	tests/unit/check_store_power \
	tests/unit/check_store_queue \
	tests/unit/check_store_recover \
	tests/unit/check_store_survive \
	tests/unit/check_store_upkeep \
	tests/unit/check_store_writer
check_PROGRAMS += $(STORE_CHECKS)
TESTS += $(STORE_CHECKS)

STORE_CHECK_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS) $(SODIUM_CFLAGS) $(CHECK_CFLAGS)
STORE_CHECK_LIBS = libstore.a libbase.a $(SQLITE_LIBS) $(SODIUM_LIBS) $(UNIT_LIBS)

tests_unit_check_store_checkpoints_SOURCES = tests/unit/check_store_checkpoints.c \
	tests/unit/check_store.h
tests_unit_check_store_checkpoints_CPPFLAGS = $(STORE_CHECK_CPPFLAGS)
tests_unit_check_store_checkpoints_LDADD = $(STORE_CHECK_LIBS)

tests_unit_check_store_deliveries_SOURCES = tests/unit/check_store_deliveries.c \
	tests/unit/check_store.h
tests_unit_check_store_deliveries_CPPFLAGS = $(STORE_CHECK_CPPFLAGS)
tests_unit_check_store_deliveries_LDADD = $(STORE_CHECK_LIBS)

tests_unit_check_store_data_SOURCES = tests/unit/check_store_data.c tests/unit/check_store.h
tests_unit_check_store_data_CPPFLAGS = $(STORE_CHECK_CPPFLAGS)
tests_unit_check_store_data_LDADD = $(STORE_CHECK_LIBS)

# A store's whole life at a fixed time, with models of many small chunks and a log that is short.
STORE_LIFE = tests/unit/store_life.c tests/unit/store_life.h tests/unit/store_look.c \
	src/store/store_models.c src/store/store_writer.c
STORE_SHIM = tests/unit/shim_vfs.c tests/unit/shim_vfs.h
STORE_LIFE_CPPFLAGS = $(STORE_CHECK_CPPFLAGS) \
	-DSTORE_CHUNK_BYTES=8192 -DSTORE_CHECKPOINT_PAGES=12
STORE_LIFE_LINK = $(AM_LDFLAGS) -Wl,--wrap=clock_now_ms

tests_unit_check_store_faults_SOURCES = tests/unit/check_store_faults.c \
	tests/unit/faulty_vfs.c tests/unit/faulty_vfs.h $(STORE_SHIM) $(STORE_LIFE)
tests_unit_check_store_faults_CPPFLAGS = $(STORE_LIFE_CPPFLAGS) -Wa,-I$(srcdir)/sql
tests_unit_check_store_faults_LDFLAGS = $(STORE_LIFE_LINK)
tests_unit_check_store_faults_LDADD = $(STORE_CHECK_LIBS)

tests_unit_check_store_memory_SOURCES = tests/unit/check_store_memory.c $(STORE_LIFE)
tests_unit_check_store_memory_CPPFLAGS = $(STORE_LIFE_CPPFLAGS)
tests_unit_check_store_memory_LDFLAGS = $(STORE_LIFE_LINK)
tests_unit_check_store_memory_LDADD = $(STORE_CHECK_LIBS)

tests_unit_check_store_power_SOURCES = tests/unit/check_store_power.c \
	tests/unit/power_vfs.c tests/unit/power_vfs.h $(STORE_SHIM) $(STORE_LIFE)
tests_unit_check_store_power_CPPFLAGS = $(STORE_LIFE_CPPFLAGS)
tests_unit_check_store_power_LDFLAGS = $(STORE_LIFE_LINK)
tests_unit_check_store_power_LDADD = $(STORE_CHECK_LIBS)

tests_unit_check_store_jobs_SOURCES = tests/unit/check_store_jobs.c tests/unit/check_store.h
tests_unit_check_store_jobs_CPPFLAGS = $(STORE_CHECK_CPPFLAGS)
tests_unit_check_store_jobs_LDADD = $(STORE_CHECK_LIBS)

tests_unit_check_store_models_SOURCES = tests/unit/check_store_models.c tests/unit/check_store.h
tests_unit_check_store_models_CPPFLAGS = $(STORE_CHECK_CPPFLAGS)
tests_unit_check_store_models_LDADD = $(STORE_CHECK_LIBS)

tests_unit_check_store_open_SOURCES = tests/unit/check_store_open.c tests/unit/check_store.h
tests_unit_check_store_open_CPPFLAGS = $(STORE_CHECK_CPPFLAGS)
tests_unit_check_store_open_LDADD = $(STORE_CHECK_LIBS)

tests_unit_check_store_queue_SOURCES = tests/unit/check_store_queue.c tests/unit/check_store.h
tests_unit_check_store_queue_CPPFLAGS = $(STORE_CHECK_CPPFLAGS)
tests_unit_check_store_queue_LDADD = $(STORE_CHECK_LIBS)

tests_unit_check_store_recover_SOURCES = tests/unit/check_store_recover.c tests/unit/check_store.h
tests_unit_check_store_recover_CPPFLAGS = $(STORE_CHECK_CPPFLAGS)
tests_unit_check_store_recover_LDADD = $(STORE_CHECK_LIBS)

tests_unit_check_store_survive_SOURCES = tests/unit/check_store_survive.c tests/unit/check_store.h
tests_unit_check_store_survive_CPPFLAGS = $(STORE_CHECK_CPPFLAGS)
tests_unit_check_store_survive_LDADD = $(STORE_CHECK_LIBS)

tests_unit_check_store_writer_SOURCES = tests/unit/check_store_writer.c tests/unit/check_store.h
tests_unit_check_store_writer_CPPFLAGS = $(STORE_CHECK_CPPFLAGS)
tests_unit_check_store_writer_LDADD = $(STORE_CHECK_LIBS)

tests_unit_check_store_backup_SOURCES = tests/unit/check_store_backup.c tests/unit/check_store.h
tests_unit_check_store_backup_CPPFLAGS = $(STORE_CHECK_CPPFLAGS)
tests_unit_check_store_backup_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=file_free_space
tests_unit_check_store_backup_LDADD = $(STORE_CHECK_LIBS)
EXTRA_DIST += tests/unit/fixtures/schema-1.sql tests/unit/fixtures/schema-2.sql \
	tests/unit/fixtures/schema-3.sql tests/unit/fixtures/schema-4.sql \
	tests/unit/fixtures/schema-5.sql

tests_unit_check_store_upkeep_SOURCES = tests/unit/check_store_upkeep.c tests/unit/check_store.h
tests_unit_check_store_upkeep_CPPFLAGS = $(STORE_CHECK_CPPFLAGS)
tests_unit_check_store_upkeep_LDADD = $(STORE_CHECK_LIBS)

tests_unit_check_store_damage_SOURCES = tests/unit/check_store_damage.c tests/unit/check_store.h
tests_unit_check_store_damage_CPPFLAGS = $(STORE_CHECK_CPPFLAGS)
tests_unit_check_store_damage_LDADD = $(STORE_CHECK_LIBS)
