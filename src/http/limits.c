/* What clients are held to; see limits.h.
 *
 * Every value is read where the code that holds to it reads it, so that what is told cannot
 * be another than what is done. Pure; what it reads of the server is set once.
 */
#include "http/limits.h"

#include "data/csv.h"
#include "data/dict.h"
#include "data/encoder.h"
#include "data/reader.h"
#include "http/access.h"
#include "http/api.h"
#include "http/curve.h"
#include "data/gunzip.h"
#include "http/rows.h"
#include "http/server_priv.h"
#include "jobs/config_table.h"
#include "jobs/fetch.h"
#include "jobs/json_util.h"
#include "jobs/webhook.h"
#include "jobs/webhook_message.h"

enum {
#define LIMIT(key, value, unit, option, status, what) LIMIT_of_##key,
#include "http/limits.def"
#undef LIMIT
};

static const struct limit table[] = {
#define LIMIT(key, value, unit, option, status, what) {#key, LIMIT_##unit, option, status, what},
#include "http/limits.def"
#undef LIMIT
};

const struct limit *limits_table(size_t *n)
{
    *n = ARRAY_LEN(table);
    return table;
}

double limits_value(const struct server *s, size_t limit)
{
    const struct server_context *c = &s->context;

    switch (limit) {
#define LIMIT(key, value, unit, option, status, what)                                              \
    case LIMIT_of_##key:                                                                           \
        return (double)(value);
#include "http/limits.def"
#undef LIMIT
    default:
        CHK(!"a limit of the table");
        return 0;
    }
}
