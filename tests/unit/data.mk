# unit tests of data
DATA_CHECKS = \
	tests/unit/check_cell \
	tests/unit/check_csv \
	tests/unit/check_csv_cut \
	tests/unit/check_dataset \
	tests/unit/check_dataset_behind \
	tests/unit/check_dataset_damage \
	tests/unit/check_dataset_sparse \
	tests/unit/check_dataset_view \
	tests/unit/check_datetime \
	tests/unit/check_encoder \
	tests/unit/check_encoder_numbers \
	tests/unit/check_encoder_rows \
	tests/unit/check_encoder_texts \
	tests/unit/check_reader \
	tests/unit/check_reader_bad \
	tests/unit/check_reader_far \
	tests/unit/check_reader_zip \
	tests/unit/check_schema \
	tests/unit/check_sketch \
	tests/unit/check_filter \
	tests/unit/check_leak \
	tests/unit/check_sample \
	tests/unit/check_split \
	tests/unit/check_split_ways
check_PROGRAMS += $(DATA_CHECKS)
TESTS += $(DATA_CHECKS)

DATA_CHECK_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS) $(SODIUM_CFLAGS)
DATA_CHECK_LIBS = libdata.a libbase.a $(CSV_LIBS) $(ZLIB_LIBS) $(JANSSON_LIBS) $(SODIUM_LIBS) $(UNIT_LIBS)

tests_unit_check_cell_SOURCES = tests/unit/check_cell.c tests/unit/data_help.h
tests_unit_check_cell_CFLAGS = $(DATA_CHECK_CFLAGS)
tests_unit_check_cell_LDADD = $(DATA_CHECK_LIBS)

tests_unit_check_csv_SOURCES = tests/unit/check_csv.c tests/unit/data_help.h
tests_unit_check_csv_CFLAGS = $(DATA_CHECK_CFLAGS)
tests_unit_check_csv_LDADD = $(DATA_CHECK_LIBS)
tests_unit_check_csv_cut_SOURCES = tests/unit/check_csv_cut.c tests/unit/data_help.h
tests_unit_check_csv_cut_CFLAGS = $(DATA_CHECK_CFLAGS)
tests_unit_check_csv_cut_LDADD = $(DATA_CHECK_LIBS)

tests_unit_check_dataset_SOURCES = tests/unit/check_dataset.c tests/unit/data_help.h
tests_unit_check_dataset_CFLAGS = $(DATA_CHECK_CFLAGS)
tests_unit_check_dataset_LDADD = $(DATA_CHECK_LIBS)

tests_unit_check_dataset_behind_SOURCES = tests/unit/check_dataset_behind.c tests/unit/data_help.h
tests_unit_check_dataset_behind_CFLAGS = $(DATA_CHECK_CFLAGS)
tests_unit_check_dataset_behind_LDADD = $(DATA_CHECK_LIBS)

tests_unit_check_dataset_damage_SOURCES = tests/unit/check_dataset_damage.c tests/unit/data_help.h
tests_unit_check_dataset_damage_CFLAGS = $(DATA_CHECK_CFLAGS)
tests_unit_check_dataset_damage_LDADD = $(DATA_CHECK_LIBS)

tests_unit_check_datetime_SOURCES = tests/unit/check_datetime.c tests/unit/data_help.h
tests_unit_check_datetime_CFLAGS = $(DATA_CHECK_CFLAGS)
tests_unit_check_datetime_LDADD = $(DATA_CHECK_LIBS)

tests_unit_check_encoder_SOURCES = tests/unit/check_encoder.c tests/unit/data_help.h tests/unit/encoder_help.h
tests_unit_check_encoder_CFLAGS = $(DATA_CHECK_CFLAGS)
tests_unit_check_encoder_LDADD = $(DATA_CHECK_LIBS)

tests_unit_check_encoder_numbers_SOURCES = tests/unit/check_encoder_numbers.c tests/unit/data_help.h \
	tests/unit/encoder_help.h tests/unit/fixtures/encoders_1.h tests/golden/encoder_golden.h
EXTRA_DIST += tests/golden/make_encoder.py
tests_unit_check_encoder_numbers_CFLAGS = $(DATA_CHECK_CFLAGS)
tests_unit_check_encoder_numbers_LDADD = $(DATA_CHECK_LIBS)

tests_unit_check_encoder_texts_SOURCES = tests/unit/check_encoder_texts.c tests/unit/data_help.h tests/unit/encoder_help.h
tests_unit_check_encoder_texts_CFLAGS = $(DATA_CHECK_CFLAGS)
tests_unit_check_encoder_texts_LDADD = $(DATA_CHECK_LIBS)

