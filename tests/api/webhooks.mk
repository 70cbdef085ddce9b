# What the daemon tells other servers, which are threads of the test.
check_PROGRAMS += tests/api/api_webhooks
TESTS          += tests/api/api_webhooks

tests_api_api_webhooks_SOURCES = tests/api/api_webhooks.c tests/api/state.c tests/api/state.h \
	$(NET_HELP)
tests_api_api_webhooks_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/unit
tests_api_api_webhooks_CFLAGS   = $(API_CFLAGS) $(SQLITE_CFLAGS) $(SODIUM_CFLAGS)
tests_api_api_webhooks_LDADD    = $(API_LIBS) libbase.a $(SQLITE_LIBS) $(SODIUM_LIBS)
