# the way in: config, admission, datasets, submission
libjobs_a_SOURCES += \
	src/jobs/spec.c src/jobs/spec.h \
	src/jobs/json_util.c src/jobs/json_util.h \
	src/jobs/json_util_budget.c src/jobs/json_util_budget.h \
	src/jobs/config.c src/jobs/config.h src/jobs/config_priv.h \
	src/jobs/config_keys.c src/jobs/config_read.c src/jobs/config_inline.c \
	src/jobs/config_notify.c src/jobs/config_ranges.c src/jobs/config_filter.c src/jobs/config_types.c \
	src/jobs/config_table.h src/jobs/config_relations.c src/jobs/config_relations_data.c \
	src/jobs/config_resolve.c src/jobs/config_resolve.h \
	src/jobs/config_resolve_rows.c src/jobs/config_resolve_target.c src/jobs/config_resolve_preprocess.c \
	src/jobs/config_preprocess.c src/jobs/config_resolve_network.c \
	src/jobs/config_resolve_training.c src/jobs/config_preset.c \
	src/jobs/config_print.c src/jobs/config_summary.c \
	src/jobs/config_weights.c src/jobs/config_weights.h \
	src/jobs/admit.c src/jobs/admit.h \
	src/jobs/datasets.c src/jobs/datasets.h \
	src/jobs/parent.c src/jobs/parent.h \
	src/jobs/retention.c src/jobs/retention.h \
	src/jobs/room.c src/jobs/room.h \
	src/jobs/submit.c src/jobs/submit.h \
	src/jobs/fetch_wish.c src/jobs/fetch_wish.h \
	src/jobs/intake.c src/jobs/intake.h \
	src/jobs/submit_evaluate.c src/jobs/submit_fetch.c src/jobs/submit_priv.h \
	src/jobs/submit_key.c src/jobs/submit_key.h \
	src/jobs/submit_notify.c src/jobs/submit_notify.h

EXTRA_DIST += docs/JOB-CONFIG.md \
	examples/breast_cancer.json \
	examples/diabetes.json \
	examples/digits.json \
	examples/iris.json \
	examples/sine.json \
	examples/xor.json
