# http: the server, its routes, one api_*.c a resource
noinst_LIBRARIES += libhttp.a
libhttp_a_SOURCES = \
	src/http/access.c src/http/access.h \
	src/http/answer.c src/http/answer.h \
	src/http/api.h \
	src/http/api_common.c \
	src/http/api_curve.c \
	src/http/api_datasets.c \
	src/http/api_datasets_post.c \
	src/http/api_deliveries.c \
	src/http/api_fetch.c \
	src/http/api_gc.c \
	src/http/api_jobs.c \
	src/http/api_metrics.c \
	src/http/api_looks.c \
	src/http/api_models.c \
	src/http/api_page.c \
	src/http/api_predict.c \
	src/http/api_queue.c \
	src/http/api_service.c \
	src/http/api_trace.c \
	src/http/api_train.c \
	src/http/clients.c src/http/clients.h \
	src/http/curve.c src/http/curve.h \
	src/http/dataset_json.c src/http/dataset_json.h \
	src/http/guard.c src/http/guard.h \
	src/http/histograms.c src/http/histograms.h \
	src/http/input_names.c src/http/input_names.h \
	src/http/job_json.c src/http/job_json.h \
	src/http/jw.c src/http/jw.h \
	src/http/limits.c src/http/limits.h src/http/limits.def \
	src/http/listen.c src/http/listen.h \
	src/http/media.c src/http/media.h \
	src/http/model_example.c src/http/model_example.h \
	src/http/model_view.c src/http/model_view.h \
	src/http/multipart.c src/http/multipart.h \
	src/http/query.c src/http/query.h \
	src/http/rates.c src/http/rates.h \
	src/http/request.c src/http/request.h \
	src/http/request_limits.c \
	src/http/request_log.c \
	src/http/respond.c src/http/respond.h \
	src/http/route.c src/http/route.h src/http/routes.def \
	src/http/rows.c src/http/rows.h \
	src/http/rows_body.c src/http/rows_body.h \
	src/http/rows_csv.c \
	src/http/rows_table.c \
	src/http/server.c src/http/server.h src/http/server_priv.h \
	src/http/tls.c src/http/tls.h \
	src/http/token_file.c src/http/token_file.h \
	src/http/tokens.c src/http/tokens.h \
	src/http/trace_json.c src/http/trace_json.h
# The assembler finds the embedded openapi.json there.
libhttp_a_CFLAGS = $(AM_CFLAGS) $(MICROHTTPD_CFLAGS) $(GNUTLS_CFLAGS) $(JANSSON_CFLAGS) $(ZLIB_CFLAGS) \
	$(SODIUM_CFLAGS) -Wa,-I$(srcdir)/docs
src/http/libhttp_a-api_service.$(OBJEXT): docs/openapi.json
