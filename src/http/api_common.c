/* What handlers share: paging of lists, the check of a family's name; see api.h. */
#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "http/api.h"

#define LIST_DEFAULT 50

int api_page_read(const struct request *req, struct api_page *out, struct err *err)
{
    struct api_page page;

    /* a token is the last id seen; clients are told nothing about it */
    if (query_int(&req->query, "limit", 1, API_PAGE_MOST, LIST_DEFAULT, &page.limit, err) != 0 ||
        query_int(&req->query, "page_token", 1, INT64_MAX, 0, &page.before_id, err) != 0) {
        return -1;
    }
    *out = page;
    return 0;
}

void api_page_next(struct jw *w, bool more, int64_t last_id)
{
    char token[24];

    if (more) {
        (void)snprintf(token, sizeof token, "%" PRId64, last_id);
        jw_string(w, "next_page_token", token);
    }
}

int api_name_check(const char *name, struct err *err)
{
    if (name == NULL || text_is_name(name)) {
        return 0;
    }
    (void)err_set(err, ERR_SYNTAX, "\"%.64s\" is not a name", name);
    return err_add(err, "/name",
                   "a name starts with a letter or _, has letters, digits, '.', '_', '-', at most "
                   "64, and is not \"latest\"");
}
