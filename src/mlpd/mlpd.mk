# mlpd: the daemon
# What tests of options link too.
OPTIONS_SOURCES = \
	src/mlpd/options.c src/mlpd/options.h src/mlpd/options.def \
	src/mlpd/options_listen.c src/mlpd/options_print.c \
	src/mlpd/options_values.c src/mlpd/options_priv.h \
	src/mlpd/config_file.c src/mlpd/config_file.h

bin_PROGRAMS += mlpd
mlpd_SOURCES = \
	src/mlpd/main.c \
	src/mlpd/command.c src/mlpd/command.h \
	src/mlpd/command_backup.c \
	src/mlpd/command_check.c \
	src/mlpd/command_gc.c \
	src/mlpd/command_token.c \
	src/mlpd/command_webhook.c \
	src/mlpd/copy.c src/mlpd/copy.h \
	src/mlpd/notify.c src/mlpd/notify.h \
	src/mlpd/open.c src/mlpd/open.h \
	$(OPTIONS_SOURCES) \
	src/mlpd/state.c src/mlpd/state.h \
	src/mlpd/wait.c src/mlpd/wait.h
mlpd_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS)
mlpd_LDFLAGS = $(AM_LDFLAGS) $(if $(HARDEN_CFLAGS),-pie)
mlpd_LDADD = \
	libhttp.a libpage.a libjobs.a libnet.a libstore.a libdata.a libbase.a libmlpcore.la \
	$(MICROHTTPD_LIBS) $(GNUTLS_LIBS) $(CURL_LIBS) $(SQLITE_LIBS) $(JANSSON_LIBS) $(CSV_LIBS) $(ZLIB_LIBS) $(SODIUM_LIBS)
dist_man_MANS += docs/mlpd.8 docs/mlpd.conf.5
