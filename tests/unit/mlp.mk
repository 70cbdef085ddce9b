# unit tests of mlp
#
# The learning core a second time, in double, with its names changed: the witness for
# gradients.
check_LTLIBRARIES = libmlpdouble.la
libmlpdouble_la_SOURCES = \
	src/mlp/activation.c src/mlp/kernel_activate.c \
	src/mlp/embedding.c src/mlp/noise.c src/mlp/norm.c src/mlp/kernel_noise.c src/mlp/kernel_norm.c \
	src/mlp/gemm.c src/mlp/gemm_reference.c src/mlp/gemm_tiles.c src/mlp/kernel.c \
	src/mlp/kernel_loss.c src/mlp/kernel_softmax.c \
	src/mlp/kernel_product.c src/mlp/kernel_rows.c src/mlp/kernel_step.c \
	src/mlp/init.c src/mlp/loss.c src/mlp/net.c src/mlp/pass.c src/mlp/pass_step.c src/mlp/rng.c \
	src/mlp/spec.c src/mlp/trace.c \
	tests/unit/mlp_double.c tests/unit/mlp_double.h tests/unit/mlp_gradient.h \
	tests/unit/mlp_trace_flat.h
libmlpdouble_la_CPPFLAGS = $(AM_CPPFLAGS) -DKERNEL_ISA=wide -DMLP_VERSION='"double"' \
	-include $(srcdir)/tests/unit/mlp_double.h
libmlpdouble_la_CFLAGS = $(AM_CFLAGS) $(MLP_NUMERIC)

MLP_CHECKS = \
	tests/unit/check_mlp_augment \
	tests/unit/check_mlp_batches \
	tests/unit/check_mlp_activation_nets \
	tests/unit/check_mlp_activations \
	tests/unit/check_mlp_cost \
	tests/unit/check_mlp_embedding \
	tests/unit/check_mlp_ends \
	tests/unit/check_mlp_gemm \
	tests/unit/check_mlp_golden \
	tests/unit/check_mlp_gradient \
	tests/unit/check_mlp_kernel \
	tests/unit/check_mlp_lbfgs \
	tests/unit/check_mlp_lbfgs_fit \
	tests/unit/check_mlp_loss \
	tests/unit/check_mlp_loss_data \
	tests/unit/check_mlp_loss_gradient \
	tests/unit/check_mlp_loss_rows \
	tests/unit/check_mlp_manners \
	tests/unit/check_mlp_meter \
	tests/unit/check_mlp_metrics \
	tests/unit/check_mlp_noise \
	tests/unit/check_mlp_norm \
	tests/unit/check_mlp_optimizer \
	tests/unit/check_mlp_predict \
	tests/unit/check_mlp_resume \
	tests/unit/check_mlp_window \
	tests/unit/check_mlp_rng \
	tests/unit/check_mlp_softmax \
	tests/unit/check_mlp_schedule \
	tests/unit/check_mlp_spec \
	tests/unit/check_mlp_stages \
	tests/unit/check_mlp_step \
	tests/unit/check_mlp_stop \
	tests/unit/check_mlp_threads \
	tests/unit/check_mlp_tiles \
	tests/unit/check_mlp_trace \
	tests/unit/check_mlp_train \
	tests/unit/check_mlp_trajectories
check_PROGRAMS += $(MLP_CHECKS)
TESTS += $(MLP_CHECKS)

tests_unit_check_mlp_activation_nets_SOURCES = tests/unit/check_mlp_activation_nets.c \
	tests/unit/mlp_activation_help.h tests/unit/mlp_gradient_check.c
tests_unit_check_mlp_activation_nets_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_check_mlp_activation_nets_LDADD = libmlpdouble.la libmlpcore.la $(UNIT_LIBS)

tests_unit_check_mlp_activations_SOURCES = tests/unit/check_mlp_activations.c \
	tests/unit/mlp_activation_help.h
tests_unit_check_mlp_activations_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_check_mlp_activations_LDADD = libmlpcore.la $(UNIT_LIBS)

tests_unit_check_mlp_embedding_SOURCES = tests/unit/check_mlp_embedding.c \
	tests/unit/mlp_gradient_check.c tests/unit/mlp_train_help.h
tests_unit_check_mlp_embedding_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_check_mlp_embedding_LDADD = libmlpdouble.la libmlpcore.la $(UNIT_LIBS)

tests_unit_check_mlp_gemm_SOURCES = tests/unit/check_mlp_gemm.c tests/unit/mlp_help.h
tests_unit_check_mlp_gemm_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_check_mlp_gemm_LDADD = libmlpcore.la $(UNIT_LIBS)

tests_unit_check_mlp_golden_SOURCES = tests/unit/check_mlp_golden.c tests/golden/mlp_golden.h
tests_unit_check_mlp_golden_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_check_mlp_golden_LDADD = libmlpcore.la $(UNIT_LIBS)

