# unit tests of net: no packet of theirs leaves the machine
NET_CHECKS = \
	tests/unit/check_address \
	tests/unit/check_outgoing \
	tests/unit/check_outgoing_limits \
	tests/unit/check_outgoing_options \
	tests/unit/check_outgoing_tls \
	tests/unit/check_outgoing_url \
	tests/unit/check_outgoing_where
check_PROGRAMS += $(NET_CHECKS)
TESTS += $(NET_CHECKS)

NET_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests/unit
NET_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
NET_LIBS = libnet.a libbase.a $(CURL_LIBS) $(SODIUM_LIBS) $(UNIT_LIBS)
NET_HELP = tests/unit/net_help.c tests/unit/net_help.h

tests_unit_check_address_SOURCES = tests/unit/check_address.c
tests_unit_check_address_CPPFLAGS = $(NET_CPPFLAGS)
tests_unit_check_address_CFLAGS = $(NET_CFLAGS)
tests_unit_check_address_LDADD = $(NET_LIBS)

tests_unit_check_outgoing_SOURCES = tests/unit/check_outgoing.c \
	tests/unit/outgoing_help.h $(NET_HELP)
tests_unit_check_outgoing_CPPFLAGS = $(NET_CPPFLAGS)
tests_unit_check_outgoing_CFLAGS = $(NET_CFLAGS)
tests_unit_check_outgoing_LDADD = $(NET_LIBS)

tests_unit_check_outgoing_limits_SOURCES = tests/unit/check_outgoing_limits.c \
	tests/unit/outgoing_help.h $(NET_HELP)
tests_unit_check_outgoing_limits_CPPFLAGS = $(NET_CPPFLAGS)
tests_unit_check_outgoing_limits_CFLAGS = $(NET_CFLAGS)
tests_unit_check_outgoing_limits_LDADD = $(NET_LIBS)

tests_unit_check_outgoing_options_SOURCES = tests/unit/check_outgoing_options.c
tests_unit_check_outgoing_options_CPPFLAGS = $(NET_CPPFLAGS)
tests_unit_check_outgoing_options_CFLAGS = $(NET_CFLAGS) $(CURL_CFLAGS)
tests_unit_check_outgoing_options_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=curl_easy_setopt
tests_unit_check_outgoing_options_LDADD = $(NET_LIBS)

tests_unit_check_outgoing_tls_SOURCES = tests/unit/check_outgoing_tls.c \
	$(NET_HELP)
tests_unit_check_outgoing_tls_CPPFLAGS = $(NET_CPPFLAGS)
tests_unit_check_outgoing_tls_CFLAGS = $(NET_CFLAGS) $(MICROHTTPD_CFLAGS)
tests_unit_check_outgoing_tls_LDADD = $(NET_LIBS) $(MICROHTTPD_LIBS)

tests_unit_check_outgoing_url_SOURCES = tests/unit/check_outgoing_url.c \
	tests/unit/where_help.h $(NET_HELP)
tests_unit_check_outgoing_url_CPPFLAGS = $(NET_CPPFLAGS)
tests_unit_check_outgoing_url_CFLAGS = $(NET_CFLAGS)
tests_unit_check_outgoing_url_LDADD = $(NET_LIBS)

tests_unit_check_outgoing_where_SOURCES = tests/unit/check_outgoing_where.c \
	tests/unit/where_help.h $(NET_HELP)
tests_unit_check_outgoing_where_CPPFLAGS = $(NET_CPPFLAGS)
tests_unit_check_outgoing_where_CFLAGS = $(NET_CFLAGS)
tests_unit_check_outgoing_where_LDADD = $(NET_LIBS)
