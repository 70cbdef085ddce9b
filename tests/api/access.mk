# Who may do what: the table of routes is linked, and what each must answer computed from it.
ACCESS_CHECKS = \
	tests/api/api_access \
	tests/api/api_tokens
check_PROGRAMS += $(ACCESS_CHECKS)
TESTS          += $(ACCESS_CHECKS)

tests_api_api_access_SOURCES = tests/api/api_access.c \
	tests/api/access_world.c tests/api/access.h
tests_api_api_access_CFLAGS  = $(API_CFLAGS)
tests_api_api_access_LDADD   = $(API_LIBS) libhttp.a libjobs.a libdata.a libnet.a \
	libbase.a $(JANSSON_LIBS) $(SODIUM_LIBS) $(ZLIB_LIBS) $(CSV_LIBS)
tests_api_api_tokens_SOURCES = tests/api/api_tokens.c
tests_api_api_tokens_CFLAGS  = $(API_CFLAGS)
tests_api_api_tokens_LDADD   = $(API_LIBS)
