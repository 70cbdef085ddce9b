/* What the daemon sends is docs/openapi.json's, in a day that has seen everything: each answer fits
 * its schema, and each field that the document has was sent by someone.
 */
#include "config.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "contract_world.h"

/* The answer must fit what the contract says of this operation and status. */
static struct reply *fits(struct reply *r, const char *path, const char *method)
{
    const char *type = reply_header(r, "Content-Type");
    json_t *schema;
    char *wrong;

    ck_assert_ptr_nonnull(type);
    schema = contract_answer(contract_operation(path, method), r->status,
                             text("%.*s", (int)strcspn(type, ";"), type));
    ck_assert_msg(schema != NULL, "the contract has no %ld %s for %s %s", r->status, type, method,
                  path);
    ck_assert_msg(r->json != NULL, "%s %s: not JSON: %.300s", method, path, r->body);
    wrong = schema_misfit(schema, r->json, "");
    ck_assert_msg(wrong == NULL, "%s %s %ld %.1500s\n%.1500s", method, path, r->status, wrong,
                  r->body);
    wrong = contract_headers_misfit(
        json_object_get(json_object_get(contract_operation(path, method), "responses"),
                        text("%ld", r->status)),
        r);
    ck_assert_msg(wrong == NULL, "%s %s %ld: %s\n%s", method, path, r->status, wrong, r->headers);
    return r;
}

#define GET(path, template) fits(http_get path, template, "get")

/* A job and its model are judged on the data it was made from, by rows and as a job. */
static void look_at_evaluations(int64_t id, const char *rows)
{
    int64_t m = trained(id), judge;
    struct reply *r = http_get("/jobs/%lld", (long long)id);
    const char *dataset = str(r, "/resolved/data/dataset"), *one;

    GET(("/models/%lld", (long long)m), "/models/{id}");
    GET(("/models/%lld/evaluation?split=training", (long long)m), "/models/{id}/evaluation");
    GET(("/models/%lld/weights", (long long)m), "/models/{id}/weights");
    GET(("/models/%lld/histograms?bins=5", (long long)m), "/models/{id}/histograms");
    GET(("/models/%lld/importance", (long long)m), "/models/{id}/importance");
    fits(want(http_post(q("{'instances': %s}", rows), "/models/%lld/evaluate", (long long)m), 200),
         "/models/{id}/evaluate", "post");
    one = text("%.*s]", (int)(strchr(rows, ']') - rows + 1), rows);
    fits(want(http_post(q("{'instances': %s}", one), "/models/%lld/trace?layer=0&unit=0",
                        (long long)m),
              200),
         "/models/{id}/trace", "post");
    r = want(http_post(q("{'dataset': '%s'}", dataset), "/models/%lld/evaluate", (long long)m),
             202);
    judge = integer(fits(r, "/models/{id}/evaluate", "post"), "/id");
    GET(("/jobs/%lld", (long long)judge), "/jobs/{id}");
    wait_for_job(judge, "succeeded");
    GET(("/jobs/%lld", (long long)judge), "/jobs/{id}");
    fits(http_poke("/jobs/%lld/cancel", (long long)judge), "/jobs/{id}/cancel", "post");
}

/* An upload that is half done. */
static void look_at_an_upload(void)
{
    const char *head = text("POST /datasets?name=slowly HTTP/1.1\r\nHost: %s:%s\r\n"
                            "Content-Type: text/csv\r\nContent-Length: 12\r\n\r\na,b\n1,2\n",
                            d.host, d.port);
    double deadline = now_seconds() + 30 * PATIENCE;
    int fd = raw_open();

    raw_write(fd, head, strlen(head));
    while (http_get("/datasets/slowly")->status == 404) {
        ck_assert_double_lt(now_seconds(), deadline);
        pause_briefly();
    }
    GET(("/datasets/slowly"), "/datasets/{id}");
    GET(("/datasets"), "/datasets");
    raw_write(fd, "3,4\n", 4);
    want(raw_read(fd, 30 * PATIENCE), 201);
    close(fd);
}

