/* docs/openapi.json is the truth: its routes are the daemon's routes, its fields are the fields
 * the daemon sends and takes, and nothing exists beside it.
 */
#include "config.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "schema.h"
#include "work.h"

static struct daemon d;
static int64_t job, model;

#define IRIS_JOB                                                                                   \
    "{'name': 'iris', 'data': {'dataset': 'iris', 'target': 'species'%s}, 'training': {'epochs': " \
    "5, 'seed': 1}, 'notify': {'url': 'http://127.0.0.1:9/hook'}}"

static void start(void)
{
    daemon_start(&d, NULL,
                 (const char *const[]){"--workers", "1", "--allow-private", "127.0.0.0/8",
                                       "--fetch-allow", "127.0.0.1", NULL});
    upload_example("iris");
    job = train(IRIS_JOB, ""); /* with delivery 1, to where nobody listens */
    model = trained(job);
}

static void stop(void)
{
    daemon_retire(&d);
}

/* ---- routes --------------------------------------------------------------------------- */

/* "/models/{key}/predict" and "/models/{id}/predict" are the same route: "/models/{}/predict". */
static char *bare(const char *path)
{
    char *out = keep(strdup(path)), *to = out;

    for (const char *p = path; *p != '\0'; p++) {
        *to++ = *p;
        if (*p == '{') {
            p = strchr(p, '}');
            ck_assert_ptr_nonnull(p);
            *to++ = '}';
        }
    }
    *to = '\0';
    return out;
}

static char *lower(const char *s)
{
    char *out = keep(strdup(s));

    for (char *p = out; *p != '\0'; p++) {
        *p = (char)tolower((unsigned char)*p);
    }
    return out;
}

