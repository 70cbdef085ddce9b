# the way in: config, admission, datasets, submission
libjobs_a_SOURCES += \
	src/jobs/spec.c src/jobs/spec.h \
	src/jobs/json_util.c src/jobs/json_util.h \
	src/jobs/config.c src/jobs/config.h src/jobs/config_priv.h \
	src/jobs/config_keys.c src/jobs/config_read.c src/jobs/config_inline.c