/* A job that runs, one that waits, and their ends. */
static void look_at_the_queue(void)
{
    struct reply *r = want(http_post(slow_job(FOREVER, 1, ", 'name': 'long'"), "/train"), 202);
    int64_t running = integer(fits(r, "/train", "post"), "/id"), queued = train(XOR_JOB("")), m;

    wait_for_epoch(running, 2);
    GET(("/jobs/%lld", (long long)running), "/jobs/{id}");
    GET(("/jobs/%lld", (long long)queued), "/jobs/{id}");
    GET(("/jobs"), "/jobs");
    GET(("/jobs/%lld/curve", (long long)running), "/jobs/{id}/curve");
    m = model_of(running);
    GET(("/models/%lld", (long long)m), "/models/{id}");
    GET(("/models/%lld", (long long)model_of(queued)), "/models/{id}");
    while (http_get("/models/%lld/predict?x=1,2,3", (long long)m)->status == 409) {
        pause_briefly();
    }
    GET(("/models/%lld/predict?x=1,2,3", (long long)m), "/models/{id}/predict");
    fits(want(http_post(q("{'instances': [[1,2,3]]}"), "/models/%lld/predict", (long long)m), 200),
         "/models/{id}/predict", "post");
    fits(want(http_post(q("{'instances': [[1,2,3,4]]}"), "/models/%lld/evaluate", (long long)m),
              200),
         "/models/{id}/evaluate", "post");
    GET(("/models/%lld/histograms", (long long)m), "/models/{id}/histograms");
    fits(want(http_post(q("{'instances': [[1,2,3]]}"), "/models/%lld/trace", (long long)m), 200),
         "/models/{id}/trace", "post");
    GET(("/service"), "/service");
    fits(want(http_poke("/queue/pause"), 200), "/queue/pause", "post");
    fits(want(http_poke("/queue/resume"), 200), "/queue/resume", "post");
    fits(want(http_poke("/jobs/%lld/pause", (long long)queued), 200), "/jobs/{id}/pause", "post");
    GET(("/jobs?state=paused"), "/jobs");
    fits(want(http_poke("/jobs/%lld/resume", (long long)queued), 200), "/jobs/{id}/resume", "post");
    fits(http_poke("/jobs/%lld/cancel", (long long)queued), "/jobs/{id}/cancel", "post");
    fits(http_poke("/jobs/%lld/cancel", (long long)running), "/jobs/{id}/cancel", "post");
    wait_for_job(running, "cancelled");
    GET(("/jobs/%lld", (long long)running), "/jobs/{id}");
}

/* One of each kind of model. */
static void look_at_models(void)
{
    static const struct {
        const char *job, *row, *labelled;
    } kinds[] = {
        {"{'preset': 'simple', "
         "'data': {'x': [[1,'a'],[2,'b'],[3,'a'],[4,'b']], 'y': ['n','y','n','y']}, 'optimizer': "
         "{'type': 'sgd', 'learning_rate': 0.1, 'momentum': 0.5}, 'training': {'epochs': 3}}",
         "[[1,'b']]", "[[1,'b','y'],[2,'a','n']]"},
        {"{'preset': 'simple', "
         "'data': {'x': [[1],[2],[3],[4],[5],[7]], 'y': [1,2.5,3,4,5,6]}, 'training': {'epochs': "
         "2}}",
         "[[1]]", "[[1,2],[3,4]]"},
        /* every metric of numbers; rmsle cannot be told, and says why */
        {"{'preset': 'simple', "
         "'data': {'x': [[1],[2],[3],[4],[5],[7]], 'y': [[1,2],[2,4.5],[3,6],[4,8],[5,1],[6,-2]]},"
         " 'training': {'epochs': 2}, 'metrics': ['mse', 'median_ae', 'mape', 'rmsle', "
         "'explained_variance', 'pinball', 'deviance']}",
         "[[1]]", "[[1,2,3],[3,4,5]]"},
        {"{'preset': 'simple', "
         "'data': {'x': [[1],[2],[3],[4]], 'y': [[1,0],[0,1],[1,1],[0,0]]}, 'loss': "
         "'cross_entropy', 'training': {'epochs': 2}}",
         "[[1]]", "[[1,1,0],[3,0,1]]"},
        /* every kind of layer, and gradients in the curve */
        {"{'preset': 'simple', "
         "'data': {'x': [[1],[2],[3],[4],[5],[7]], 'y': [1,2.5,3,4,5,6]}, 'architecture': "
         "{'hidden': [{'units': 4, 'activation': 'maxout', 'pieces': 2, 'batch_norm': true}, "
         "{'units': 4, 'activation': 'prelu', 'layer_norm': true}], 'input_scale': true}, "
         "'training': {'epochs': 2, 'record_gradient_norms': true}}",
         "[[1]]", "[[1,2],[3,4]]"},
        /* codes of numbers, and learnt tables of texts */
        {"{'preset': 'simple', "
         "'data': {'x': [[1,'a'],[2,'b'],[3,'a'],[4,'c'],[5,'b'],[7,'c']], 'y': [1,2.5,3,4,5,6]}, "
         "'preprocess': {'numeric': 'auto', 'categorical': 'embedding'}, 'training': {'epochs': 2}}",
         "[[1,'b']]", "[[1,'b',2],[3,'c',4]]"},
        /* what is chosen on the validation part, and a second training */
        {"{'preset': 'simple', "
         "'data': {'x': [[1],[2],[3],[4],[5],[6],[7],[8]], 'y': ['n','n','y','n','y','y','n','y'], "
         "'split': {'validation': 0.5, 'test': 0}, 'sampling': 'oversample'}, 'calibration': "
         "'temperature', 'threshold': 'f1', 'training': {'epochs': 3, 'refit': true}}",
         "[[1]]", "[[1,'n'],[6,'y']]"},
        /* every metric of classes */
        {"{'preset': 'simple', "
         "'data': {'dataset': 'iris', 'target': 'species', 'split': {'test': 0.2}}, 'training': "
         "{'epochs': 3}, 'metrics': ['balanced_accuracy', 'top_2', 'top_3', 'top_5', 'top_10', "
         "'precision', 'precision_macro', 'precision_micro', 'precision_weighted', 'recall', "
         "'recall_macro', 'recall_micro', 'recall_weighted', 'f1', 'f1_macro', 'f1_micro', "
         "'f1_weighted', 'brier', 'roc_auc', 'pr_auc', 'mcc', 'cohen_kappa']}",
         "[[1,2,3,4]]", "[[1,2,3,4,'setosa']]"},
    };

    for (size_t i = 0; i < COUNT(kinds); i++) {
        int64_t id = train("%s", kinds[i].job);

        fits(want(http_post(q("{'instances': %s}", kinds[i].row), "/models/%lld/predict",
                            (long long)trained(id)),
                  200),
             "/models/{id}/predict", "post");
        GET(("/jobs/%lld/curve", (long long)id), "/jobs/{id}/curve");
        GET(("/jobs/%lld/curve?form=columns", (long long)id), "/jobs/{id}/curve");
        GET(("/jobs/%lld", (long long)id), "/jobs/{id}");
        GET(("/models/%lld", (long long)model_of(id)), "/models/{id}");
        look_at_evaluations(id, kinds[i].labelled);
    }
}

