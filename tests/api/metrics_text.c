/* See metrics_text.h. */
#include "config.h"

#include "metrics_text.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_name(const char *s, size_t len)
{
    size_t i;

    for (i = 0; i < len && (isalnum((unsigned char)s[i]) || s[i] == '_'); i++) {
    }
    return len > 0 && i == len && !isdigit((unsigned char)s[0]);
}

/* Past one `name="value"`; `line` for the message. */
static const char *skip_label(const char *p, const char *line)
{
    size_t len = strcspn(p, "=");

    ck_assert_msg(is_name(p, len) && p[len] == '=' && p[len + 1] == '"', "labels: %s", line);
    for (p += len + 2; *p != '"'; p++) {
        ck_assert_msg(*p != '\0', "an open label: %s", line);
        if (*p == '\\') {
            p++;
            ck_assert_msg(*p == '\\' || *p == '"' || *p == 'n', "an unknown escape: %s", line);
        }
    }
    return p + 1;
}

/* Where the value begins. */
static const char *skip_series(const char *line)
{
    size_t len = strcspn(line, "{ ");
    const char *p = line + len;

    ck_assert_msg(is_name(line, len), "a name: %s", line);
    if (*p == '{') {
        do {
            p = skip_label(p + 1, line);
        } while (*p == ',');
        ck_assert_msg(*p == '}', "labels: %s", line);
        p++;
    }
    ck_assert_msg(*p == ' ', "no value: %s", line);
    return p;
}

static double read_value(const char *p, const char *line)
{
    char *end;
    double value;

    ck_assert_msg(*p == '-' || *p == '+' || *p == 'N' || isdigit((unsigned char)*p), "%s", line);
    value = strtod(p, &end);
    ck_assert_msg(*end == '\0', "more than a value: %s", line);
    return value;
}

static bool belongs(const char *series, const char *family, const char *type)
{
    static const char *const ends[] = {"_bucket", "_sum", "_count"};
    size_t len = strlen(family);

    if (strncmp(series, family, len) != 0) {
        return false;
    }
    if (strcmp(type, "histogram") != 0) {
        return series[len] == '{' || series[len] == '\0';
    }
    for (size_t i = 0; i < COUNT(ends); i++) {
        size_t n = strlen(ends[i]);

        if (strncmp(series + len, ends[i], n) == 0 &&
            (series[len + n] == '{' || series[len + n] == '\0')) {
            return true;
        }
    }
    return false;
}

static int by_series(const void *a, const void *b)
{
    return strcmp(((const struct sample *)a)->series, ((const struct sample *)b)->series);
}

/* HELP, and TYPE right after it; *p is moved to what follows. */
static const char *read_head(char **p, const char **type)
{
    char *help = strsep(p, "\n"), *kind = *p != NULL ? strsep(p, "\n") : NULL, *name;

    ck_assert_msg(strncmp(help, "# HELP ", 7) == 0 && kind != NULL, "%s", help);
    ck_assert_msg(strncmp(kind, "# TYPE ", 7) == 0, "%s", kind);
    name = help + 7;
    name[strcspn(name, " ")] = '\0';
    ck_assert_msg(name[strlen(name) + 1] != '\0', "no words of help for %s", name);
    ck_assert_msg(strncmp(kind + 7, name, strlen(name)) == 0 && kind[7 + strlen(name)] == ' ', "%s",
                  kind);
    *type = kind + 8 + strlen(name);
    ck_assert_msg(strcmp(*type, "counter") == 0 || strcmp(*type, "gauge") == 0 ||
                      strcmp(*type, "histogram") == 0,
                  "%s", kind);
    return name;
}

static struct metrics parse(const char *body)
{
    size_t lines = 2, i;
    char *copy = keep(strdup(body)), *p = copy;
    const char *family = NULL, *type = NULL;
    struct metrics m = {.n = 0};

