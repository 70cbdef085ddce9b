# What the daemon fetches, from servers that are threads of the test.
check_PROGRAMS += tests/api/api_fetch
TESTS          += tests/api/api_fetch

tests_api_api_fetch_SOURCES  = tests/api/api_fetch.c $(NET_HELP)
tests_api_api_fetch_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/unit
tests_api_api_fetch_CFLAGS   = $(API_CFLAGS) $(ZLIB_CFLAGS) $(SODIUM_CFLAGS)
tests_api_api_fetch_LDADD    = $(API_LIBS) libbase.a $(ZLIB_LIBS) $(SODIUM_LIBS)
