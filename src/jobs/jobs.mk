# jobs: from a JSON config to a trained model and its predictions
noinst_LIBRARIES += libjobs.a
libjobs_a_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
libjobs_a_SOURCES =
include src/jobs/jobs_in.mk
include src/jobs/jobs_run.mk
