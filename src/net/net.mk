# net: what goes out; the only layer that knows libcurl
noinst_LIBRARIES += libnet.a
libnet_a_SOURCES = \
	src/net/address.c src/net/address.h \
	src/net/outgoing.c src/net/outgoing.h \
	src/net/host.c src/net/host.h \
	src/net/outgoing_head.c \
	src/net/outgoing_priv.h src/net/outgoing_url.c
libnet_a_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS)