tests_unit_check_encoder_rows_SOURCES = tests/unit/check_encoder_rows.c tests/unit/data_help.h tests/unit/encoder_help.h
tests_unit_check_encoder_rows_CFLAGS = $(DATA_CHECK_CFLAGS)
tests_unit_check_encoder_rows_LDADD = $(DATA_CHECK_LIBS)

tests_unit_check_schema_SOURCES = tests/unit/check_schema.c tests/unit/data_help.h
tests_unit_check_schema_CFLAGS = $(DATA_CHECK_CFLAGS)
tests_unit_check_schema_LDADD = $(DATA_CHECK_LIBS)

tests_unit_check_sketch_SOURCES = tests/unit/check_sketch.c tests/unit/data_help.h
tests_unit_check_sketch_CFLAGS = $(DATA_CHECK_CFLAGS)
tests_unit_check_sketch_LDADD = $(DATA_CHECK_LIBS)

tests_unit_check_leak_SOURCES = tests/unit/check_leak.c tests/unit/data_help.h
tests_unit_check_leak_CFLAGS = $(DATA_CHECK_CFLAGS)
tests_unit_check_leak_LDADD = $(DATA_CHECK_LIBS)

tests_unit_check_sample_SOURCES = tests/unit/check_sample.c tests/unit/data_help.h
tests_unit_check_sample_CFLAGS = $(DATA_CHECK_CFLAGS)
tests_unit_check_sample_LDADD = $(DATA_CHECK_LIBS)

tests_unit_check_dataset_view_SOURCES = tests/unit/check_dataset_view.c tests/unit/data_help.h tests/unit/encoder_help.h
tests_unit_check_dataset_view_CFLAGS = $(DATA_CHECK_CFLAGS)
tests_unit_check_dataset_view_LDADD = $(DATA_CHECK_LIBS)
tests_unit_check_filter_SOURCES = tests/unit/check_filter.c tests/unit/data_help.h
tests_unit_check_filter_CFLAGS = $(DATA_CHECK_CFLAGS)
tests_unit_check_filter_LDADD = $(DATA_CHECK_LIBS)

tests_unit_check_split_ways_SOURCES = tests/unit/check_split_ways.c tests/unit/data_help.h
tests_unit_check_split_ways_CFLAGS = $(DATA_CHECK_CFLAGS)
tests_unit_check_split_ways_LDADD = $(DATA_CHECK_LIBS)

tests_unit_check_split_SOURCES = tests/unit/check_split.c tests/unit/data_help.h
tests_unit_check_split_CFLAGS = $(DATA_CHECK_CFLAGS)
tests_unit_check_split_LDADD = $(DATA_CHECK_LIBS)

tests_unit_check_dataset_sparse_SOURCES = tests/unit/check_dataset_sparse.c tests/unit/data_help.h
tests_unit_check_dataset_sparse_CFLAGS = $(DATA_CHECK_CFLAGS)
tests_unit_check_dataset_sparse_LDADD = $(DATA_CHECK_LIBS)

tests_unit_check_reader_SOURCES = tests/unit/check_reader.c tests/unit/reader_help.h \
	tests/unit/data_help.h tests/golden/npy_golden.h
tests_unit_check_reader_CFLAGS = $(DATA_CHECK_CFLAGS) $(ZLIB_CFLAGS)
tests_unit_check_reader_LDADD = $(DATA_CHECK_LIBS)

tests_unit_check_reader_bad_SOURCES = tests/unit/check_reader_bad.c tests/unit/reader_help.h \
	tests/unit/data_help.h tests/golden/npy_golden.h
tests_unit_check_reader_bad_CFLAGS = $(DATA_CHECK_CFLAGS) $(ZLIB_CFLAGS)
tests_unit_check_reader_bad_LDADD = $(DATA_CHECK_LIBS)
EXTRA_DIST += tests/golden/make_npy.py

tests_unit_check_reader_far_SOURCES = tests/unit/check_reader_far.c tests/unit/reader_help.h \
	tests/unit/data_help.h tests/golden/npy_golden.h
tests_unit_check_reader_far_CFLAGS = $(DATA_CHECK_CFLAGS) $(ZLIB_CFLAGS)
tests_unit_check_reader_far_LDADD = $(DATA_CHECK_LIBS)
tests_unit_check_reader_zip_SOURCES = tests/unit/check_reader_zip.c tests/unit/reader_help.h \
	tests/unit/data_help.h tests/golden/npy_golden.h
tests_unit_check_reader_zip_CFLAGS = $(DATA_CHECK_CFLAGS) $(ZLIB_CFLAGS)
tests_unit_check_reader_zip_LDADD = $(DATA_CHECK_LIBS)
EXTRA_DIST += tests/unit/fixtures/dataset-1
