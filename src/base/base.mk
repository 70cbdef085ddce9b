# base: what every layer of the daemon stands on (the learning core does not)
noinst_LIBRARIES += libbase.a
libbase_a_SOURCES = \
	src/base/base.h \
	src/base/buf.c src/base/buf.h \
	src/base/clock.c src/base/clock.h \
	src/base/counters.c src/base/counters.h src/base/counters.def \
	src/base/crash.c src/base/crash.h \
	src/base/crashpoint.c src/base/crashpoint.h \
	src/base/embed.h \
	src/base/err.c src/base/err.h \
	src/base/file.c src/base/file.h \
	src/base/hash.c src/base/hash.h \
	src/base/hash_blocks.c src/base/hash_blocks.h \
	src/base/log.c src/base/log.h \
	src/base/mem.c src/base/mem.h \
	src/base/private_file.c src/base/private_file.h \
	src/base/process.c src/base/process.h \
	src/base/text.c src/base/text.h
libbase_a_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS)