static void look_at_a_failure(void)
{
    int64_t failed = train("{'preset': 'simple', "
                           "'data': {'x': [[1],[2],[3],[4]], 'y': [1,2.5,3,4]}, 'optimizer': "
                           "{'type': 'sgd', 'learning_rate': 1e30}, 'training': {'epochs': 50}}");

    wait_for_job(failed, "failed");
    GET(("/jobs/%lld", (long long)failed), "/jobs/{id}");
    GET(("/jobs/%lld/events", (long long)failed), "/jobs/{id}/events");
    GET(("/models/%lld", (long long)model_of(failed)), "/models/{id}");
    /* what is refused is in the contract too */
    fits(want(http_post("{}", "/train"), 422), "/train", "post");
    fits(want(http_post("{", "/train"), 400), "/train", "post");
    fits(want(http_get("/jobs/999999"), 404), "/jobs/{id}", "get");
    fits(want(http_get("/models/999999"), 404), "/models/{id}", "get");
    fits(want(http_csv("a,b\n1\n", "/datasets?name=bad"), 422), "/datasets", "post");
}

/* A job whose client asks twice, while it waits and when it has ended. */
static void look_at_a_key(void)
{
    struct request request = {.method = "POST",
                              .path = "/train",
                              .headers = (const char *const[]){"Idempotency-Key: contract", NULL},
                              .body = q(XOR_JOB(""))};
    int64_t id = integer(fits(want(http_send(&request), 202), "/train", "post"), "/id");

    trained(id);
    ck_assert_int_eq(integer(fits(want(http_send(&request), 202), "/train", "post"), "/id"), id);
    request.body = "{}";
    fits(want(http_send(&request), 422), "/train", "post");
    fits(want(http_poke("/jobs/%lld/pause", (long long)id), 409), "/jobs/{id}/pause", "post");
}

/* A port of this machine that takes connections, and says nothing. */
static int silent_port(unsigned *port)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    socklen_t len = sizeof in;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&in, sizeof in), 0);
    ck_assert_int_eq(listen(fd, 4), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&in, &len), 0);
    *port = ntohs(in.sin_port);
    return fd;
}

