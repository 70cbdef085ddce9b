/* docs/openapi.json is the truth: its routes are the daemon's routes, its keys of a job are those
 * that the daemon takes, and nothing exists beside it. What it sends: api_contract_answers.c.
 */
#include "config.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contract_world.h"

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
    tcase_add_test(tc, every_key_of_a_job_is_known);
    tcase_add_test(tc, resolved_is_a_job);
    tcase_add_test(tc, every_route_answers); /* last: it deletes */
    suite_add_tcase(suite, tc);
    return harness_main(suite);
}
