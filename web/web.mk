# web: the dashboard, built by node into the source folder and embedded in the daemon.
#
# web/dist is like the output of bison: not in the repository, but in the release, so that a
# tarball builds without node. It is rebuilt when a source is newer and node and its packages are
# there; a tarball's files are newer than its sources, so nothing is written there. build.mjs
# gives all its files one time stamp and writes index.html.gz last: that one stands for all.
web_sources = \
	web/index.html \
	web/src/actions.tsx \
	web/src/api.ts \
	web/src/chart.tsx \
	web/src/config.ts \
	web/src/download.ts \
	web/src/examples.ts \
	web/src/format.ts \
	web/src/jobtree.ts \
	web/src/main.tsx \
	web/src/metrics.ts \
	web/src/net.tsx \
	web/src/pages.tsx \
	web/src/parts.tsx \
	web/src/pinch.ts \
	web/src/plots.tsx \
	web/src/pointer.ts \
	web/src/poll.ts \
	web/src/route.ts \
	web/src/send.ts \
	web/src/smooth.ts \
	web/src/spark.tsx \
	web/src/style/base.css \
	web/src/style/compare.css \
	web/src/style/controls.css \
	web/src/style/data.css \
	web/src/style/frame.css \
	web/src/style/learn.css \
	web/src/style/lists.css \
	web/src/style/narrow.css \
	web/src/style/views.css \
	web/src/theme.tsx \
	web/src/ticks.ts \
	web/src/token.ts \
	web/src/trace.ts \
	web/src/types.ts \
	web/src/views/column.tsx \
	web/src/views/compare-data.ts \
	web/src/views/compare-plots.tsx \
	web/src/views/compare.tsx \
	web/src/views/curve.tsx \
	web/src/views/dataset.tsx \
	web/src/views/datasets.tsx \
	web/src/views/evaluation.tsx \
	web/src/views/fields.tsx \
	web/src/views/job.tsx \
	web/src/views/jobform.tsx \
	web/src/views/jobrow.tsx \
	web/src/views/jobs.tsx \
	web/src/views/metrics.tsx \
	web/src/views/model.tsx \
	web/src/views/model_about.tsx \
	web/src/views/model_network.tsx \
	web/src/views/model_spread.tsx \
	web/src/views/models.tsx \
	web/src/views/new.tsx \
	web/src/views/numbers.tsx \
	web/src/views/pass.tsx \
	web/src/views/passwords.tsx \
	web/src/views/predict.tsx \
	web/src/views/sweep.tsx \
	web/src/views/thresholds.tsx \
	web/src/views/token.tsx \
	web/src/views/upload.tsx \
	web/src/views/welcome.tsx
# Jobs and tables that the page asks for.
web_examples = \
	examples/breast_cancer.json \
	examples/diabetes.json \
	examples/digits.json \
	examples/iris.json \
	examples/sine.json \
	examples/prepare/datetime.json \
	examples/prepare/decide.json \
	examples/prepare/embedding.json \
	examples/prepare/filter.json \
	examples/prepare/hashing.json \
	examples/prepare/log_target.json \
	examples/prepare/missing.json \
	examples/prepare/multi_label.json \
	examples/prepare/number_levels.json \
	examples/prepare/numeric_forms.json \
	examples/prepare/ordinal.json \
	examples/prepare/rare_levels.json \
	examples/prepare/refit.json \
	examples/prepare/rides.json \
	examples/prepare/sampling.json \
	examples/prepare/several_targets.json \
	examples/prepare/split_group.json \
	examples/prepare/split_rows.json \
	examples/prepare/split_time.json \
	examples/prepare/types.json \
	examples/data/breast_cancer.csv \
	examples/data/diabetes.csv \
	examples/data/digits.csv \
	examples/data/iris.csv \
	examples/data/rides.csv \
	examples/data/weather.csv
web_tools = \
	web/build.mjs \
	web/package-lock.json \
	web/package.json \
	web/tsconfig.json

web_dist = $(srcdir)/web/dist
web_stamp = $(web_dist)/index.html.gz
web_parts = $(web_dist)/app.js.gz $(web_dist)/app.css.gz $(web_dist)/examples.json.gz

$(web_stamp): $(web_sources) $(web_examples) $(web_tools)
	$(AM_V_GEN)if test -n "$(NODE)" && test -d $(srcdir)/web/node_modules; then \
	  '$(NODE)' $(srcdir)/web/build.mjs $(web_dist) >web-build.log 2>&1 || { cat web-build.log; exit 1; }; \
	elif test -f $@; then \
	  echo "the page's sources are newer than web/dist, but node or web/node_modules is missing: the old page is used"; \
	else \
	  echo "the page needs node and web/node_modules: run scripts/setup" >&2; exit 1; \
	fi

# One of the others was lost: make all of them again.
$(web_parts): $(web_stamp)
	@test -f $@ || { rm -f $(web_stamp) && $(MAKE) $(AM_MAKEFLAGS) $(web_stamp); }

noinst_LIBRARIES += libpage.a
libpage_a_SOURCES = src/http/page.c src/http/page.h
libpage_a_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS) -Wa,-I$(web_dist)
if WEB
src/http/libpage_a-page.$(OBJEXT): $(web_stamp) $(web_parts)
endif

check_PROGRAMS += tests/unit/check_page
TESTS += tests/unit/check_page
tests_unit_check_page_SOURCES = tests/unit/check_page.c
tests_unit_check_page_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SODIUM_CFLAGS) $(ZLIB_CFLAGS)
tests_unit_check_page_LDADD = libpage.a libbase.a $(SODIUM_LIBS) $(ZLIB_LIBS) $(UNIT_LIBS)

CLEANFILES += web-build.log
MAINTAINERCLEANFILES = $(web_stamp) $(web_parts)
EXTRA_DIST += $(web_sources) $(web_tools) web/.npmrc $(web_stamp) $(web_parts) \
	tests/browser/daemon.mjs tests/browser/help.mjs tests/browser/run.mjs tests/browser/units.mjs \
	tests/browser/view_compare.mjs tests/browser/view_datasets.mjs tests/browser/view_job.mjs tests/browser/view_jobs.mjs \
	tests/browser/view_manners.mjs tests/browser/view_model.mjs tests/browser/view_new.mjs \
	tests/browser/view_pass.mjs