tests_unit_check_mlp_gradient_SOURCES = tests/unit/check_mlp_gradient.c \
	tests/unit/mlp_gradient_check.c
tests_unit_check_mlp_gradient_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_check_mlp_gradient_LDADD = libmlpdouble.la libmlpcore.la $(UNIT_LIBS)

tests_unit_check_mlp_kernel_SOURCES = tests/unit/check_mlp_kernel.c
tests_unit_check_mlp_kernel_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_check_mlp_kernel_LDADD = libmlpcore.la $(UNIT_LIBS)

tests_unit_check_mlp_meter_SOURCES = tests/unit/check_mlp_meter.c tests/unit/metrics_help.h
tests_unit_check_mlp_meter_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_check_mlp_meter_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=posix_memalign
tests_unit_check_mlp_meter_LDADD = libmlpcore.la $(UNIT_LIBS)

tests_unit_check_mlp_lbfgs_SOURCES = tests/unit/check_mlp_lbfgs.c tests/unit/mlp_lbfgs_help.h
tests_unit_check_mlp_lbfgs_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_check_mlp_lbfgs_LDADD = libmlpcore.la $(UNIT_LIBS)

tests_unit_check_mlp_lbfgs_fit_SOURCES = tests/unit/check_mlp_lbfgs_fit.c \
	tests/unit/mlp_lbfgs_help.h
tests_unit_check_mlp_lbfgs_fit_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_check_mlp_lbfgs_fit_LDADD = libmlpcore.la $(UNIT_LIBS)

tests_unit_check_mlp_manners_SOURCES = tests/unit/check_mlp_manners.c \
	tests/unit/mlp_train_help.h
tests_unit_check_mlp_manners_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_check_mlp_manners_LDADD = libmlpcore.la $(UNIT_LIBS)

tests_unit_check_mlp_metrics_SOURCES = \
	tests/unit/check_mlp_metrics.c tests/unit/metrics_help.h tests/golden/metrics_golden.h
tests_unit_check_mlp_metrics_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_check_mlp_metrics_LDADD = libmlpcore.la $(UNIT_LIBS)

tests_unit_check_mlp_optimizer_SOURCES = tests/unit/check_mlp_optimizer.c tests/unit/mlp_step_help.h
tests_unit_check_mlp_optimizer_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_check_mlp_optimizer_LDADD = libmlpcore.la $(UNIT_LIBS)

tests_unit_check_mlp_predict_SOURCES = tests/unit/check_mlp_predict.c
tests_unit_check_mlp_predict_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_check_mlp_predict_LDADD = libmlpcore.la $(UNIT_LIBS)

tests_unit_check_mlp_rng_SOURCES = tests/unit/check_mlp_rng.c
tests_unit_check_mlp_rng_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_check_mlp_rng_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=malloc
tests_unit_check_mlp_rng_LDADD = libmlpcore.la $(UNIT_LIBS)

tests_unit_check_mlp_schedule_SOURCES = tests/unit/check_mlp_schedule.c
tests_unit_check_mlp_schedule_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_check_mlp_schedule_LDADD = libmlpcore.la $(UNIT_LIBS)

tests_unit_check_mlp_spec_SOURCES = tests/unit/check_mlp_spec.c
tests_unit_check_mlp_spec_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_check_mlp_spec_LDADD = libmlpcore.la $(UNIT_LIBS)

tests_unit_check_mlp_loss_SOURCES = tests/unit/check_mlp_loss.c
tests_unit_check_mlp_loss_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_check_mlp_loss_LDADD = libmlpcore.la $(UNIT_LIBS)

tests_unit_check_mlp_loss_data_SOURCES = tests/unit/check_mlp_loss_data.c
tests_unit_check_mlp_loss_data_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_check_mlp_loss_data_LDADD = libmlpcore.la $(UNIT_LIBS)

tests_unit_check_mlp_loss_gradient_SOURCES = tests/unit/check_mlp_loss_gradient.c \
	tests/unit/mlp_gradient_check.c
tests_unit_check_mlp_loss_gradient_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_check_mlp_loss_gradient_LDADD = libmlpdouble.la libmlpcore.la $(UNIT_LIBS)

tests_unit_check_mlp_loss_rows_SOURCES = tests/unit/check_mlp_loss_rows.c
tests_unit_check_mlp_loss_rows_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_check_mlp_loss_rows_LDADD = libmlpcore.la $(UNIT_LIBS)

tests_unit_check_mlp_softmax_SOURCES = tests/unit/check_mlp_softmax.c
tests_unit_check_mlp_softmax_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_check_mlp_softmax_LDADD = libmlpcore.la $(UNIT_LIBS)

