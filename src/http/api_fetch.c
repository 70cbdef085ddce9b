/* POST /datasets with a body of JSON: a job of kind fetch, which makes the dataset. */
#include "http/api.h"
#include "http/respond.h"
#include "jobs/submit.h"

void api_fetch(struct request *req)
{
    const struct server_context *c = req->context;
    const struct submit_body body = {.text = req->body.data != NULL ? req->body.data : "",
                                     .len = req->body.len};
    struct submitted submitted = {.job_id = 0};
    struct err err = ERR_INIT;

    if (query_only(&req->query, NULL, &err) != 0 ||
        submit_fetch(c->datasets, c->pool, &c->limits, &body, &submitted, &err) != 0) {
        respond_err(req, &err);
    } else {
        api_answer_submitted(req, &submitted, "fetch");
    }
    submitted_fini(&submitted);
    err_fini(&err);
}
