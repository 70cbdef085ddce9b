/* The table of limits: docs/SECURITY.md has it as http/limits.def says, and every option named
 * there is one. With MLPD_WRITE_DOCS set in the environment the section is written instead. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "doc_compare.h"
#include "http/limits.h"
#include "http/request.h"
#include "http/server_priv.h"
#include "mlpd/options_priv.h"

/* A server as the options' own values make it, as far as limits without an option ask for it. */
static struct server plain_server(void)
{
    struct server server = {.magic = SERVER_MAGIC};
    char name[] = "mlpd", *argv[] = {name, NULL};
    struct options options;
    struct err err = ERR_INIT;

    ck_assert_msg(options_parse(1, argv, &options, &err) == 0, "%s", err.detail);
    server.context.max_body = options.max_body;
    server.body_budget = request_budget(options.max_body);
    options_fini(&options);
    return server;
}

/* "1,000,000" */
static void put_count(struct buf *out, uint64_t n)
{
    if (n >= 1000) {
        put_count(out, n / 1000);
        buf_printf(out, ",%03u", (unsigned)(n % 1000));
    } else {
        buf_printf(out, "%u", (unsigned)n);
    }
}

static void put_value(struct buf *out, double value, enum limit_unit unit)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    uint64_t n = (uint64_t)value;
    size_t k = 0;

    while (unit == LIMIT_BYTES && k + 1 < ARRAY_LEN(units) && n >= 1024 && n % 1024 == 0) {
        n /= 1024;
        k++;
    }
    put_count(out, n);
    if (unit == LIMIT_BYTES) {
        buf_printf(out, " %s", units[k]);
    } else {
        buf_puts(out, unit == LIMIT_SECONDS ? " s" : unit == LIMIT_RATE ? " a second" : "");
    }
}

static const struct option_known *option_of(const char *flag)
{
    size_t k;

    for (k = 0; k < OPTIONS; k++) {
        if (strcmp(options_known[k].flag, flag) == 0) {
            return &options_known[k];
        }
    }
    return NULL;
}

/* What an option is while nobody says it. */
static void put_default(struct buf *out, const struct option_known *option, enum limit_unit unit)
{
    static const char mark[] = "(default: ";
    const char *at = strstr(option->help, mark);
    uint64_t n = 0;

    if (option->otherwise != NULL) {
        ck_assert(options_size(option->otherwise, &n));
        put_value(out, (double)n, unit);
        return;
    }
    ck_assert_msg(at != NULL, "%s does not tell its default", option->flag);
    at += strlen(mark);
    buf_printf(out, "%.*s", (int)strcspn(at, ")"), at);
}

/* What happens where there is no status. */
static const char *const others[] = {"closed", "the job fails", "sent again", "given up",
                                     "not sent"};

static void put_table(struct buf *out, const struct server *server)
{
    const struct limit *table;
    size_t n = 0, i;

    table = limits_table(&n);
    buf_puts(out,
             "| limit | of what | value | option | beyond it |\n| --- | --- | --- | --- | --- |\n");
    for (i = 0; i < n; i++) {
        const struct option_known *option = NULL;

        buf_printf(out, "| `%s` | %s | ", table[i].key, table[i].what);
        if (table[i].option != NULL) {
            option = option_of(table[i].option);
            ck_assert_msg(option != NULL, "%s: there is no %s", table[i].key, table[i].option);
        }
        /* one that follows from an option is a number of its own */
        if (option != NULL && strcmp(table[i].key, "request_memory_bytes") != 0) {
            put_default(out, option, table[i].unit);
        } else {
            put_value(out, limits_value(server, i), table[i].unit);
        }
        if (option != NULL) {
            buf_printf(out, " | `%s` | ", option->flag);
        } else {
            buf_puts(out, " | | ");
        }
        if (table[i].status < ARRAY_LEN(others)) {
            buf_printf(out, "%s |\n", others[table[i].status]);
        } else {
            buf_printf(out, "%u |\n", table[i].status);
        }
    }
}

START_TEST(the_section_is_what_the_table_says)
{
    struct server server = plain_server();
    struct buf table = BUF_INIT;

    put_table(&table, &server);
    doc_compare_section("docs/SECURITY.md", "tests/unit/check_limits_docs", "limits", &table);
    buf_fini(&table);
}
END_TEST

START_TEST(keys_and_answers_are_good)
{
    static const unsigned answers[] = {0, 1, 2, 3, 4, 400, 413, 422, 429, 431, 503, 507};
    const struct limit *table;
    size_t n = 0, i, j;

    table = limits_table(&n);
    ck_assert_uint_ge(n, 30);
    for (i = 0; i < n; i++) {
        for (j = 0; j < ARRAY_LEN(answers) && answers[j] != table[i].status; j++) {
        }
        ck_assert_msg(j < ARRAY_LEN(answers), "%s: %u", table[i].key, table[i].status);
        ck_assert_msg(strpbrk(table[i].what, "|\n") == NULL, "%s", table[i].key);
        for (j = 0; j < i; j++) {
            ck_assert_str_ne(table[i].key, table[j].key);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("limits docs");
    TCase *tc = tcase_create("limits docs");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, the_section_is_what_the_table_says);
    tcase_add_test(tc, keys_and_answers_are_good);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
