/* See state.h. Programs with it link SQLite. */
#include "config.h"

#include <sqlite3.h>
#include <string.h>

#include "state.h"

const char *state_command(int status, const char *state, const char *const *words)
{
    const char *arguments[8] = {NULL}, *out, *err;
    size_t n = 0;
    int got;

    for (; words[n] != NULL; n++) {
        arguments[n] = words[n];
    }
    arguments[n++] = "--state";
    arguments[n++] = state;
    got = daemon_run(arguments, &out, &err);
    ck_assert_msg(got == status, "mlpd %s: %d, %s%s", words[0], got, out, err);
    return text("%s%s", out, err);
}

void state_says_at(const char *got, const char *part, const char *file, int line)
{
    ck_assert_msg(strstr(got, part) != NULL, "%s:%d: not \"%s\" but: %s", file, line, part, got);
}

int64_t state_sql(const char *state, const char *statement)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    int64_t value = 0;
    int rc;

    ck_assert_int_eq(sqlite3_open(text("%s/mlpd.db", state), &db), SQLITE_OK);
    ck_assert_msg(sqlite3_prepare_v2(db, statement, -1, &stmt, NULL) == SQLITE_OK, "%s",
                  sqlite3_errmsg(db));
    rc = sqlite3_step(stmt);
    ck_assert_msg(rc == SQLITE_ROW || rc == SQLITE_DONE, "%s", sqlite3_errmsg(db));
    if (rc == SQLITE_ROW) {
        value = sqlite3_column_int64(stmt, 0);
    }
    ck_assert_int_eq(sqlite3_finalize(stmt), SQLITE_OK);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    return value;
}
