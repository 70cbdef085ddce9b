# GET /metrics.
check_PROGRAMS += tests/api/api_metrics
TESTS          += tests/api/api_metrics

tests_api_api_metrics_SOURCES = tests/api/api_metrics.c \
	tests/api/metrics_text.c tests/api/metrics_text.h \
	tests/api/certificate.c tests/api/certificate.h
tests_api_api_metrics_CFLAGS  = $(API_CFLAGS) $(GNUTLS_CFLAGS)
tests_api_api_metrics_LDADD   = $(API_LIBS) $(GNUTLS_LIBS)