/* One that waits for its server, and one from this very daemon: {"status": "ok"} is a table. */
static void look_at_a_fetch(void)
{
    unsigned port = 0;
    int fd = silent_port(&port);
    int64_t id = integer(fits(want(http_post(q("{'url': 'http://127.0.0.1:%u/', 'name': 'late'}",
                                               port),
                                             "/datasets"),
                                   202),
                              "/datasets", "post"),
                         "/id");
    double until = now_seconds() + 30 * PATIENCE;

    while (!has(http_get("/jobs/%lld", (long long)id), "/progress/fetch/bytes")) {
        ck_assert_double_lt(now_seconds(), until);
        pause_briefly();
    }
    GET(("/jobs/%lld", (long long)id), "/jobs/{id}");
    GET(("/jobs?limit=1"), "/jobs");
    cancel_job(id);
    ck_assert_int_eq(close(fd), 0);
    id = integer(want(http_post(q("{'url': '%s/healthz', 'name': 'self', 'format': 'ndjson'}", d.url),
                                "/datasets"),
                      202),
                 "/id");
    wait_for_job(id, "succeeded");
    GET(("/jobs/%lld", (long long)id), "/jobs/{id}");
}

/* The answers of a busy day. */
static void a_busy_day(void)
{
    const char *csv = "a,kind,b\n1,x,2\n,y,4\n3,x,6\n";

    fits(want(http_csv(csv, "/datasets?name=little"), 201), "/datasets", "post");
    fits(want(http_csv(csv, "/datasets?name=little"), 200), "/datasets", "post");
    fits(want(http_post(q(IRIS_JOB, ""), "/train?dry_run=1"), 200), "/train", "post");
    look_at_the_queue();
    look_at_a_key();
    look_at_an_upload();
    look_at_models();
    look_at_a_fetch();
    look_at_a_failure();
    GET(("/jobs?limit=1"), "/jobs");
    GET(("/jobs/%lld", (long long)job), "/jobs/{id}");
    GET(("/jobs/%lld/curve", (long long)job), "/jobs/{id}/curve");
    GET(("/jobs/%lld/curve?form=columns", (long long)job), "/jobs/{id}/curve");
    GET(("/jobs/%lld/events", (long long)job), "/jobs/{id}/events");
    GET(("/jobs/%lld/deliveries", (long long)job), "/jobs/{id}/deliveries");
    fits(want(http_poke("/deliveries/1/retry"), 202), "/deliveries/{id}/retry", "post");
    GET(("/datasets?limit=1"), "/datasets");
    GET(("/datasets/little"), "/datasets/{id}");
    GET(("/datasets/little/rows"), "/datasets/{id}/rows");
    fits(want(http_csv("a,kind,b\n4,x,8\n", "/datasets/little/rows"), 201), "/datasets/{id}/rows",
         "post");
    GET(("/models?limit=1"), "/models");
    GET(("/models/%lld", (long long)model), "/models/{id}");
    GET(("/models/%lld/predict?x=1,2,3,4", (long long)model), "/models/{id}/predict");
    fits(want(http_poke("/gc?dry_run=1"), 200), "/gc", "post");
    GET(("/healthz"), "/healthz");
    GET(("/readyz"), "/readyz");
}

/* Jobs inside of answers are the schema of what is taken; that one has tests of its own. */
static void note_unseen(const char *where, void *arg)
{
    char **all = arg;

    if (strstr(where, " /resolved/") == NULL && strstr(where, " /config/") == NULL) {
        *all = text("%s\n  %s", *all, where);
    }
}

/* Everything sent is in the contract, and every field of the contract is sent by someone. */
START_TEST(answers_are_the_contract)
{
    json_t *item, *operation, *answer, *body;
    const char *path, *method, *status, *type;
    char *unseen = text("%s", "");

    a_busy_day();
    json_object_foreach(json_object_get(contract(), "paths"), path, item)
    {
        json_object_foreach(item, method, operation)
        {
            json_object_foreach(json_object_get(operation, "responses"), status, answer)
            {
                if (status[0] != '2') {
                    continue;
                }
                json_object_foreach(json_object_get(schema_resolve(answer), "content"), type, body)
                {
                    if (strcmp(type, "application/json") == 0 &&
                        strcmp(path, "/openapi.json") != 0) {
                        schema_unseen(json_object_get(body, "schema"),
                                      text("%s %s %s ", method, path, status), note_unseen,
                                      &unseen);
                    }
                }
            }
        }
    }
    ck_assert_msg(unseen[0] == '\0', "the contract has fields that were never sent:%.3000s",
                  unseen);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api_contract_answers");
    TCase *tc = case_with("answers", start, stop);

    tcase_add_test(tc, answers_are_the_contract);
    suite_add_tcase(suite, tc);
    return harness_main(suite);
}