    ck_assert(strlen(body) > 0 && body[strlen(body) - 1] == '\n');
    for (const char *c = body; *c != '\0'; c++) {
        lines += *c == '\n';
    }
    m.samples = keep(calloc(lines, sizeof *m.samples));
    m.families = keep(calloc(lines, sizeof *m.families));
    while (p != NULL && *p != '\0') {
        if (*p == '#') {
            family = read_head(&p, &type);
            for (i = 0; i < m.n_families; i++) {
                ck_assert_msg(strncmp(m.families[i], family, strlen(family)) != 0 ||
                                  m.families[i][strlen(family)] != ' ',
                              "%s comes twice", family);
            }
            m.families[m.n_families++] = text("%s %s", family, type);
        } else {
            char *line = strsep(&p, "\n");
            size_t len = (size_t)(skip_series(line) - line);

            m.samples[m.n] = (struct sample){.value = read_value(line + len + 1, line)};
            line[len] = '\0';
            m.samples[m.n].series = line;
            m.samples[m.n].family = family;
            m.samples[m.n].type = type;
            ck_assert_msg(family != NULL && belongs(line, family, type), "%s after %s", line,
                          family != NULL ? family : "nothing");
            m.n++;
        }
    }
    return m;
}

/* The bucket that begins at samples[i] and what follows; returns the index after. */
static size_t check_histogram(const struct metrics *m, size_t i)
{
    const char *family = m->samples[i].family, *le;
    double last_bound = -INFINITY, last = 0, bound = 0;
    char *labels; /* before le, with its comma, or "" */
    size_t len;

    le = strstr(m->samples[i].series, "le=\"");
    ck_assert_ptr_nonnull(le);
    len = strlen(family) + strlen("_bucket{");
    labels = text("%.*s", (int)(le - m->samples[i].series - (long)len), m->samples[i].series + len);
    for (; i < m->n && m->samples[i].family == family && bound < INFINITY; i++) {
        const char *head = text("%s_bucket{%sle=\"", family, labels);

        ck_assert_msg(strncmp(m->samples[i].series, head, strlen(head)) == 0, "%s, not %s",
                      m->samples[i].series, head);
        bound = strtod(m->samples[i].series + strlen(head), NULL);
        ck_assert_msg(bound > last_bound && m->samples[i].value >= last, "%s falls",
                      m->samples[i].series);
        last_bound = bound;
        last = m->samples[i].value;
    }
    ck_assert_msg(isinf(bound), "%s has no bucket +Inf", family);
    if (labels[0] != '\0') {
        labels[strlen(labels) - 1] = '\0';
        labels = text("{%s}", labels);
    }
    ck_assert_uint_lt(i + 1, m->n);
    ck_assert_str_eq(m->samples[i].series, text("%s_sum%s", family, labels));
    ck_assert_double_ge(m->samples[i].value, 0);
    ck_assert_str_eq(m->samples[i + 1].series, text("%s_count%s", family, labels));
    ck_assert_double_eq(m->samples[i + 1].value, last);
    return i + 2;
}

static void check_samples(struct metrics *m)
{
    size_t i = 0;

    while (i < m->n) {
        if (strcmp(m->samples[i].type, "histogram") == 0) {
            i = check_histogram(m, i);
            continue;
        }
        ck_assert_msg(strcmp(m->samples[i].type, "counter") != 0 || m->samples[i].value >= 0, "%s",
                      m->samples[i].series);
        i++;
    }
    qsort(m->samples, m->n, sizeof *m->samples, by_series);
    for (i = 1; i < m->n; i++) {
        ck_assert_str_ne(m->samples[i - 1].series, m->samples[i].series);
    }
}

struct metrics metrics_read(const char *body)
{
    struct metrics m = parse(body);

    check_samples(&m);
    return m;
}

const struct sample *metrics_find(const struct metrics *m, const char *series)
{
    const struct sample key = {.series = series};

    return bsearch(&key, m->samples, m->n, sizeof key, by_series);
}

double metrics_value(const struct metrics *m, const char *series)
{
    const struct sample *s = metrics_find(m, series);

    return s != NULL ? s->value : 0;
}

void metrics_must_not_fall(const struct metrics *before, const struct metrics *after)
{
    for (size_t i = 0; i < before->n; i++) {
        const struct sample *s = &before->samples[i], *now = metrics_find(after, s->series);

        if (strcmp(s->type, "gauge") != 0) {
            ck_assert_msg(now != NULL && now->value >= s->value, "%s fell", s->series);
        }
    }
}
