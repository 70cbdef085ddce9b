/* docs/JOB-CONFIG.md is what the table of keys says. With MLPD_WRITE_DOCS set in the
 * environment the page is written instead of compared. */
#include "base/buf.h"
#include "doc_compare.h"
#include "jobs/config_priv.h"
#include "jobs/json_util.h"
#include "jobs_in_help.h"

static const char top[] =
    "# The job config, key by key\n\n"
    "`POST /train` takes a JSON object with these keys. All have defaults but `data`; the\n"
    "smallest job is `{\"data\": {\"dataset\": \"iris\", \"target\": \"species\"}}`. The files in\n"
    "`examples/` are jobs, and the `resolved` part of every answer shows a job with all its\n"
    "defaults filled in. An unknown key is an error. `[]` stands for the items of an array.\n\n"
    "This page is made from the table in `src/jobs/config_table.h` (`MLPD_WRITE_DOCS=1\n"
    "tests/unit/check_config_docs` writes it anew), and `make check` compares the two.\n\n"
    "| key | value | meaning |\n| --- | --- | --- |\n";

static const char absent[] =
    "\n## Not in this version\n\n"
    "These keys belong to the contract and pass only with a value that changes nothing;\n"
    "anything else is refused.\n\n"
    "| key | passes |\n| --- | --- |\n";

static void put_range(struct buf *out, const struct config_key *key)
{
    bool low = key->low > -DBL_MAX;

    if (low) {
        buf_puts(out, key->open_low ? ", > " : ", >= ");
        json_util_number(out, key->low);
    }
    if (key->high < (double)FLT_MAX) {
        buf_printf(out, "%s%s", low ? " and " : ", ", key->open_high ? "< " : "<= ");
        json_util_number(out, key->high);
    }
}

static void put_choices(struct buf *out, const struct config_key *key)
{
    const char *const *names = key->choices();
    size_t i;

    for (i = 0; names[i] != NULL; i++) {
        buf_printf(out, "%s`%s`", i > 0 ? ", " : "", names[i]);
    }
}

static void put_value(struct buf *out, const struct config_key *key)
{
    switch (key->type) {
    case TYPE_OBJECT:
        buf_puts(out, "object");
        break;
    case TYPE_SHORT:
        buf_printf(out, "object, or its `%s`", key->member);
        break;
    case TYPE_NUMBERS:
    case TYPE_INTEGERS:
        buf_printf(out, "array of rising %snumbers", key->type == TYPE_INTEGERS ? "whole " : "");
        put_range(out, key);
        break;
    case TYPE_NUMBER:
        buf_puts(out, "number");
        put_range(out, key);
        break;
    case TYPE_INTEGER:
        buf_puts(out, "whole number");
        put_range(out, key);
        break;
    case TYPE_BOOL:
        buf_puts(out, "boolean");
        break;
    case TYPE_TEXT:
        buf_puts(out, "text");
        break;
    case TYPE_TEXTS:
        buf_puts(out, "array of texts");
        break;
    case TYPE_TEXT_OR_TEXTS:
        buf_puts(out, "text, or array of texts");
        break;
    case TYPE_KEY:
    case TYPE_MODEL:
        buf_puts(out, "text or whole number");
        break;
    case TYPE_CHOICES:
        buf_puts(out, "array of ");
        put_choices(out, key);
        break;
    case TYPE_CHOICE:
        put_choices(out, key);
        break;
    case TYPE_OWN:
        buf_puts(out, "its own form");
        break;
    case TYPE_ABSENT:
        ck_abort();
    }
    buf_puts(out, key->null_ok ? ", or null" : "");
}

static void put_key(struct buf *out, const struct config_key *key)
{
    const char *p;

    buf_puts(out, "| `");
    for (p = key->path; *p != '\0'; p++) {
        buf_printf(out, "%c", *p == '/' ? '.' : *p);
    }
    buf_puts(out, "` | ");
}

static void put_page(struct buf *out)
{
    enum config_id id;
    const char *separator;
    json_t *passes;
    size_t i;

    buf_puts(out, top);
    for (id = 0; id < KEY_COUNT; id++) {
        if (config_keys[id].type != TYPE_ABSENT) {
            put_key(out, &config_keys[id]);
            put_value(out, &config_keys[id]);
            buf_printf(out, " | %s |\n", config_keys[id].help);
        }
    }
    for (id = 0; id < KEY_COUNT && config_keys[id].type != TYPE_ABSENT; id++) {
    }
    buf_puts(out, id < KEY_COUNT ? absent : "");
    for (id = 0; id < KEY_COUNT; id++) {
        if (config_keys[id].type == TYPE_ABSENT) {
            put_key(out, &config_keys[id]);
            passes = json_loads(config_keys[id].neutral, 0, NULL);
            ck_assert_ptr_nonnull(passes);
            separator = "";
            for (i = 0; i < json_array_size(passes); i++) {
                buf_printf(out, "%s`", separator);
                json_util_dump(out, json_array_get(passes, i));
                buf_puts(out, "`");
                separator = ", ";
            }
            json_decref(passes);
            buf_puts(out, " |\n");
        }
    }
}

START_TEST(page_is_what_the_table_says)
{
    struct buf page = BUF_INIT;

    put_page(&page);
    doc_compare("docs/JOB-CONFIG.md", "tests/unit/check_config_docs", &page);
    buf_fini(&page);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config docs");
    TCase *tc = tcase_create("config docs");

    tcase_add_test(tc, page_is_what_the_table_says);
    suite_add_tcase(suite, tc);
    return help_run(suite);
}
