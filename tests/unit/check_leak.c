/* Features that tell the target by themselves, and those that seem to. */
#include "data_help.h"

#include "base/buf.h"
#include "data/leak.h"

/* The warnings for target `y` of a table, of all its rows; every other column is a feature. */
static size_t warned(const struct dataset *ds, bool classes, char *names, size_t size)
{
    size_t n = dataset_n_columns(ds), features[100], i, k = 0, rows = (size_t)dataset_rows(ds),
           found;
    uint64_t *all = xcalloc(rows, sizeof *all);
    ptrdiff_t target = dataset_find(ds, "y");
    struct err warnings = ERR_INIT, err = ERR_INIT;

    ck_assert_int_ge(target, 0);
    for (i = 0; i < n; i++) {
        if ((ptrdiff_t)i != target) {
            features[k++] = i;
        }
    }
    for (i = 0; i < rows; i++) {
        all[i] = i;
    }
    ck_assert_int_eq(
        leak_check(ds, features, k, (size_t)target, classes, all, rows, &warnings, &err), 0);
    (void)snprintf(names, size, "%s", warnings.n_items > 0 ? warnings.items[0].detail : "");
    found = warnings.n_items;
    err_fini(&warnings);
    free(all);
    return found;
}

/* A number from 0 to 1 that looks like chance. */
static double chance(size_t i, size_t which)
{
    double v = sin((double)(i * 37 + which * 1009 + 1)) * 43758.5453;

    return v - floor(v);
}

START_TEST(leaks_are_told)
{
    struct buf text = BUF_INIT;
    struct dataset *ds;
    char first[512];
    size_t i;

    /* code: the class in other words, 3 in 1000 wrong; near: a number that decides; noise. */
    buf_puts(&text, "code,near,noise,gap,y\n");
    for (i = 0; i < 1000; i++) {
        int y = chance(i, 1) < 0.3;

        buf_printf(&text, "%s,%.6f,%.6f,%s,%s\n", (y != 0) == (i % 333 != 5) ? "in" : "out",
                   y + 0.9 * chance(i, 2), chance(i, 3), y ? "" : "3", y ? "bad" : "good");
    }
    ds = table(text.data);
    ck_assert_uint_eq(warned(ds, true, first, sizeof first), 3);
    ck_assert_ptr_nonnull(strstr(first, "\"code\" alone tells the target \"y\" almost perfectly (3 "
                                        "of 1000 rows wrong, "));
    dataset_free(&ds);
    buf_clear(&text);
    buf_puts(&text, "copy,level,noise,id,y\n");
    for (i = 0; i < 600; i++) {
        double y = floor(chance(i, 1) * 50);

        buf_printf(&text, "%.9g,l%.0f,%.6f,n%zu,%.3f\n", exp(y / 7 + 0.001 * chance(i, 9)), y,
                   chance(i, 3), i, y + 0.01 * chance(i, 4));
    }
    ds = table(text.data);
    ck_assert_uint_eq(warned(ds, false, first, sizeof first), 2);
    ck_assert_ptr_nonnull(strstr(first, "\"copy\" alone tells"));
    dataset_free(&ds);
    buf_fini(&text);
}
END_TEST

START_TEST(what_is_none_is_not_told)
{
    struct buf text = BUF_INIT;
    struct dataset *ds;
    char first[512];
    size_t i;

    /* Exclusive or; identifiers of texts and of numbers; a good but not perfect feature. */
    buf_puts(&text, "a,b,key,row,good,y\n");
    for (i = 0; i < 800; i++) {
        int a = chance(i, 1) < 0.5, b = chance(i, 2) < 0.5, y = a != b;

        buf_printf(&text, "%d,%d,k%05.0f,%zu,%s,%s\n", a, b, 99999 * chance(i, 5), i,
                   (y != 0) == (chance(i, 6) < 0.95) ? "p" : "q", y ? "yes" : "no");
    }
    ds = table(text.data);
    ck_assert_msg(warned(ds, true, first, sizeof first) == 0, "%s", first);
    dataset_free(&ds);
    buf_clear(&text);
    buf_puts(&text, "x,z,key,y\n"); /* half of y is noise; single texts tell nothing */
    for (i = 0; i < 800; i++) {
        buf_printf(&text, "%.6f,%.6f,k%zu,%.6f\n", chance(i, 1), chance(i, 2), i * i,
                   3 * chance(i, 1) + chance(i, 3));
    }
    ds = table(text.data);
    ck_assert_msg(warned(ds, false, first, sizeof first) == 0, "%s", first);
    dataset_free(&ds);
    /* One feature is all there is; and few rows say nothing. */
    ds = table("x,y\n1,a\n2,b\n1,a\n2,b\n1,a\n2,b\n");
    ck_assert_uint_eq(warned(ds, true, first, sizeof first), 0);
    dataset_free(&ds);
    buf_fini(&text);
}
END_TEST

