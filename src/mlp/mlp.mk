# mlp: the learning core. libmlpcore.la is what the daemon and the tests link; the
# installed libmlp.la wraps it and exports mlp.h alone.
#
# Numeric files are built for speed, but never with -ffast-math: it deletes NaN checks
# and reorders sums. (A CFLAGS with -O2 comes later on the command line and wins; the
# loops carry "omp simd", so they are vectorised all the same. Where sanitizers are in the
# way clang would warn of every one of them; gcc passes over a -Wno- it does not know.)
MLP_NUMERIC = -O3 -fno-math-errno -fno-trapping-math -fopenmp-simd -ffp-contract=off \
	-Wno-pass-failed

MLP_KERNEL_SOURCES = \
	src/mlp/kernel_isa.h src/mlp/kernel_math.h src/mlp/kernel_sums.h \
	src/mlp/kernel_activate.c \
	src/mlp/kernel_loss.c \
	src/mlp/kernel_noise.c \
	src/mlp/kernel_norm.c \
	src/mlp/kernel_product.c \
	src/mlp/kernel_rows.c \
	src/mlp/kernel_softmax.c \
	src/mlp/kernel_step.c \
	src/mlp/kernel_tiles.c src/mlp/kernel_tiles.h

MLP_SOURCES = \
	src/mlp/activation.c src/mlp/activation.h \
	src/mlp/arena.h \
	src/mlp/augment.c src/mlp/augment.h \
	src/mlp/average.c src/mlp/average.h \
	src/mlp/batches.c src/mlp/batches.h src/mlp/batches_window.c \
	src/mlp/embedding.c src/mlp/embedding.h \
	src/mlp/fpmode.h \
	src/mlp/gemm.c src/mlp/gemm.h \
	src/mlp/gemm_tiles.c \
	src/mlp/init.c \
	src/mlp/kernel.c src/mlp/kernel.h \
	src/mlp/lbfgs.c src/mlp/lbfgs.h \
	src/mlp/loss.c src/mlp/loss.h \
	src/mlp/metrics.c src/mlp/metrics_priv.h \
	src/mlp/metrics_classes.c src/mlp/metrics_meter.c \
	src/mlp/metrics_numbers.c src/mlp/metrics_rank.c \
	src/mlp/mlp.h src/mlp/mlp_metrics.h src/mlp/mlp_trace.h \
	src/mlp/names.c \
	src/mlp/net.c src/mlp/net.h \
	src/mlp/noise.c src/mlp/noise.h \
	src/mlp/norm.c src/mlp/norm.h \
	src/mlp/optimizer.c src/mlp/optimizer.h \
	src/mlp/optimizer_spec.c \
	src/mlp/pass.c src/mlp/pass.h \
	src/mlp/pass_step.c src/mlp/pass_priv.h \
	src/mlp/predict.c \
	src/mlp/rng.c src/mlp/rng.h \
	src/mlp/schedule.c src/mlp/schedule.h \
	src/mlp/spec.c \
	src/mlp/trace.c \
	src/mlp/train.c src/mlp/train.h \
	src/mlp/train_state.c \
	src/mlp/trainer.c

# One table of kernels per vector instruction set; kernel.c picks at run time.
noinst_LTLIBRARIES += libmlpkernel_baseline.la
libmlpkernel_baseline_la_SOURCES = $(MLP_KERNEL_SOURCES)
libmlpkernel_baseline_la_CPPFLAGS = $(AM_CPPFLAGS) -DKERNEL_ISA=baseline
libmlpkernel_baseline_la_CFLAGS = $(AM_CFLAGS) $(MLP_NUMERIC)

noinst_LTLIBRARIES += libmlpcore.la
libmlpcore_la_SOURCES = $(MLP_SOURCES)
libmlpcore_la_CPPFLAGS = $(AM_CPPFLAGS) -DMLP_VERSION='"$(PACKAGE_VERSION)"'
libmlpcore_la_CFLAGS = $(AM_CFLAGS) $(MLP_NUMERIC) $(GEMM_CFLAGS)
libmlpcore_la_LIBADD = libmlpkernel_baseline.la

if X86_64
noinst_LTLIBRARIES += libmlpkernel_avx2.la libmlpkernel_avx512.la
libmlpkernel_avx2_la_SOURCES = $(MLP_KERNEL_SOURCES)
libmlpkernel_avx2_la_CPPFLAGS = $(AM_CPPFLAGS) -DKERNEL_ISA=avx2
libmlpkernel_avx2_la_CFLAGS = $(AM_CFLAGS) $(MLP_NUMERIC) -mavx2 -mfma

libmlpkernel_avx512_la_SOURCES = $(MLP_KERNEL_SOURCES)
libmlpkernel_avx512_la_CPPFLAGS = $(AM_CPPFLAGS) -DKERNEL_ISA=avx512
libmlpkernel_avx512_la_CFLAGS = $(AM_CFLAGS) $(MLP_NUMERIC) \
	-mavx2 -mfma -mavx512f -mavx512dq -mavx512bw -mavx512vl -mprefer-vector-width=512

libmlpcore_la_CPPFLAGS += -DMLP_KERNEL_X86=1
libmlpcore_la_LIBADD += libmlpkernel_avx2.la libmlpkernel_avx512.la
endif

if GEMM_ONEDNN
libmlpcore_la_SOURCES += src/mlp/gemm_onednn.c
endif
if GEMM_CBLAS
libmlpcore_la_SOURCES += src/mlp/gemm_cblas.c
endif
if GEMM_REFERENCE
libmlpcore_la_SOURCES += src/mlp/gemm_reference.c
endif
libmlpcore_la_LIBADD += $(GEMM_LIBS) $(OMP_LIBS)
EXTRA_DIST += src/mlp/gemm_onednn.c src/mlp/gemm_cblas.c src/mlp/gemm_reference.c

lib_LTLIBRARIES += libmlp.la
libmlp_la_SOURCES =
libmlp_la_LIBADD = libmlpcore.la
libmlp_la_LDFLAGS = $(SAN_CFLAGS) -Wl,-z,relro -Wl,-z,now -no-undefined -export-symbols-regex '^mlp_' -version-info 0:0:0
include_HEADERS += src/mlp/mlp.h src/mlp/mlp_metrics.h src/mlp/mlp_trace.h
