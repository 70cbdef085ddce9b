# the work: pool, runner, judge, predictor
libjobs_a_SOURCES += \
	src/jobs/checkpoint.c src/jobs/checkpoint.h src/jobs/checkpoint_priv.h \
	src/jobs/checkpoint_file.c \
	src/jobs/decide.c src/jobs/decide.h \
	src/jobs/fetch.c src/jobs/fetch.h \
	src/jobs/importance.c src/jobs/importance.h \
	src/jobs/judge.c src/jobs/judge.h src/jobs/judge_priv.h \
	src/jobs/judge_classes.c src/jobs/judge_numbers.c \
	src/jobs/model_json.c src/jobs/model_json.h \
	src/jobs/pool.c src/jobs/pool.h \
	src/jobs/predictor.c src/jobs/predictor.h src/jobs/predictor_priv.h \
	src/jobs/runner.c src/jobs/runner.h src/jobs/runner_priv.h \
	src/jobs/runner_curve.c src/jobs/runner_data.c src/jobs/runner_stream.c src/jobs/runner_evaluate.c src/jobs/runner_fetch.c \
	src/jobs/runner_fit.c src/jobs/runner_monitor.c src/jobs/runner_notes.c \
	src/jobs/runner_points.c src/jobs/runner_refit.c src/jobs/runner_resume.c src/jobs/runner_rows.c src/jobs/runner_sample.c \
	src/jobs/runner_training.h \
	src/jobs/runner_report.c src/jobs/runner_train.c src/jobs/runner_watch.c \
	src/jobs/servable.c \
	src/jobs/spark.c src/jobs/spark.h \
	src/jobs/team.c src/jobs/team.h \
	src/jobs/webhook.c src/jobs/webhook.h \
	src/jobs/webhook_message.c src/jobs/webhook_message.h \
	src/jobs/webhook_secret.c src/jobs/webhook_secret.h