/* 20,000 rows are looked at in a sample, sorted by class or not. */
START_TEST(large_tables_are_sampled)
{
    struct buf text = BUF_INIT;
    struct dataset *ds;
    char first[512];
    size_t i;

    buf_puts(&text, "code,noise,y\n");
    for (i = 0; i < 20000; i++) {
        size_t y = i / 5000;

        buf_printf(&text, "c%zu,%.6f,%zu\n", y, chance(i, 3), y);
    }
    ds = table(text.data);
    ck_assert_uint_eq(warned(ds, true, first, sizeof first), 1);
    ck_assert_ptr_nonnull(strstr(first, "\"code\" alone tells the target \"y\" almost perfectly (0 "
                                        "of 8192 rows wrong, 6144 by guessing)"));
    dataset_free(&ds);
    buf_fini(&text);
}
END_TEST

/* ---- the rule, at its edges ---- */

/* Rows of a table by a function of their number. */
static bool told(const char *head, size_t n, void (*row)(struct buf *b, size_t i), bool classes)
{
    struct buf text = BUF_INIT;
    struct dataset *ds;
    char first[512];
    size_t i, found;

    buf_printf(&text, "%s\n", head);
    for (i = 0; i < n; i++) {
        row(&text, i);
    }
    ds = table(text.data);
    found = warned(ds, classes, first, sizeof first);
    dataset_free(&ds);
    buf_fini(&text);
    ck_assert_uint_le(found, 1);
    ck_assert(found == 0 || strncmp(first, "\"f\" alone", 9) == 0);
    return found > 0;
}

static void copy_row(struct buf *b, size_t i)
{
    buf_printf(b, "%s,%.6f,%s\n", i % 2 ? "x" : "z", chance(i, 1), i % 2 ? "p" : "q");
}

static void same_row(struct buf *b, size_t i)
{
    buf_printf(b, "%zu,%.6f,%zu.5\n", i * 7 % 25, chance(i, 1), i * 7 % 25);
}

static void alone_row(struct buf *b, size_t i)
{
    buf_printf(b, "%s,%s\n", i % 2 ? "x" : "z", i % 2 ? "p" : "q");
}

static void identifier_row(struct buf *b, size_t i)
{
    buf_printf(b, "%zu,%.6f,%zu.5\n", i, chance(i, 1), i);
}

/* Texts of many words, nearly each of them there twice with the same class. */
static void text_row(struct buf *b, size_t i)
{
    buf_printf(b, "one of the longer texts that somebody wrote about thing %zu,%.6f,%s\n",
               i < 596 ? i / 2 : i, chance(i, 1), i < 596 && i / 2 % 2 ? "p" : "q");
}

/* Every text twice, its numbers 1 % of the variance apart: one does not tell the other so well. */
static void pair_row(struct buf *b, size_t i)
{
    buf_printf(b, "t%zu,%.6f,%.6f\n", i / 2, chance(i, 1),
               (i / 2 % 2 ? 1.0 : -1.0) + (i % 2 ? 0.07 : -0.07));
}

/* Every text three times, four of them with two classes: each row of those is told wrong. */
static void triple_row(struct buf *b, size_t i)
{
    size_t k = i / 3;

    buf_printf(b, "t%zu,%.6f,%s\n", k, chance(i, 1),
               (k % 2 != 0) != (i % 3 == 0 && k % 80 == 0 && k < 320) ? "p" : "q");
}

/* Numbers in twos, each of a class, in no order. */
static void near_row(struct buf *b, size_t i)
{
    size_t at = i * 37 % 400;

    buf_printf(b, "%g,%.6f,%s\n", 10.0 * (double)(at / 2) + 0.5 * (double)(at % 2), chance(i, 1),
               chance(at / 2, 2) < 0.5 ? "p" : "q");
}

/* Powers of three and their negatives; the outermost twice. */
static void power_row(struct buf *b, size_t i)
{
    double x = i % 2 ? pow(3, (double)(i / 2 % 40)) : -pow(3, (double)(i / 2 % 40));

    x = i >= 80 ? (i % 2 ? pow(3, 39) : -pow(3, 39)) : x;
    buf_printf(b, "%.0f,%.6f,%.0f\n", x, chance(i, 1), x);
}

/* Texts that are all different, in the order of the target. */
static void order_row(struct buf *b, size_t i)
{
    buf_printf(b, "n %zu,%.6f,%zu.5\n", i * 7919 % 1000, chance(i, 1), i);
}

static void gap_row(struct buf *b, size_t i)
{
    buf_printf(b, "%s,%.6f,%s\n", i % 3 ? "w" : "", chance(i, 1), i % 3 ? "p" : "q");
}

