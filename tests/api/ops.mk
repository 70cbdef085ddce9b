# What an operator has: logs, audit, configuration, reload, the service manager.
OPS_CHECKS = \
	tests/api/api_logs \
	tests/api/api_ops
check_PROGRAMS += $(OPS_CHECKS)
TESTS          += $(OPS_CHECKS)

tests_api_api_logs_SOURCES = tests/api/api_logs.c
tests_api_api_logs_CFLAGS  = $(API_CFLAGS)
tests_api_api_logs_LDADD   = $(API_LIBS)
tests_api_api_ops_SOURCES = tests/api/api_ops.c \
	tests/api/certificate.c tests/api/certificate.h
tests_api_api_ops_CFLAGS  = $(API_CFLAGS) $(GNUTLS_CFLAGS)
tests_api_api_ops_LDADD   = $(API_LIBS) $(GNUTLS_LIBS)
