/* Data that was damaged on the disk, in a way that still looks like data: the job that would use
 * it fails by name, and no weights come of it. */
#include "jobs_house.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

static struct house h;

static const char config[] = "{\"data\": {\"dataset\": \"clouds\", \"target\": \"y\","
                             " \"split\": {\"validation_dataset\": \"others\"}},"
                             " \"training\": {\"epochs\": 3, \"seed\": 1}}";

static void setup(void)
{
    house_open(&h, 1);
    house_clouds(&h, "clouds", 60);
    house_clouds(&h, "others", 90);
}

static void teardown(void)
{
    house_close(&h);
}

/* Change the lowest bits of the first cell of the named dataset, or change them back. */
static void damage(const char *name)
{
    struct store_dataset row = {.id = 0};
    struct err err = ERR_INIT;
    unsigned char byte = 0;
    char *path;
    int fd;

    ck_assert_int_eq(h.store->ops->dataset_get(h.store, name, &row, &err), 0);
    path = xasprintf("%s/%s", datasets_dir(h.datasets), row.sha256);
    fd = open(path, O_RDWR | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(pread(fd, &byte, 1, 16), 1); /* after the head */
    byte ^= 0x11;
    ck_assert_int_eq(pwrite(fd, &byte, 1, 16), 1);
    ck_assert_int_eq(close(fd), 0);
    free(path);
    store_dataset_fini(&row);
}

static void fails_by_name(int64_t id)
{
    struct store_job job = house_end(&h, id, JOB_FAILED);

    ck_assert_str_eq(job.error_code, "corrupt");
    ck_assert_ptr_nonnull(strstr(job.error_detail, "dataset"));
    store_job_fini(&job);
}

static void succeeds(int64_t id)
{
    struct store_job job = house_end(&h, id, JOB_SUCCEEDED);

    store_job_fini(&job);
}

START_TEST(a_job_on_damaged_data_fails)
{
    static const char *const damaged[] = {"clouds", "others"};
    int64_t model = 0, other = 0;
    struct store_model row;
    size_t i;

    for (i = 0; i < ARRAY_LEN(damaged); i++) {
        house_stop(&h);
        house_again(&h);
        pool_start(h.pool);
        damage(damaged[i]);
        fails_by_name(house_submit(&h, config, &model));
        row = house_model(&h, model);
        ck_assert_str_eq(row.state, "failed");
        store_model_fini(&row);
        damage(damaged[i]); /* as it was */
    }
    succeeds(house_submit(&h, config, &model));
    succeeds(house_evaluate(&h, model, "others"));
    house_stop(&h);
    house_again(&h);
    pool_start(h.pool);
    damage("others");
    fails_by_name(house_evaluate(&h, model, "others"));
    succeeds(house_evaluate(&h, model, "clouds")); /* which is whole */
    damage("others");
    succeeds(house_submit(&h, config, &other));
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("damage");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_job_on_damaged_data_fails);
    return house_run("runner damage", &tc, 1);
}
