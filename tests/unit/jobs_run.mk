# unit tests of the jobs' work: pool, runner, judge, predictor
JOBS_RUN_CHECKS = \
	tests/unit/check_checkpoint \
	tests/unit/check_checkpoint_faults \
	tests/unit/check_curve \
	tests/unit/check_decide \
	tests/unit/check_judge \
	tests/unit/check_importance \
	tests/unit/check_judge_numbers \
	tests/unit/check_pool \
	tests/unit/check_pool_pause \
	tests/unit/check_predictor \
	tests/unit/check_runner \
	tests/unit/check_runner_damage \
	tests/unit/check_runner_goes_on \
	tests/unit/check_runner_refit \
	tests/unit/check_runner_resume \
	tests/unit/check_runner_saves \
	tests/unit/check_runner_tables \
	tests/unit/check_runner_trouble
check_PROGRAMS += $(JOBS_RUN_CHECKS)
TESTS += $(JOBS_RUN_CHECKS)

JOBS_HOUSE = tests/unit/jobs_house.c tests/unit/jobs_house.h

tests_unit_check_checkpoint_SOURCES = tests/unit/check_checkpoint.c \
	tests/unit/checkpoint_help.h tests/unit/jobs_in_help.h
tests_unit_check_checkpoint_CPPFLAGS = $(JOBS_CPPFLAGS)
tests_unit_check_checkpoint_CFLAGS = $(JOBS_CFLAGS)
tests_unit_check_checkpoint_LDADD = $(JOBS_LIBS)

FILE_FAULTS = tests/unit/file_faults.c tests/unit/file_faults.h

tests_unit_check_checkpoint_faults_SOURCES = tests/unit/check_checkpoint_faults.c \
	tests/unit/checkpoint_help.h tests/unit/jobs_in_help.h $(FILE_FAULTS)
tests_unit_check_checkpoint_faults_CPPFLAGS = $(JOBS_CPPFLAGS)
tests_unit_check_checkpoint_faults_CFLAGS = $(JOBS_CFLAGS)
tests_unit_check_checkpoint_faults_LDADD = $(JOBS_LIBS)

tests_unit_check_curve_SOURCES = tests/unit/check_curve.c $(JOBS_HOUSE)
tests_unit_check_curve_CPPFLAGS = $(JOBS_CPPFLAGS)
tests_unit_check_curve_CFLAGS = $(JOBS_CFLAGS)
tests_unit_check_curve_LDADD = $(JOBS_LIBS)

tests_unit_check_decide_SOURCES = tests/unit/check_decide.c tests/unit/judge_help.h $(JOBS_HOUSE)
tests_unit_check_decide_CPPFLAGS = $(JOBS_CPPFLAGS)
tests_unit_check_decide_CFLAGS = $(JOBS_CFLAGS)
tests_unit_check_decide_LDADD = $(JOBS_LIBS)

tests_unit_check_judge_SOURCES = tests/unit/check_judge.c tests/unit/judge_help.h $(JOBS_HOUSE)
tests_unit_check_judge_CPPFLAGS = $(JOBS_CPPFLAGS)
tests_unit_check_judge_CFLAGS = $(JOBS_CFLAGS)
tests_unit_check_judge_LDADD = $(JOBS_LIBS)

tests_unit_check_importance_SOURCES = \
	tests/unit/check_importance.c tests/unit/judge_help.h $(JOBS_HOUSE)
tests_unit_check_importance_CPPFLAGS = $(JOBS_CPPFLAGS)
tests_unit_check_importance_CFLAGS = $(JOBS_CFLAGS)
tests_unit_check_importance_LDADD = $(JOBS_LIBS)

tests_unit_check_judge_numbers_SOURCES = \
	tests/unit/check_judge_numbers.c tests/unit/judge_help.h $(JOBS_HOUSE)
tests_unit_check_judge_numbers_CPPFLAGS = $(JOBS_CPPFLAGS)
tests_unit_check_judge_numbers_CFLAGS = $(JOBS_CFLAGS)
tests_unit_check_judge_numbers_LDADD = $(JOBS_LIBS)

tests_unit_check_pool_SOURCES = tests/unit/check_pool.c $(JOBS_HOUSE)
tests_unit_check_pool_CPPFLAGS = $(JOBS_CPPFLAGS)
tests_unit_check_pool_CFLAGS = $(JOBS_CFLAGS)
tests_unit_check_pool_LDADD = $(JOBS_LIBS)

