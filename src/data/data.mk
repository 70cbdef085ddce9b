# data: CSV in, columnar dataset files, encoder, split
noinst_LIBRARIES += libdata.a
libdata_a_SOURCES = \
	src/data/arff.c src/data/arff_date.c src/data/arff_priv.h \
	src/data/arrays.c \
	src/data/cell.c src/data/cell.h \
	src/data/csv.c src/data/csv.h \
	src/data/csv_infer.c src/data/csv_priv.h \
	src/data/csv_cut.c \
	src/data/csv_rows.c \
	src/data/csv_sniff.c src/data/csv_sniff.h \
	src/data/csv_types.c \
	src/data/dataset.c src/data/dataset.h src/data/dataset_priv.h \
	src/data/dataset_copy.c \
	src/data/dataset_open.c \
	src/data/dataset_read.c src/data/dataset_read_priv.h \
	src/data/dataset_sparse.c src/data/dataset_sparse.h \
	src/data/dataset_view.c src/data/dataset_view.h \
	src/data/dataset_write.c src/data/dataset_write_priv.h \
	src/data/dataset_write_behind.c \
	src/data/dataset_write_footer.c \
	src/data/dataset_write_group.c \
	src/data/dataset_write_why.c \
	src/data/datetime.c src/data/datetime.h \
	src/data/dict.c src/data/dict.h \
	src/data/encoder.h src/data/encoder_priv.h \
	src/data/encoder.c \
	src/data/encoder_cells.c \
	src/data/encoder_column.c \
	src/data/encoder_drop.c \
	src/data/encoder_estimate.c \
	src/data/encoder_fit.c src/data/encoder_fit.h \
	src/data/encoder_fit_level.c \
	src/data/encoder_fit_number.c \
	src/data/encoder_fit_target.c \
	src/data/encoder_fit_time.c \
	src/data/encoder_json.c src/data/encoder_json.h \
	src/data/encoder_json_old.c \
	src/data/encoder_json_read.c \
	src/data/encoder_level.c src/data/encoder_level.h \
	src/data/encoder_names.c \
	src/data/encoder_number.c src/data/encoder_number.h \
	src/data/encoder_parts.c src/data/encoder_parts.h \
	src/data/encoder_plan.c src/data/encoder_plan.h \
	src/data/encoder_rows.c \
	src/data/encoder_truth.c \
	src/data/encoder_view.c \
	src/data/missing.c src/data/missing.h \
	src/data/sketch.c src/data/sketch.h \
	src/data/gunzip.c src/data/gunzip.h \
	src/data/idx.c \
	src/data/leak.c src/data/leak.h \
	src/data/libsvm.c \
	src/data/ndjson.c \
	src/data/npy.c \
	src/data/npz.c \
	src/data/reader.c src/data/reader.h src/data/reader_priv.h \
	src/data/reader_lines.c \
	src/data/reader_look.c \
	src/data/reader_spool.c \
	src/data/filter.c src/data/filter.h \
	src/data/sample.c src/data/sample.h \
	src/data/split.c src/data/split.h src/data/split_priv.h \
	src/data/split_class.c \
	src/data/split_column.c \
	src/data/split_fraction.c \
	src/data/split_group.c \
	src/data/stats.c src/data/stats.h \
	src/data/turns.c src/data/turns.h \
	src/data/unpack.c src/data/unpack.h
libdata_a_CFLAGS = $(AM_CFLAGS) $(CSV_CFLAGS) $(JANSSON_CFLAGS) $(SODIUM_CFLAGS) $(ZLIB_CFLAGS)

EXTRA_DIST += \
	examples/data/SOURCES.md \
	examples/data/make.py \
	examples/data/breast_cancer.csv \
	examples/data/diabetes.csv \
	examples/data/digits.csv \
	examples/data/iris.csv \
	examples/data/make_rides.py \
	examples/data/rides.csv \
	examples/data/make_weather.py \
	examples/data/weather.csv
