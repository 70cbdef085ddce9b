/* For the tests of config_resolve: one table with a column of every sort, and a job resolved
 * against it. */
#ifndef MLPD_TESTS_RESOLVE_HELP_H
#define MLPD_TESTS_RESOLVE_HELP_H

#include "data/dataset_view.h"
#include "jobs/config.h"
#include "jobs_in_help.h"

#define ROWS 150

/* Columns: a, b numbers; color texts, c of them missing; species 3 texts; yn 2 texts; k 10
 * integers; id 150 integers; r fractions; u fractions from 0 to 1; l1, l2 of 0 and 1; one
 * constant; same one text; gap with missing cells; fold; half 2 fractions. */
static inline struct dataset *table(size_t rows, struct dataset_summary *summary)
{
    static const char *const species[] = {"setosa", "versicolor", "virginica"};
    static const char *const folds[] = {"train", "Train", "TRAINING", "val", "test"};
    struct buf csv = BUF_INIT;
    struct dataset *ds;
    size_t i;

    buf_puts(&csv, "a,b,color,species,yn,k,id,r,u,l1,l2,one,same,gap,fold,half\n");
    for (i = 0; i < rows; i++) {
        buf_printf(&csv, "%zu,%g,%s,%s,%s,%zu,%zu,%g,%g,%zu,%zu,7,x,%s,%s,%g\n", i % 7,
                   0.1 * (double)(i % 11), i % 2 ? "red" : "blue", species[i % 3],
                   i % 2 ? "yes" : "no", i % 10, i, 1.0 + 0.37 * (double)i,
                   (double)i / (double)rows, i % 2, i / 2 % 2, i % 5 ? "1.5" : "", folds[i % 5],
                   i % 2 ? 0.5 : 1.5);
    }
    ds = help_dataset(csv.data, summary);
    buf_fini(&csv);
    return ds;
}

struct fixture {
    struct dataset *ds;
    struct dataset_summary summary;
    struct job_spec spec;
    struct err warnings, err;
};

static inline void fixture_open(struct fixture *f, size_t rows)
{
    *f = (struct fixture){.ds = NULL};
    f->ds = table(rows, &f->summary);
}

static inline void fixture_clear(struct fixture *f)
{
    job_spec_fini(&f->spec);
    err_fini(&f->warnings);
    err_fini(&f->err);
}

static inline void fixture_close(struct fixture *f)
{
    fixture_clear(f);
    dataset_free(&f->ds);
}

static inline int resolve(struct fixture *f, const char *text)
{
    struct config *config = NULL;
    const struct dataset *ds = f->ds, *validation = NULL, *test = NULL;
    int rc;

    fixture_clear(f);
    ck_assert_msg(config_parse(text, strlen(text), &config, &f->err) == 0, "%s\n%s", text,
                  help_show(&f->err));
    validation = config_validation_key(config) != NULL ? f->ds : NULL;
    test = config_test_key(config) != NULL ? f->ds : NULL;
    rc = config_view(config, NULL, &ds, &validation, &test, &f->err);
    if (rc == 0) {
        rc = config_resolve(config,
                            &(struct config_sources){
                                .ds = ds,
                                .sha256 = f->summary.sha256,
                                .validation = validation,
                                .validation_sha256 = f->summary.sha256,
                                .test = test,
                                .test_sha256 = f->summary.sha256,
                            },
                            &f->spec, &f->warnings, &f->err);
    }
    dataset_view_end(&ds);
    dataset_view_end(&validation);
    dataset_view_end(&test);
    config_free(&config);
    return rc;
}

static inline void resolve_ok(struct fixture *f, const char *text)
{
    ck_assert_msg(resolve(f, text) == 0, "%s\n%s", text, help_show(&f->err));
}

#define JOB(target, more)  "{\"data\":{\"dataset\":\"d\",\"target\":\"" target "\"}" more "}"
#define JOBD(target, data) "{\"data\":{\"dataset\":\"d\",\"target\":\"" target "\"," data "}}"

#endif