/* The methods among the members of a path item. */
static bool is_method(const char *key)
{
    static const char *const methods[] = {"get", "post", "put", "patch", "delete"};

    for (size_t i = 0; i < COUNT(methods); i++) {
        if (strcmp(key, methods[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* "get /jobs/{}" -> true, of every route in the daemon's own table. */
static json_t *routes_of_the_table(void)
{
    char *def = file_read(source_path("src/http/routes.def"), NULL);
    json_t *set = json_object();

    for (char *p = def; (p = strstr(p, "\nROUTE(")) != NULL; p++) {
        char method[16], path[128];
        const char *quote = strchr(p, '"');

        ck_assert_int_eq(sscanf(quote, "\"%15[A-Z]\", \"%127[^\"]\"", method, path), 2);
        json_object_set_new(set, text("%s %s", lower(method), bare(path)), json_true());
    }
    return set;
}

static json_t *routes_of_the_contract(void)
{
    json_t *set = json_object(), *item, *operation;
    const char *path, *method;

    json_object_foreach(json_object_get(contract(), "paths"), path, item)
    {
        json_object_foreach(item, method, operation)
        {
            if (is_method(method)) {
                json_object_set_new(set, text("%s %s", method, bare(path)), json_true());
            }
        }
    }
    return set;
}

START_TEST(routes_are_the_contract)
{
    json_t *table = routes_of_the_table(), *said = routes_of_the_contract(), *yes;
    const char *route;

    ck_assert_uint_ge(json_object_size(table), 20);
    json_object_foreach(table, route, yes)
    {
        ck_assert_msg(json_object_get(said, route) != NULL, "%s is not in docs/openapi.json",
                      route);
    }
    json_object_foreach(said, route, yes)
    {
        ck_assert_msg(json_object_get(table, route) != NULL, "%s is not in routes.def", route);
    }
    json_decref(table);
    json_decref(said);
}
END_TEST

/* A real id for a path's variable. */
static char *with_id(const char *path)
{
    const char *open = strchr(path, '{');
    const char *id = strncmp(path, "/jobs", 5) == 0       ? text("%lld", (long long)job)
                     : strncmp(path, "/models", 7) == 0   ? text("%lld", (long long)model)
                     : strncmp(path, "/datasets", 9) == 0 ? "iris"
                                                          : "1";

    return open == NULL ? text("%s", path)
                        : text("%.*s%s%s", (int)(open - path), path, id, strchr(open, '}') + 1);
}

static void call(const char *path, const char *method)
{
    struct request request = {.method = text("%s", method), .path = with_id(path)};
    struct reply *r;

    for (char *p = (char *)(uintptr_t)request.method; *p != '\0'; p++) {
        *p = (char)toupper((unsigned char)*p);
    }
    if (json_object_get(contract_operation(path, method), "requestBody") != NULL) {
        bool csv = strcmp(path, "/datasets") == 0;

        request.type = csv ? "text/csv" : "application/json";
        request.body = csv ? "a,b\n1,2\n" : "{}";
    }
    if (strcmp(path, "/models/{id}/predict") == 0 && strcmp(method, "get") == 0) {
        request.path = text("%s?x=1,2,3,4", request.path);
    }
    r = http_send(&request);
    ck_assert_msg(r->status != 404 && r->status != 405 && r->status < 500, "%s %s: %ld %s",
                  request.method, request.path, r->status, r->body);
}

START_TEST(every_route_answers)
{
    json_t *item, *operation;
    const char *path, *method;

    for (int deleting = 0; deleting < 2; deleting++) { /* deletes last */
        json_object_foreach(json_object_get(contract(), "paths"), path, item)
        {
            json_object_foreach(item, method, operation)
            {
                if (is_method(method) && (strcmp(method, "delete") == 0) == deleting) {
                    call(path, method);
                }
            }
        }
    }
}
END_TEST

START_TEST(it_is_served)
{
    struct reply *r = want(http_get("/openapi.json"), 200);

    ck_assert(strncmp(reply_header(r, "Content-Type"), "application/json", 16) == 0);
    want_same(canonical(r->json), canonical(contract()));
    ck_assert(strncmp(str(r, "/openapi"), "3.1", 3) == 0);
    ck_assert_str_eq(str(r, "/info/version"), d.version);
}
END_TEST

/* ---- what the daemon sends ---------------------------------------------------------------- */

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
    const char *dataset = str(r, "/resolved/data/dataset");

    GET(("/models/%lld", (long long)m), "/models/{id}");
    GET(("/models/%lld/evaluation?split=training", (long long)m), "/models/{id}/evaluation");
    GET(("/models/%lld/weights", (long long)m), "/models/{id}/weights");
    fits(want(http_post(q("{'instances': %s}", rows), "/models/%lld/evaluate", (long long)m), 200),
         "/models/{id}/evaluate", "post");
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
        {"{'data': {'x': [[1,'a'],[2,'b'],[3,'a'],[4,'b']], 'y': ['n','y','n','y']}, 'optimizer': "
         "{'type': 'sgd', 'learning_rate': 0.1, 'momentum': 0.5}, 'training': {'epochs': 3}}",
         "[[1,'b']]", "[[1,'b','y'],[2,'a','n']]"},
        {"{'data': {'x': [[1],[2],[3],[4],[5],[7]], 'y': [1,2.5,3,4,5,6]}, 'training': {'epochs': "
         "2}}",
         "[[1]]", "[[1,2],[3,4]]"},
        /* every metric of numbers; rmsle cannot be told, and says why */
        {"{'data': {'x': [[1],[2],[3],[4],[5],[7]], 'y': [[1,2],[2,4.5],[3,6],[4,8],[5,1],[6,-2]]},"
         " 'training': {'epochs': 2}, 'metrics': ['mse', 'median_ae', 'mape', 'rmsle', "
         "'explained_variance', 'pinball', 'deviance']}",
         "[[1]]", "[[1,2,3],[3,4,5]]"},
        {"{'data': {'x': [[1],[2],[3],[4]], 'y': [[1,0],[0,1],[1,1],[0,0]]}, 'loss': "
         "'cross_entropy', 'training': {'epochs': 2}}",
         "[[1]]", "[[1,1,0],[3,0,1]]"},
        /* every kind of layer, and gradients in the curve */
        {"{'data': {'x': [[1],[2],[3],[4],[5],[7]], 'y': [1,2.5,3,4,5,6]}, 'architecture': "
         "{'hidden': [{'units': 4, 'activation': 'maxout', 'pieces': 2, 'batch_norm': true}, "
         "{'units': 4, 'activation': 'prelu', 'layer_norm': true}], 'input_scale': true}, "
         "'training': {'epochs': 2, 'record_gradient_norms': true}}",
         "[[1]]", "[[1,2],[3,4]]"},
        /* codes of numbers, and learnt tables of texts */
        {"{'data': {'x': [[1,'a'],[2,'b'],[3,'a'],[4,'c'],[5,'b'],[7,'c']], 'y': [1,2.5,3,4,5,6]}, "
         "'preprocess': {'numeric': 'auto', 'categorical': 'embedding'}, 'training': {'epochs': 2}}",
         "[[1,'b']]", "[[1,'b',2],[3,'c',4]]"},
        /* what is chosen on the validation part, and a second training */
        {"{'data': {'x': [[1],[2],[3],[4],[5],[6],[7],[8]], 'y': ['n','n','y','n','y','y','n','y'], "
         "'split': {'validation': 0.5, 'test': 0}}, 'calibration': 'temperature', 'threshold': "
         "'f1', 'training': {'epochs': 3, 'refit': true}}",
         "[[1]]", "[[1,'n'],[6,'y']]"},
        /* every metric of classes */
        {"{'data': {'dataset': 'iris', 'target': 'species', 'split': {'test': 0.2}}, 'training': "
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
        GET(("/models/%lld", (long long)model_of(id)), "/models/{id}");
        look_at_evaluations(id, kinds[i].labelled);
    }
}

static void look_at_a_failure(void)
{
    int64_t failed = train("{'data': {'x': [[1],[2],[3],[4]], 'y': [1,2.5,3,4]}, 'optimizer': "
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

/* ---- what the daemon takes --------------------------------------------------------------------
 */

/* {"a": {"b": [{"c": null}]}} for "/a/b/0/c". */
static char *document_of(const char *pointer)
{
    char *out = text("%s", "null"), *rest = text("%s", pointer), *slash;

    while ((slash = strrchr(rest, '/')) != NULL) {
        out = strcmp(slash, "/0") == 0 ? text("[%s]", out) : text("{\"%s\": %s}", slash + 1, out);
        *slash = '\0';
    }
    return out;
}

static void key_is_known(const char *pointer, json_t *property, void *arg)
{
    struct reply *r = http_post(document_of(pointer), "/train?dry_run=1");
    int *n = arg;

    (void)property;
    ++*n;
    ck_assert_msg(r->status == 422 || r->status == 400 || r->status == 200, "%s: %ld %s", pointer,
                  r->status, r->body);
    ck_assert_msg(strstr(r->body, "unknown key") == NULL, "%s is unknown to the daemon: %s",
                  pointer, r->body);
}

START_TEST(every_key_of_a_job_is_known)
{
    int n = 0;

    want_problem(http_post(document_of("/data/bogus"), "/train?dry_run=1"), 422, "/data/bogus",
                 "unknown key"); /* the test can fail */
    schema_walk(contract_job(), "", key_is_known, &n);
    ck_assert_int_ge(n, 50);
}
END_TEST

/* What was posted, what the daemon made of it: both are jobs in the contract's words. */
START_TEST(resolved_is_a_job)
{
    static const char *const jobs[] = {
        ("{'data': {'dataset': 'iris', 'target': 'species'}}"),
        ("{'name': 'all', 'data': {'dataset': 'iris', 'target': 'species', 'exclude': "
         "['petal_width'], 'split': {'validation': 0.2, 'test': 0.1, 'stratify': true}}, "
         "'preprocess': {'numeric': 'none', 'missing': 'error'}, 'architecture': {'hidden': "
         "[{'units': 4, 'activation': 'tanh', 'init': 'he_normal'}, 3], 'activation': 'sigmoid'}, "
         "'loss': 'cross_entropy', 'optimizer': {'type': 'sgd', 'learning_rate': 0.1, 'momentum': "
         "0.9, 'nesterov': true, 'l2': 0.001}, 'training': {'epochs': 2, 'batch_size': 7, "
         "'shuffle': "
         "false, 'seed': 3, 'early_stopping': {'monitor': 'training_loss', 'patience': 3, "
         "'min_delta': 0.01, 'restore_best': false}}, 'metrics': ['accuracy']}"),
        ("{'data': {'x': [[1,2],[3,4],[5,6]], 'y': [[1,2],[2,1],[3,0.5]]}, 'architecture': "
         "{'hidden': []}, 'training': {'early_stopping': null}}"),
        ("{'data': {'dataset': 'iris', 'target': 'species', 'exclude': ['petal_width', "
         "'sepal_width'], 'sample_weight': 'petal_length'}, 'architecture': {'hidden': [{'units': "
         "4, 'activation': 'maxout', 'pieces': 3, 'init': 'uniform', 'init_scale': 0.2, "
         "'batch_norm': true, 'dropout': 0.2, 'gaussian_noise': 0.1, 'l1': 0.1, 'l2': 0.2, "
         "'learning_rate_multiplier': 2, 'frozen': false}, {'units': 4, 'layer_norm': true, "
         "'residual': true}], 'input_dropout': 0.1, 'input_noise': 0.1, 'input_scale': true, "
         "'output_init': 'zeros'}, 'loss': {'type': 'focal', 'gamma': 1}, 'optimizer': {'type': "
         "'nadam', 'momentum_decay': 0.01, 'weight_decay': 0.1, 'bias_multiplier': 2}, "
         "'schedule': {'type': 'multistep', 'milestones': [1, 2.5], 'factor': 0.5}, 'training': "
         "{'epochs': 4, 'accumulate': 2, 'drop_last': true, 'threads': 2, 'clip_norm': 1, "
         "'clip_value': 2, 'max_norm': 3, 'class_weight': {'setosa': 2}, 'label_smoothing': 0.1, "
         "'average': {'type': 'ema', 'decay': 0.9}, 'record_gradient_norms': true, 'max_seconds': "
         "60, 'early_stopping': {'monitor': 'validation_f1_macro', 'target': 0.99}}}"),
        ("{'data': {'x': [[1],[3],[5]], 'y': [1,2,0.5]}, 'architecture': {'hidden': [2]}, 'loss': "
         "'quantile', 'optimizer': 'lbfgs', 'schedule': 'constant', 'initial_weights': [{'weights': "
         "[[1,2]], 'bias': [0,0]}, {}]}"),
    };

    for (size_t i = 0; i < COUNT(jobs); i++) {
        struct reply *r = want(http_post(q("%s", jobs[i]), "/train?dry_run=1"), 200);
        char *wrong = schema_misfit(contract_job(), at(r, "/resolved"), "/resolved");
        json_t *posted = json_loads(q("%s", jobs[i]), 0, NULL);

        ck_assert_msg(wrong == NULL, "%.1500s\n%.1500s", wrong, r->body);
        wrong = schema_misfit(contract_job(), posted, "");
        ck_assert_msg(wrong == NULL, "the contract refuses a good job: %s\n%s", wrong, jobs[i]);
        json_decref(posted);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api_contract");
    TCase *tc = case_with("contract", start, stop);

    tcase_add_test(tc, routes_are_the_contract);
    tcase_add_test(tc, it_is_served);
    tcase_add_test(tc, answers_are_the_contract);
    tcase_add_test(tc, every_key_of_a_job_is_known);
    tcase_add_test(tc, resolved_is_a_job);
    tcase_add_test(tc, every_route_answers); /* last: it deletes */
    suite_add_tcase(suite, tc);
    return harness_main(suite);
}