tests_unit_check_mlp_noise_SOURCES = tests/unit/check_mlp_noise.c tests/unit/mlp_rig.h
tests_unit_check_mlp_noise_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_check_mlp_noise_LDADD = libmlpcore.la $(UNIT_LIBS)

tests_unit_check_mlp_norm_SOURCES = tests/unit/check_mlp_norm.c tests/unit/mlp_rig.h
tests_unit_check_mlp_norm_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_check_mlp_norm_LDADD = libmlpcore.la $(UNIT_LIBS)

tests_unit_check_mlp_stages_SOURCES = tests/unit/check_mlp_stages.c \
	tests/unit/mlp_gradient_check.c
tests_unit_check_mlp_stages_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_check_mlp_stages_LDADD = libmlpdouble.la libmlpcore.la $(UNIT_LIBS)

tests_unit_check_mlp_step_SOURCES = tests/unit/check_mlp_step.c tests/unit/mlp_step_help.h
tests_unit_check_mlp_step_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_check_mlp_step_LDADD = libmlpcore.la $(UNIT_LIBS)

tests_unit_check_mlp_stop_SOURCES = tests/unit/check_mlp_stop.c tests/unit/mlp_train_help.h
tests_unit_check_mlp_stop_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_check_mlp_stop_LDADD = libmlpcore.la $(UNIT_LIBS)

tests_unit_check_mlp_threads_SOURCES = tests/unit/check_mlp_threads.c tests/unit/mlp_train_help.h
tests_unit_check_mlp_threads_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_check_mlp_threads_LDADD = libmlpcore.la $(UNIT_LIBS)

tests_unit_check_mlp_tiles_SOURCES = tests/unit/check_mlp_tiles.c tests/unit/mlp_help.h
tests_unit_check_mlp_tiles_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_check_mlp_tiles_LDADD = libmlpcore.la $(UNIT_LIBS)

tests_unit_check_mlp_train_SOURCES = tests/unit/check_mlp_train.c
tests_unit_check_mlp_train_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_check_mlp_train_LDADD = libmlpcore.la $(UNIT_LIBS)

tests_unit_check_mlp_augment_SOURCES = tests/unit/check_mlp_augment.c
tests_unit_check_mlp_augment_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_check_mlp_augment_LDADD = libmlpcore.la $(UNIT_LIBS)
tests_unit_check_mlp_batches_SOURCES = tests/unit/check_mlp_batches.c tests/unit/mlp_train_help.h
tests_unit_check_mlp_batches_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_check_mlp_batches_LDADD = libmlpcore.la $(UNIT_LIBS)

tests_unit_check_mlp_ends_SOURCES = tests/unit/check_mlp_ends.c tests/unit/mlp_train_help.h
tests_unit_check_mlp_ends_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_check_mlp_ends_LDADD = libmlpcore.la $(UNIT_LIBS)

tests_unit_check_mlp_resume_SOURCES = tests/unit/check_mlp_resume.c tests/unit/mlp_train_help.h
tests_unit_check_mlp_resume_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_check_mlp_resume_LDADD = libmlpcore.la $(UNIT_LIBS)

tests_unit_check_mlp_window_SOURCES = tests/unit/check_mlp_window.c tests/unit/mlp_train_help.h
tests_unit_check_mlp_window_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_check_mlp_window_LDADD = libmlpcore.la $(UNIT_LIBS)

# Held to PyTorch's numbers, which make_torch.py makes.
tests_unit_check_mlp_trajectories_SOURCES = tests/unit/check_mlp_trajectories.c \
	tests/golden/torch_activations.h tests/golden/torch_embeddings.h tests/golden/torch_layers.h \
	tests/golden/torch_noises.h tests/golden/torch_losses.h tests/golden/torch_optimizers.h \
	tests/golden/torch_schedules.h
tests_unit_check_mlp_trajectories_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_check_mlp_trajectories_LDADD = libmlpcore.la $(UNIT_LIBS)
EXTRA_DIST += tests/golden/make_torch.py tests/golden/torch_net.py tests/golden/torch_noise.py \
	 tests/golden/torch_train.py

# Counts what the library allocates.
tests_unit_check_mlp_cost_SOURCES = tests/unit/check_mlp_cost.c
tests_unit_check_mlp_cost_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_check_mlp_cost_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=posix_memalign
tests_unit_check_mlp_cost_LDADD = libmlpcore.la $(UNIT_LIBS)

EXTRA_DIST += tests/golden/make_golden.py tests/golden/make_metrics.py

tests_unit_check_mlp_trace_SOURCES = tests/unit/check_mlp_trace.c tests/unit/mlp_trace_flat.h \
	tests/unit/mlp_help.h
tests_unit_check_mlp_trace_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_check_mlp_trace_LDADD = libmlpdouble.la libmlpcore.la $(UNIT_LIBS)
