# unit tests of http and of the daemon's own files
HTTP_CHECKS = \
	tests/unit/check_config_file \
	tests/unit/check_copy \
	tests/unit/check_http \
	tests/unit/check_http_rows \
	tests/unit/check_http_rows_wrong \
	tests/unit/check_limits \
	tests/unit/check_limits_docs \
	tests/unit/check_listen \
	tests/unit/check_notify \
	tests/unit/check_options \
	tests/unit/check_options_listen \
	tests/unit/check_token_file \
	tests/unit/check_tokens \
	tests/unit/check_wait
check_PROGRAMS += $(HTTP_CHECKS)
TESTS += $(HTTP_CHECKS)

HTTP_CHECK_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(MICROHTTPD_CFLAGS) $(JANSSON_CFLAGS) \
	$(ZLIB_CFLAGS) $(SODIUM_CFLAGS)
HTTP_CHECK_LIBS = \
	libhttp.a libpage.a libjobs.a libnet.a libstore.a libdata.a libbase.a libmlpcore.la \
	$(MICROHTTPD_LIBS) $(GNUTLS_LIBS) $(CURL_LIBS) $(SQLITE_LIBS) $(JANSSON_LIBS) $(CSV_LIBS) $(ZLIB_LIBS) $(SODIUM_LIBS) \
	$(UNIT_LIBS)

tests_unit_check_http_SOURCES = tests/unit/check_http.c
tests_unit_check_http_CFLAGS = $(HTTP_CHECK_CFLAGS)
tests_unit_check_http_LDADD = $(HTTP_CHECK_LIBS)

tests_unit_check_http_rows_SOURCES = tests/unit/check_http_rows.c \
	tests/unit/data_help.h tests/unit/http_rows_help.h
tests_unit_check_http_rows_CFLAGS = $(HTTP_CHECK_CFLAGS)
tests_unit_check_http_rows_LDADD = $(HTTP_CHECK_LIBS)
tests_unit_check_http_rows_wrong_SOURCES = tests/unit/check_http_rows_wrong.c \
	tests/unit/data_help.h tests/unit/http_rows_help.h tests/unit/reader_help.h \
	tests/golden/npy_golden.h
tests_unit_check_http_rows_wrong_CFLAGS = $(HTTP_CHECK_CFLAGS) $(ZLIB_CFLAGS)
tests_unit_check_http_rows_wrong_LDADD = $(HTTP_CHECK_LIBS)

tests_unit_check_limits_SOURCES = tests/unit/check_limits.c
tests_unit_check_limits_CFLAGS = $(HTTP_CHECK_CFLAGS)
tests_unit_check_limits_LDADD = $(HTTP_CHECK_LIBS)

tests_unit_check_limits_docs_SOURCES = tests/unit/check_limits_docs.c $(OPTIONS_SOURCES) $(DOC_COMPARE)
tests_unit_check_limits_docs_CFLAGS = $(HTTP_CHECK_CFLAGS) $(DOC_CFLAGS)
tests_unit_check_limits_docs_LDADD = $(HTTP_CHECK_LIBS)

tests_unit_check_listen_SOURCES = tests/unit/check_listen.c \
	tests/api/certificate.c tests/api/certificate.h
tests_unit_check_listen_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests
tests_unit_check_listen_CFLAGS = $(HTTP_CHECK_CFLAGS) $(GNUTLS_CFLAGS)
tests_unit_check_listen_LDADD = $(HTTP_CHECK_LIBS)

tests_unit_check_options_SOURCES = tests/unit/check_options.c $(OPTIONS_SOURCES) \
	src/mlpd/state.c src/mlpd/state.h
tests_unit_check_options_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SODIUM_CFLAGS)
tests_unit_check_options_LDADD = libnet.a libbase.a $(SODIUM_LIBS) $(UNIT_LIBS)

tests_unit_check_options_listen_SOURCES = tests/unit/check_options_listen.c $(OPTIONS_SOURCES)
tests_unit_check_options_listen_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SODIUM_CFLAGS)
tests_unit_check_options_listen_LDADD = libnet.a libbase.a $(SODIUM_LIBS) $(UNIT_LIBS)

tests_unit_check_copy_SOURCES = tests/unit/check_copy.c tests/unit/check_store.h \
	src/mlpd/copy.c src/mlpd/copy.h src/mlpd/open.c src/mlpd/open.h
tests_unit_check_copy_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SODIUM_CFLAGS) $(SQLITE_CFLAGS)
tests_unit_check_copy_LDADD = libstore.a libbase.a $(SQLITE_LIBS) $(SODIUM_LIBS) $(UNIT_LIBS)

tests_unit_check_token_file_SOURCES = tests/unit/check_token_file.c tests/unit/tokens_help.h \
	tests/unit/file_faults.c tests/unit/file_faults.h
tests_unit_check_token_file_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/unit
tests_unit_check_token_file_CFLAGS = $(HTTP_CHECK_CFLAGS)
tests_unit_check_token_file_LDADD = $(HTTP_CHECK_LIBS)

tests_unit_check_tokens_SOURCES = tests/unit/check_tokens.c tests/unit/tokens_help.h \
	tests/unit/file_faults.c tests/unit/file_faults.h
tests_unit_check_tokens_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/unit
tests_unit_check_tokens_CFLAGS = $(HTTP_CHECK_CFLAGS)
tests_unit_check_tokens_LDADD = $(HTTP_CHECK_LIBS)

tests_unit_check_config_file_SOURCES = tests/unit/check_config_file.c $(OPTIONS_SOURCES) $(DOC_COMPARE)
tests_unit_check_config_file_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SODIUM_CFLAGS) $(DOC_CFLAGS)
tests_unit_check_config_file_LDADD = libnet.a libbase.a $(SODIUM_LIBS) $(UNIT_LIBS)

tests_unit_check_notify_SOURCES = tests/unit/check_notify.c src/mlpd/notify.c src/mlpd/notify.h
tests_unit_check_notify_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SODIUM_CFLAGS)
tests_unit_check_notify_LDADD = libbase.a $(SODIUM_LIBS) $(UNIT_LIBS)

tests_unit_check_wait_SOURCES = tests/unit/check_wait.c $(OPTIONS_SOURCES) \
	src/mlpd/notify.c src/mlpd/notify.h src/mlpd/wait.c src/mlpd/wait.h
tests_unit_check_wait_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SODIUM_CFLAGS)
tests_unit_check_wait_LDADD = libnet.a libbase.a $(SODIUM_LIBS) $(UNIT_LIBS)
