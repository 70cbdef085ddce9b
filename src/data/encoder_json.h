/* Between the files that write and read the stored form; for encoder_json*.c only. */
#ifndef MLPD_DATA_ENCODER_JSON_H
#define MLPD_DATA_ENCODER_JSON_H

#include <jansson.h>

#include "data/encoder_priv.h"

#define ENCODER_VERSION 2 /* 1 is read, too: encoder_json_old.c */

/* NULL-terminated, by the enums. */
extern const char *const encoder_form_names[];
extern const char *const encoder_levels_names[];
extern const char *const encoder_indicator_names[];

/* ---- encoder_json_read.c: readers that return false on anything unexpected ---- */
bool encoder_json_choice(const json_t *o, const char *key, const char *const *names, size_t *out);
bool encoder_json_bool(const json_t *o, const char *key, bool *out);
/* null is NaN where `nullable`. */
bool encoder_json_number(const json_t *o, const char *key, bool nullable, double *out);
/* A column's name; null is NULL where `nullable`. */
bool encoder_json_name(const json_t *o, const char *key, bool nullable, char **out);
/* An array of texts; `sorted` = strictly ascending by bytes. */
bool encoder_json_texts(const json_t *array, bool sorted, size_t *n, char ***out);

/* ---- encoder_json_old.c: what version 1 had in other places ---- */
/* The choices of the whole; *n: how many keys it has. */
bool encoder_json_old(const json_t *o, struct encoder *e, size_t *n);
/* A numeric feature whose name, type and "used" are read. */
bool encoder_json_old_number(const json_t *whole, const json_t *o, const struct encoder *e,
                             struct encoder_feature *f);
bool encoder_json_old_texts(const json_t *o, struct encoder_feature *f);

#endif