START_TEST(the_rule_at_its_edges)
{
    /* a wrong row more than there are is within 2 % of the guesses */
    ck_assert(told("f,x,y", 100, copy_row, true));
    ck_assert(!told("f,x,y", 98, copy_row, true));
    /* 50 rows; two features */
    ck_assert(told("f,x,y", 50, same_row, false));
    ck_assert(!told("f,x,y", 49, same_row, false));
    ck_assert(!told("f,y", 200, alone_row, true));
    /* not looked at */
    ck_assert(!told("f,x,y", 200, identifier_row, false));
    ck_assert(!told("f,x,y", 600, text_row, true));
    /* a row is told by the others, not by itself */
    ck_assert(!told("f,x,y", 600, pair_row, false));
    ck_assert(!told("f,x,y", 1200, triple_row, true));
    /* the nearer neighbour; the line between two; no neighbours of a text */
    ck_assert(told("f,x,y", 400, near_row, true));
    ck_assert(told("f,x,y", 82, power_row, false));
    ck_assert(!told("f,x,y", 150, order_row, false));
    ck_assert(told("f,x,y", 300, gap_row, true));
}
END_TEST

START_TEST(many_features_have_fewer_rows)
{
    struct buf text = BUF_INIT;
    struct dataset *ds;
    static size_t features[LEAK_MAX_FEATURES + 1];
    uint64_t *rows = xcalloc(3000, sizeof *rows);
    struct err warnings = ERR_INIT, err = ERR_INIT;
    size_t i;

    buf_puts(&text, "f,x,y\n");
    for (i = 0; i < 3000; i++) {
        rows[i] = i;
        copy_row(&text, i);
    }
    ds = table(text.data);
    features[0] = 0;
    for (i = 1; i < ARRAY_LEN(features); i++) {
        features[i] = 1;
    }
    ck_assert_int_eq(leak_check(ds, features, 1024, 2, true, rows, 3000, &warnings, &err), 0);
    ck_assert_uint_eq(warnings.n_items, 1);
    ck_assert_ptr_nonnull(strstr(warnings.items[0].detail, "of 2048 rows"));
    err_fini(&warnings);
    ck_assert_int_eq(leak_check(ds, features, LEAK_MAX_FEATURES + 1, 2, true, rows, 200, &warnings,
                                &err),
                     0);
    ck_assert_uint_eq(warnings.n_items, 0);
    /* of no other rows than those that are given */
    for (i = 0; i < 1000; i++) {
        rows[i] = i * 2 + (i >= 500);
    }
    ck_assert_int_eq(leak_check(ds, features, 2, 2, true, rows, 1000, &warnings, &err), 0);
    ck_assert_uint_eq(warnings.n_items, 1);
    ck_assert_ptr_nonnull(strstr(warnings.items[0].detail, "of 1000 rows wrong, 500 by"));
    err_fini(&warnings);
    dataset_free(&ds);
    buf_fini(&text);
    free(rows);
}
END_TEST

static struct dataset *example(const char *name, const char *target)
{
    const char *top = getenv("top_srcdir");
    char path[512], line[4096];
    struct buf text = BUF_INIT;
    struct dataset *ds;
    bool head = true;
    char *at;
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/examples/data/%s.csv", top != NULL ? top : ".", name);
    f = fopen(path, "r");
    ck_assert_msg(f != NULL, "%s", path);
    while (fgets(line, sizeof line, f) != NULL) {
        if (head && (at = strstr(line, target)) != NULL) { /* the target is the last column */
            (void)snprintf(at, 4, "y\n");
        }
        head = false;
        buf_puts(&text, line);
    }
    ck_assert_int_eq(fclose(f), 0);
    ds = table(text.data);
    buf_fini(&text);
    return ds;
}

START_TEST(the_examples_have_none)
{
    static const struct {
        const char *name, *target;
        bool classes;
    } sets[] = {{"iris", "species", true},
                {"digits", "digit", true},
                {"breast_cancer", "diagnosis", true},
                {"diabetes", "progression", false}};
    char first[512];
    size_t i;

    for (i = 0; i < ARRAY_LEN(sets); i++) {
        struct dataset *ds = example(sets[i].name, sets[i].target);

        ck_assert_msg(warned(ds, sets[i].classes, first, sizeof first) == 0, "%s", first);
        dataset_free(&ds);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("leak");
    TCase *tc = tcase_create("leak");

    tcase_add_checked_fixture(tc, folder_make, folder_remove);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, leaks_are_told);
    tcase_add_test(tc, what_is_none_is_not_told);
    tcase_add_test(tc, large_tables_are_sampled);
    tcase_add_test(tc, the_rule_at_its_edges);
    tcase_add_test(tc, many_features_have_fewer_rows);
    tcase_add_test(tc, the_examples_have_none);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
