# Who may come, how, and at what cost.
LISTEN_CHECKS = \
	tests/api/api_limits \
	tests/api/api_listen
check_PROGRAMS += $(LISTEN_CHECKS)
TESTS          += $(LISTEN_CHECKS)

tests_api_api_limits_SOURCES = tests/api/api_limits.c
tests_api_api_limits_CFLAGS  = $(API_CFLAGS)
tests_api_api_limits_LDADD   = $(API_LIBS)
tests_api_api_listen_SOURCES = tests/api/api_listen.c \
	tests/api/certificate.c tests/api/certificate.h
tests_api_api_listen_CFLAGS  = $(API_CFLAGS) $(GNUTLS_CFLAGS)
tests_api_api_listen_LDADD   = $(API_LIBS) $(GNUTLS_LIBS)
