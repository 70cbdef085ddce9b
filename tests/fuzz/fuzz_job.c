/* A job as it is posted: JSON -> config -> inline rows as a dataset -> resolved against a small
 * table -> weighed. What resolves must print to JSON that resolves to itself; what does not must
 * say why.
 */
#include "fuzz.h"

#include <stdio.h>

#include "jobs/admit.h"
#include "jobs/config.h"

/* A column of every sort: numbers, texts, classes, a constant, gaps, a split. */
#define TABLE                                                                                      \
    "a,b,color,species,yn,k,one,gap,fold,u\n"                                                      \
    "1,0.5,red,setosa,yes,0,7,1.5,train,0.1\n2,1.5,blue,versicolor,no,1,7,,train,0.2\n"            \
    "3,2.5,red,virginica,yes,2,7,2.5,val,0.3\n4,3.5,blue,setosa,no,3,7,1,test,0.4\n"               \
    "5,4.5,,versicolor,yes,4,7,,train,0.5\n6,5.5,red,virginica,no,5,7,3,train,0.6\n"               \
    "7,6.5,blue,setosa,yes,6,7,1,val,0.7\n8,7.5,red,versicolor,no,7,7,2,test,0.8\n"                \
    "9,8.5,blue,virginica,yes,8,7,1,train,0.9\n1,9.5,red,setosa,no,9,7,1,train,1\n"

#define MEMORY ((size_t)64 << 20) /* what a job may take */

static struct dataset *table;
static char table_sha256[HASH_HEX_LEN];

static int resolve(const struct config *config, const struct dataset *ds, const char *sha256,
                   struct job_spec *out, struct err *err)
{
    struct err warnings = ERR_INIT;
    int rc;

    *out = (struct job_spec){.name = NULL};
    rc = config_resolve(config,
                        &(struct config_sources){
                            .ds = ds,
                            .sha256 = sha256,
                            .validation = config_validation_key(config) != NULL ? table : NULL,
                            .validation_sha256 = table_sha256,
                            .test = config_test_key(config) != NULL ? table : NULL,
                            .test_sha256 = table_sha256,
                        },
                        out, &warnings, err);
    err_fini(&warnings);
    return rc;
}

/* Posting what was printed is the same job. */
static void post_again(const char *printed, const struct dataset *ds, const char *sha256)
{
    struct err err = ERR_INIT;
    struct config *config = NULL;
    struct job_spec spec;
    char *again;

    FUZZ_TRUE(config_parse(printed, strlen(printed), &config, &err) == 0);
    FUZZ_TRUE(resolve(config, ds, sha256, &spec, &err) == 0);
    again = config_print(&spec);
    FUZZ_TRUE(strcmp(printed, again) == 0);
    free(again);
    job_spec_fini(&spec);
    config_free(&config);
}

static void weigh(const struct job_spec *spec, const struct dataset *ds)
{
    const struct dataset *validation = spec->validation_dataset[0] != '\0' ? table : NULL;
    const struct dataset *test = spec->test_dataset[0] != '\0' ? table : NULL;
    struct err err = ERR_INIT;
    struct admission admission;
    size_t rows[SPLIT_PARTS];
    int rc = admit_rows(spec, ds, validation, test, rows, &err);

    if (rc == 0) {
        rc = admit(spec, ds, rows, MEMORY, &admission, &err);
        FUZZ_TRUE(rc != 0 || admission.bytes <= MEMORY);
    }
    fuzz_err(rc, &err);
    err_fini(&err);
}

static int use(struct config *config, const struct dataset *ds, const char *sha256, struct err *err)
{
    struct job_spec spec;
    char *printed;
    int rc = resolve(config, ds, sha256, &spec, err);

    if (rc == 0) {
        printed = config_print(&spec);
        post_again(printed, ds, sha256);
        free(printed);
        weigh(&spec, ds);
    }
    job_spec_fini(&spec);
    return rc;
}

/* Rows inside the job become a dataset, and the config a reference to it. */
static int use_inline(struct config *config, struct err *err)
{
    struct dataset_summary summary;
    struct dataset *ds = NULL;
    char *path;
    int rc = config_write_inline(config, fuzz_folder(), &summary, err);

    if (rc != 0) {
        return rc;
    }
    path = xasprintf("%s/%s", fuzz_folder(), summary.sha256);
    FUZZ_TRUE(dataset_open(path, &ds, err) == 0);
    FUZZ_TRUE(fuzz_dataset_read(ds, err) == 0);
    config_replace_inline(config, summary.sha256);
    FUZZ_TRUE(config_dataset_key(config) != NULL);
    rc = use(config, ds, summary.sha256, err);
    dataset_free(&ds);
    FUZZ_TRUE(remove(path) == 0);
    free(path);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = ERR_INIT;
    struct config *config = NULL;
    char *text;
    int rc;

    fuzz_start();
    if (table == NULL) {
        table = fuzz_dataset(TABLE, table_sha256);
    }
    rc = config_parse((const char *)data, size, &config, &err);
    FUZZ_TRUE((rc == 0) == (config != NULL));
    if (rc == 0) {
        rc = config_dataset_key(config) != NULL ? use(config, table, table_sha256, &err)
                                                : use_inline(config, &err);
        text = config_text(config);
        FUZZ_TRUE(text[0] == '{');
        free(text);
    }
    fuzz_err(rc, &err);
    err_fini(&err);
    config_free(&config);
    return 0;
}