tests_unit_check_pool_pause_SOURCES = tests/unit/check_pool_pause.c $(JOBS_HOUSE)
tests_unit_check_pool_pause_CPPFLAGS = $(JOBS_CPPFLAGS)
tests_unit_check_pool_pause_CFLAGS = $(JOBS_CFLAGS)
tests_unit_check_pool_pause_LDADD = $(JOBS_LIBS)

tests_unit_check_predictor_SOURCES = tests/unit/check_predictor.c $(JOBS_HOUSE)
tests_unit_check_predictor_CPPFLAGS = $(JOBS_CPPFLAGS)
tests_unit_check_predictor_CFLAGS = $(JOBS_CFLAGS)
tests_unit_check_predictor_LDADD = $(JOBS_LIBS)

tests_unit_check_runner_SOURCES = tests/unit/check_runner.c $(JOBS_HOUSE)
tests_unit_check_runner_CPPFLAGS = $(JOBS_CPPFLAGS)
tests_unit_check_runner_CFLAGS = $(JOBS_CFLAGS)
tests_unit_check_runner_LDADD = $(JOBS_LIBS)

tests_unit_check_runner_damage_SOURCES = tests/unit/check_runner_damage.c $(JOBS_HOUSE)
tests_unit_check_runner_damage_CPPFLAGS = $(JOBS_CPPFLAGS)
tests_unit_check_runner_damage_CFLAGS = $(JOBS_CFLAGS)
tests_unit_check_runner_damage_LDADD = $(JOBS_LIBS)

tests_unit_check_runner_trouble_SOURCES = tests/unit/check_runner_trouble.c $(JOBS_HOUSE)
tests_unit_check_runner_trouble_CPPFLAGS = $(JOBS_CPPFLAGS)
tests_unit_check_runner_trouble_CFLAGS = $(JOBS_CFLAGS)
tests_unit_check_runner_trouble_LDADD = $(JOBS_LIBS)

tests_unit_check_runner_goes_on_SOURCES = \
	tests/unit/check_runner_goes_on.c tests/unit/runner_drive.h $(JOBS_HOUSE)
tests_unit_check_runner_goes_on_CPPFLAGS = $(JOBS_CPPFLAGS)
tests_unit_check_runner_goes_on_CFLAGS = $(JOBS_CFLAGS)
tests_unit_check_runner_goes_on_LDADD = $(JOBS_LIBS)

tests_unit_check_runner_refit_SOURCES = \
	tests/unit/check_runner_refit.c tests/unit/runner_drive.h $(JOBS_HOUSE)
tests_unit_check_runner_refit_CPPFLAGS = $(JOBS_CPPFLAGS)
tests_unit_check_runner_refit_CFLAGS = $(JOBS_CFLAGS)
tests_unit_check_runner_refit_LDADD = $(JOBS_LIBS)

tests_unit_check_runner_resume_SOURCES = \
	tests/unit/check_runner_resume.c tests/unit/runner_drive.h $(JOBS_HOUSE)
tests_unit_check_runner_resume_CPPFLAGS = $(JOBS_CPPFLAGS)
tests_unit_check_runner_resume_CFLAGS = $(JOBS_CFLAGS)
tests_unit_check_runner_resume_LDADD = $(JOBS_LIBS)

# The encoder of this one says that its last input is an index.
tests_unit_check_runner_tables_SOURCES = \
	tests/unit/check_runner_tables.c tests/unit/runner_drive.h $(JOBS_HOUSE)
tests_unit_check_runner_tables_CPPFLAGS = $(JOBS_CPPFLAGS)
tests_unit_check_runner_tables_CFLAGS = $(JOBS_CFLAGS)
tests_unit_check_runner_tables_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=encoder_n_embeddings \
	-Wl,--wrap=encoder_embedding -Wl,--wrap=encoder_estimate_embeddings
tests_unit_check_runner_tables_LDADD = $(JOBS_LIBS)

tests_unit_check_runner_saves_SOURCES = \
	tests/unit/check_runner_saves.c tests/unit/runner_drive.h $(JOBS_HOUSE)
tests_unit_check_runner_saves_CPPFLAGS = $(JOBS_CPPFLAGS)
tests_unit_check_runner_saves_CFLAGS = $(JOBS_CFLAGS)
tests_unit_check_runner_saves_LDADD = $(JOBS_LIBS)
