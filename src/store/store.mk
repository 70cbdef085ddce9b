# store: what outlives a kill; the only layer that knows SQLite
noinst_LIBRARIES += libstore.a
libstore_a_SOURCES = \
	src/store/store.c src/store/store.h \
	src/store/store_backup.c \
	src/store/store_check.c \
	src/store/store_checkpoints.c \
	src/store/store_curves.c \
	src/store/store_datasets.c \
	src/store/store_db.c \
	src/store/store_deliveries.c \
	src/store/store_gc.c \
	src/store/store_job_list.c \
	src/store/store_jobs.c \
	src/store/store_keys.c \
	src/store/store_models.c \
	src/store/store_queue.c \
	src/store/store_recover.c \
	src/store/store_sqlite.c src/store/store_sqlite.h \
	src/store/store_sqlite_priv.h \
	src/store/store_writer.c
libstore_a_CPPFLAGS = $(AM_CPPFLAGS) $(SQLITE_CFLAGS) $(SODIUM_CFLAGS)
# The assembler finds the embedded SQL there.
libstore_a_CFLAGS = $(AM_CFLAGS) -Wa,-I$(srcdir)/sql

STORE_SQL = sql/sqlite/0001_first.sql sql/sqlite/0002_start_from.sql \
	sql/sqlite/0003_survive.sql sql/sqlite/0004_webhooks.sql \
	sql/sqlite/0005_versions.sql sql/sqlite/0006_summary.sql
EXTRA_DIST += $(STORE_SQL)
src/store/libstore_a-store_sqlite.$(OBJEXT): $(STORE_SQL)
