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
    tcase_add_test(tc, the_examples_have_none);
    suite_add_tcase(suite, tc);
    return run_suite(suite);
}
