/* Bad requests over HTTP, one by one: each gets its status and a problem+json that names the
 * place, and neither the daemon nor the job that trains beside it notices.
 *
 * Here: the manners of HTTP, JSON, the job config and predict. Bad data is in api_bad_data.c.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "table.h"

static struct daemon d;
static int64_t bystander, iris;

static void start(void)
{
    daemon_start(&d, NULL, (const char *const[]){"--workers", "2", NULL});
    upload_example("iris");
    iris = trained(train(
        "{'name': 'iris', 'preset': 'simple', 'data': {'dataset': 'iris', 'target': 'species'},"
        " 'training': {'epochs': 5}}"));
    bystander = integer(
        want(http_post(slow_job(FOREVER, 1, ", 'name': 'bystander'"), "/train"), 202), "/id");
    wait_for_epoch(bystander, 1);
    bad_baseline();
}

static void stop(void)
{
    daemon_retire(&d);
}

/* ---- bodies that are made ------------------------------------------------------------- */

static char *repeated(const char *before, const char *piece, size_t n, const char *after)
{
    size_t len = strlen(piece), at_ = strlen(before);
    char *s = keep(malloc(at_ + n * len + strlen(after) + 1));

    memcpy(s, before, at_);
    for (size_t i = 0; i < n; i++, at_ += len) {
        memcpy(s + at_, piece, len);
    }
    memcpy(s + at_, after, strlen(after) + 1);
    return s;
}

static char *deep_json(void)
{
    return repeated("", "[", 100000, "");
}

static char *many_values(void)
{
    return repeated("{\"data\": {\"x\": [[", "0,", 4500000, "0]]}}");
}

static char *heavy_values(void)
{
    return repeated("{\"data\": {\"x\": [", "[],", 4500000, "[]]}}");
}

static char *many_layers(void)
{
    return repeated(q("{'data': {'dataset': 'iris', 'target': 'species'}, "
                      "'architecture': {'hidden': ["),
                    "8,", 9999, "8]}}");
}

static char *big_body(void)
{
    return repeated("{\"name\": \"", "abcdefgh", (33u << 20) / 8, "\"}");
}

static char *many_problems(void)
{
    return repeated("{", "", 0,
                    q("'data': {'dataset': 'iris', 'target': 'species'}, 'loss': 'hinge', "
                      "'optimizer': {'learning_rate': -1, 'beta1': 2}, "
                      "'training': {'epochs': 0}}"));
}

/* ---- the table ------------------------------------------------------------------------ */

#define IRIS                           "'data': {'dataset': 'iris', 'target': 'species'}"
#define TRAIN(name, body, status, ...) BAD(name, "POST", "/train", body, status, __VA_ARGS__)
/* One key of a job that is fine otherwise. */
#define KEY(name, key, pointer, fragment) TRAIN(name, "{" IRIS ", " key "}", 422, pointer, fragment)

static const struct bad_case not_json[] = {
    TRAIN("not JSON", "{'data': ", 400, NULL, "line"),
    TRAIN("not JSON: a word", "hello", 400, NULL, NULL),
    TRAIN("not JSON: text after it", "{} {}", 400, NULL, NULL),
    TRAIN("not JSON: a trailing comma", "{" IRIS ",}", 400, NULL, NULL),
    TRAIN("not JSON: NaN", "{" IRIS ", 'optimizer': {'learning_rate': NaN}}", 400, NULL, NULL),
    TRAIN("not UTF-8", "{'name': '\xff\xfe'}", 400, NULL, NULL),
    TRAIN("an empty body", "", 400, NULL, NULL),
    TRAIN("duplicate keys", "{" IRIS ", 'name': 'a', 'name': 'b'}", 400, NULL, "duplicate"),
    TRAIN("an array for a job", "[1, 2]", 422, NULL, "object"),
    TRAIN("100,000 brackets deep", NULL, 400, NULL, "deep", .make = deep_json,
          .shown = "POST /train [[[[..."),
    TRAIN("4.5 million numbers", NULL, 413, NULL, "values", .make = many_values,
          .shown = "POST /train {\"data\": {\"x\": [[0,0,..."),
    TRAIN("4.5 million empty rows", NULL, 413, NULL, "bytes of memory", .make = heavy_values,
          .shown = "POST /train {\"data\": {\"x\": [[],[],..."),
};

static const struct bad_case keys[] = {
    KEY("unknown key", "'optimiser': {}", "/optimiser", "did you mean \"optimizer\""),
    KEY("unknown key, deeper", "'optimizer': {'learningrate': 0.1}", "/optimizer/learningrate",
        "did you mean \"learning_rate\""),
    KEY("unknown key of a layer", "'architecture': {'hidden': [{'units': 4, 'activaton': 'relu'}]}",
        "/architecture/hidden/0/activaton", "did you mean \"activation\""),
    TRAIN("unknown key in data", "{'data': {'datset': 'iris', 'target': 'species'}}", 422,
          "/data/datset", "did you mean \"dataset\""),
    KEY("a webhook into the private network", "'notify': {'url': 'https://10.1.2.3/'}",
        "/notify/url", "its address is not a public one"),
    KEY("a webhook for no state", "'notify': {'url': 'https://a.example', 'events': ['done']}",
        "/notify/events/0", "must be one of"),
    TRAIN("a url where nothing may be fetched",
          "{'data': {'url': 'https://a.example/t.csv', 'target': 'y'}}", 422, "/data/url",
          "--fetch-allow"),
    KEY("a priority beyond the end", "'priority': 1001", "/priority", "from -1000 to 1000"),
    TRAIN("no data", "{}", 422, "/data", "required"),
    TRAIN("no target", "{'data': {'dataset': 'iris'}}", 422, "/data/target", "required"),
    TRAIN("dataset and rows at once",
          "{'data': {'dataset': 'iris', 'target': 'species', 'x': [[1]], 'y': [1]}}", 422,
          "/data/x", "not both"),
    TRAIN("four problems at once", NULL, 422, "/training/epochs", "got 0", .make = many_problems,
          .shown = "POST /train with four bad values"),
};

static const struct bad_case types[] = {
    KEY("wrong type: text for a list", "'architecture': {'hidden': '64'}", "/architecture/hidden",
        "must be an array"),
    KEY("wrong type: text for a number", "'training': {'epochs': 'many'}", "/training/epochs",
        "must be"),
    KEY("wrong type: number for a boolean", "'training': {'shuffle': 1}", "/training/shuffle",
        "must be true or false"),
    KEY("wrong type: list for an object", "'optimizer': []", "/optimizer", "must be an object"),
    KEY("wrong type: boolean for a layer", "'architecture': {'hidden': [true]}",
        "/architecture/hidden/0", "must be"),
    TRAIN("wrong type: text for data", "{'data': 'iris'}", 422, "/data", "must be an object"),
    KEY("wrong type: number for a name", "'name': 7", "/name", "must be a text"),
    KEY("a name that is none", "'name': '7 of 9'", "/name", "begin with a letter"),
    KEY("a name that is a path", "'name': '../../etc/passwd'", "/name", NULL),
    KEY("the name latest", "'name': 'latest'", "/name", "latest"),
    KEY("an unknown activation", "'architecture': {'activation': 'rellu'}",
        "/architecture/activation", "did you mean \"relu\""),
    KEY("an unknown loss", "'loss': 'hinge'", "/loss", "must be one of"),
    KEY("an unknown optimizer", "'optimizer': {'type': 'adaboost'}", "/optimizer/type",
        "must be one of"),
    KEY("an output that does not fit the loss", "'architecture': {'output': 'identity'}",
        "/architecture/output", NULL),
    KEY("a loss that does not fit the target", "'loss': 'mse'", NULL, NULL),
    KEY("momentum for adam", "'optimizer': {'momentum': 0.9}", "/optimizer/momentum", "sgd"),
    KEY("maxout without pieces",
        "'architecture': {'hidden': [{'units': 4, 'activation': 'maxout'}]}",
        "/architecture/hidden/0/pieces", "required for maxout"),
    KEY("pieces without maxout", "'architecture': {'hidden': [{'units': 4, 'pieces': 2}]}",
        "/architecture/hidden/0/pieces", "belongs to maxout"),
    KEY("a residual across different widths",
        "'architecture': {'hidden': [8, {'units': 4, 'residual': true}]}",
        "/architecture/hidden/1/residual", "8 and 4 wide"),
    KEY("a residual from the inputs, which are narrower",
        "'preset': 'simple', 'architecture': {'hidden': [{'units': 8, 'residual': true}]}",
        "/architecture/hidden/0/residual", "4 and 8 wide"),
    KEY("two norms in a layer",
        "'architecture': {'hidden': [{'units': 8, 'batch_norm': true, 'layer_norm': true}]}",
        "/architecture/hidden/0/layer_norm", "has one of them"),
    KEY("lbfgs with dropout",
        "'optimizer': 'lbfgs', 'architecture': {'hidden': [{'units': 8, 'dropout': 0.5}]}",
        "/architecture/hidden/0/dropout", "same loss in each step"),
    KEY("lbfgs with batches", "'optimizer': 'lbfgs', 'training': {'batch_size': 8}",
        "/training/batch_size", "all training rows in a step"),
    KEY("sigmoid for three classes", "'architecture': {'output': 'sigmoid'}",
        "/architecture/output", "tells two classes apart"),
    KEY("a parameter of another schedule", "'schedule': {'type': 'step', 'peak': 0.3}",
        "/schedule/peak", "belongs to one_cycle"),
    KEY("a class weight of no class", "'training': {'class_weight': {'rosa': 2}}",
        "/training/class_weight/rosa", "no class \"rosa\""),
    KEY("pictures that are none",
        "'training': {'augment': {'shift': 2}}, 'preprocess': {'numeric': 'none'}, "
        "'architecture': {'hidden': []}",
        "/training/augment/shift", "less than the picture's sides"),
    KEY("a parent that is not there", "'start_from': 'nobody'", "/start_from",
        "no model named nobody"),
};

static const struct bad_case numbers[] = {
    KEY("negative learning rate", "'optimizer': {'learning_rate': -1}", "/optimizer/learning_rate",
        "must be > 0, got -1"),
    KEY("zero learning rate", "'optimizer': {'learning_rate': 0}", "/optimizer/learning_rate",
        "must be > 0, got 0"),
    KEY("huge learning rate", "'optimizer': {'learning_rate': 1e300}", "/optimizer/learning_rate",
        "at most"),
    TRAIN("a number no double holds", "{" IRIS ", 'optimizer': {'learning_rate': 1e999}}", 400,
          NULL, NULL),
    KEY("negative epochs", "'training': {'epochs': -5}", "/training/epochs", "got -5"),
    KEY("zero epochs", "'training': {'epochs': 0}", "/training/epochs", "got 0"),
    KEY("fractional epochs", "'training': {'epochs': 1.5}", "/training/epochs", "whole number"),
    KEY("epochs with an exponent", "'training': {'epochs': 1e3}", "/training/epochs",
        "whole number"),
    KEY("a million and one epochs", "'training': {'epochs': 1000001}", "/training/epochs",
        "1000000"),
    TRAIN("an integer of 40 digits",
          "{" IRIS ", 'training': {'epochs': 1234567890123456789012345678901234567890}}", 400, NULL,
          NULL),
    KEY("zero batch size", "'training': {'batch_size': 0}", "/training/batch_size", "got 0"),
    KEY("negative seed", "'training': {'seed': -1}", "/training/seed", "got -1"),
    KEY("a layer of no units", "'architecture': {'hidden': [0]}", "/architecture/hidden/0",
        "got 0"),
    KEY("a layer of -3 units", "'architecture': {'hidden': [8, -3]}", "/architecture/hidden/1",
        "got -3"),
    KEY("a layer of 2.5 units", "'architecture': {'hidden': [2.5]}", "/architecture/hidden/0",
        "whole number"),
    KEY("beta1 of 1", "'optimizer': {'beta1': 1}", "/optimizer/beta1", "must be < 1"),
    KEY("negative l2", "'optimizer': {'l2': -0.1}", "/optimizer/l2", "must be >= 0"),
    TRAIN("a negative fraction",
          "{'data': {'dataset': 'iris', 'target': 'species', 'split': {'test': -0.1}}}", 422,
          "/data/split/test", "must be >= 0"),
    TRAIN("fractions that leave nothing",
          "{'data': {'dataset': 'iris', 'target': 'species', 'split': {'validation': 0.6, 'test': "
          "0.6}}}",
          422, "/data/split", "leave no rows"),
    KEY("zero patience", "'training': {'early_stopping': {'patience': 0}}",
        "/training/early_stopping/patience", "got 0"),
};

static const struct bad_case sizes[] = {
    KEY("parameters over the budget", "'architecture': {'hidden': [65536, 65536, 65536]}",
        "/architecture/hidden", "parameters"),
    KEY("a layer wider than any may be", "'architecture': {'hidden': [2000000000]}",
        "/architecture/hidden/0", "65536"),
    TRAIN("10,000 layers", NULL, 422, "/architecture/hidden", "10000 layers", .make = many_layers,
          .shown = "POST /train {... \"hidden\": [8, 8, 8, ...]}"),
};

static const struct bad_case unknown_things[] = {
    TRAIN("unknown dataset", "{'data': {'dataset': 'isis', 'target': 'species'}}", 422,
          "/data/dataset", "isis"),
    TRAIN("unknown dataset by id", "{'data': {'dataset': 999999, 'target': 'species'}}", 422,
          "/data/dataset", NULL),
    TRAIN("a dataset's hash that is none", "{'data': {'dataset': 'sha256:xyz', 'target': 'a'}}",
          422, "/data/dataset", "64"),
    TRAIN("unknown target", "{'data': {'dataset': 'iris', 'target': 'specie'}}", 422,
          "/data/target", "did you mean \"species\""),
    TRAIN("unknown column to exclude",
          "{'data': {'dataset': 'iris', 'target': 'species', 'exclude': ['id']}}", 422,
          "/data/exclude/0", "id"),
    TRAIN("unknown split column",
          "{'data': {'dataset': 'iris', 'target': 'species', 'split': {'column': 'fold'}}}", 422,
          "/data/split/column", "fold"),
    TRAIN("a split column of other words",
          "{'data': {'dataset': 'iris', 'target': 'petal_width', 'split': {'column': 'species'}}}",
          422, NULL, "setosa"),
    BAD("unknown model", "GET", "/models/999999", NULL, 404, NULL, "999999"),
    BAD("unknown model to predict with", "POST", "/models/nosuch/predict", "{'instances': [[1]]}",
        404, NULL, "nosuch"),
    BAD("unknown job", "GET", "/jobs/999999", NULL, 404, NULL, "999999"),
    BAD("unknown job to cancel", "POST", "/jobs/999999/cancel", NULL, 404, NULL, "999999"),
    BAD("a job by name", "GET", "/jobs/iris", NULL, 404, NULL, NULL),
    BAD("unknown path", "GET", "/training", NULL, 404, NULL, NULL),
    BAD("a path upwards", "GET", "/datasets/..%2f..%2fetc%2fpasswd", NULL, 404, NULL, NULL),
    BAD("a path with a NUL", "GET", "/datasets/a%00b", NULL, 404, NULL, NULL),
};

static const struct bad_case manners[] = {
    TRAIN("a body over the limit", NULL, 413, NULL, "limit", .make = big_body,
          .shown = "POST /train, 33 MiB"),
    TRAIN("a body without a length", "{" IRIS "}", 411, NULL, "Content-Length", .chunked = true,
          .shown = "POST /train, chunked"),
    TRAIN("wrong content type", "{" IRIS "}", 415, NULL, "application/json", .type = "text/plain"),
    TRAIN("wrong content type: a form", "data=1", 415, NULL, "application/json",
          .type = "application/x-www-form-urlencoded"),
    BAD("wrong content type of a dataset", "POST", "/datasets?name=x", "<a/>", 415, NULL, "text/csv",
        .type = "application/xml"),
    BAD("a fetch that nothing is said of", "POST", "/datasets", "{}", 422, "/url", "is required"),
    BAD("wrong method", "GET", "/train", NULL, 405, NULL, "POST"),
    BAD("wrong method: PUT", "PUT", "/jobs/1", NULL, 405, NULL, NULL),
    BAD("wrong method: DELETE of all", "DELETE", "/jobs", NULL, 405, NULL, NULL),
    BAD("a made-up method", "BREW", "/train", NULL, 405, NULL, NULL),
    BAD("a page too large", "GET", "/jobs?limit=501", NULL, 400, "/limit", "500"),
    BAD("a page token that is none", "GET", "/jobs?page_token=x", NULL, 400, "/page_token", NULL),
    BAD("an unknown query parameter", "GET", "/jobs?stat=running", NULL, 400, "/stat",
        "did you mean state"),
    BAD("a query parameter twice", "GET", "/jobs?limit=1&limit=2", NULL, 400, "/limit", "twice"),
    BAD("a broken escape in a query", "GET", "/jobs?name=%zz", NULL, 400, NULL, NULL),
    BAD("a bad dry_run", "POST", "/train?dry_run=maybe", "{" IRIS "}", 400, "/dry_run", NULL),
};

#define P "/models/iris/predict"
static const struct bad_case predictions[] = {
    BAD("predict without a feature", "GET", P "?sepal_length=5&sepal_width=3&petal_length=1", NULL,
        422, "/petal_width", "missing"),
    BAD("predict with one feature more", "GET",
        P "?sepal_length=5&sepal_width=3&petal_length=1&petal_width=1&colour=2", NULL, 422,
        "/colour", NULL),
    BAD("predict with a misspelt feature", "GET",
        P "?sepal_length=5&sepal_width=3&petal_length=1&petal_widht=1", NULL, 422, "/petal_widht",
        "petal_width"),
    BAD("predict from a text", "GET",
        P "?sepal_length=long&sepal_width=3&petal_length=1&petal_width=1", NULL, 422,
        "/sepal_length", "number"),
    BAD("predict from too few values", "GET", P "?x=1,2,3", NULL, 422, NULL, "4"),
    BAD("predict rows: a missing feature", "POST", P,
        "{'instances': [{'sepal_length': 5, 'sepal_width': 3, 'petal_length': 1}]}", 422,
        "/instances/0/petal_width", "missing"),
    BAD("predict rows: an extra feature", "POST", P,
        "{'instances': [[1,2,3,4], {'sepal_length': 5, 'sepal_width': 3, 'petal_length': 1, "
        "'petal_width': 1, 'colour': 1}]}",
        422, "/instances/1/colour", NULL),
    BAD("predict rows: a misspelt feature", "POST", P,
        "{'instances': [{'sepal_length': 5, 'sepal_width': 3, 'petal_lenght': 1, 'petal_width': "
        "1}]}",
        422, "/instances/0/petal_lenght", "petal_length"),
    BAD("predict rows: an array too short", "POST", P, "{'instances': [[1,2,3,4], [1,2,3]]}", 422,
        "/instances/1", "4"),
    BAD("predict rows: a text", "POST", P, "{'instances': [[1,2,'three',4]]}", 422,
        "/instances/0/petal_length", "number"),
    BAD("predict rows: an object for a number", "POST", P, "{'instances': [[1,2,{},4]]}", 422, NULL,
        NULL),
    BAD("predict rows: a number beyond float32", "POST", P, "{'instances': [[1,2,3,1e300]]}", 422,
        "/instances/0/petal_width", NULL),
    BAD("predict rows: not a list", "POST", P, "{'instances': {}}", 422, "/instances", NULL),
    BAD("predict rows: none", "POST", P, "{'instances': []}", 422, "/instances", NULL),
    BAD("predict rows: no instances", "POST", P, "{'rows': [[1,2,3,4]]}", 422, "/rows",
        "instances"),
    BAD("predict rows: a number for a row", "POST", P, "{'instances': [5]}", 422, "/instances/0",
        NULL),
    BAD("predict CSV without a column", "POST", P, "sepal_length,sepal_width\n1,2\n", 422, NULL,
        "missing", .column = "petal_length", .type = "text/csv"),
    BAD("predict CSV with a ragged row", "POST", P,
        "sepal_length,sepal_width,petal_length,petal_width\n1,2,3\n", 422, NULL, NULL,
        .type = "text/csv"),
    BAD("evaluate without the target", "POST", "/models/iris/evaluate",
        "{'instances': [{'sepal_length': 5, 'sepal_width': 3, 'petal_length': 1, 'petal_width': "
        "1}]}",
        422, "/instances/0/species", NULL),
    BAD("evaluate an unknown class", "POST", "/models/iris/evaluate",
        "{'instances': [{'sepal_length': 5, 'sepal_width': 3, 'petal_length': 1, 'petal_width': 1, "
        "'species': 'rose'}]}",
        422, "/instances/0/species", "rose"),
};

#define LOOP(name, table)                                                                          \
    START_TEST(name)                                                                               \
    {                                                                                              \
        bad_case_run(&table[_i]);                                                                  \
    }                                                                                              \
    END_TEST

LOOP(bad_json, not_json)
LOOP(bad_keys, keys)
LOOP(bad_types, types)
LOOP(bad_numbers, numbers)
LOOP(bad_names, unknown_things)
LOOP(bad_manners, manners)
LOOP(bad_predictions, predictions)

/* Refused before anything is allocated: at once, and memory stays. */
START_TEST(bad_sizes)
{
    size_t before;
    double begin;

    bad_case_run(&sizes[_i]); /* warm */
    before = daemon_memory_peak(&d);
    begin = now_seconds();
    want(http_post(sizes[_i].make != NULL ? sizes[_i].make() : q("%s", sizes[_i].body), "/train"),
         422);
    ck_assert_double_lt(now_seconds() - begin, 0.25 * PATIENCE);
    ck_assert_uint_lt(daemon_memory_peak(&d), before + ((size_t)16 << 20));
}
END_TEST

START_TEST(four_problems_are_told_at_once)
{
    struct reply *r = want(http_post(many_problems(), "/train"), 422);

    want_problem(r, 422, "/loss", NULL);
    want_problem(r, 422, "/optimizer/learning_rate", NULL);
    want_problem(r, 422, "/optimizer/beta1", NULL);
    want_problem(r, 422, "/training/epochs", NULL);
    ck_assert_uint_eq(length(r, "/errors"), 4);
}
END_TEST

START_TEST(predict_before_there_are_weights)
{
    int64_t busy = integer(want(http_post(slow_job(FOREVER, 2, ""), "/train"), 202), "/id"), queued;
    struct reply *r;

    wait_for_epoch(busy, 1); /* both workers have a job */
    queued = train(XOR_JOB(""));
    r = want_problem(http_get("/models/%lld/predict?x1=0&x2=1", (long long)model_of(queued)), 409,
                     NULL, "weights");
    want(http_poke("/jobs/%lld/cancel", (long long)queued), 200);
    cancel_job(busy);
    bad_baseline();
    bad_record("predict before there are weights", "GET /models/{queued}/predict?x1=0&x2=1", r);
}
END_TEST

/* ---- what libcurl would not send ---------------------------------------------------------- */

static struct reply *raw(const char *fmt, const char *tail)
{
    char *request = text("%s%s", fmt, tail);
    struct reply *r = raw_exchange(request, strlen(request));

    ck_assert_msg(r != NULL, "no answer to %s", request);
    return r;
}

#define HOST text("Host: %s:%s\r\n", d.host, d.port)

START_TEST(no_length_at_all)
{
    char *head = text("POST /train HTTP/1.1\r\n%sContent-Type: application/json\r\n\r\n", HOST);
    struct reply *r = raw(head, "");

    want_problem(r, 411, NULL, "Content-Length");
    bad_record("a POST with neither body nor length", "POST /train", r);
}
END_TEST

START_TEST(half_a_body)
{
    char *head = text("POST /train HTTP/1.1\r\n%sContent-Type: application/json\r\n"
                      "Content-Length: 1000\r\n\r\n{\"data\": {",
                      HOST);
    int fd = raw_open();

    raw_write(fd, head, strlen(head));
    close(fd);
    bad_check_unchanged("half a body");
}
END_TEST

/* A length of 1 TiB is refused at the headers; no byte of it need come. */
START_TEST(a_huge_length)
{
    struct reply *r = raw(text("POST /train HTTP/1.1\r\n%sContent-Type: application/json\r\n"
                               "Content-Length: 1099511627776\r\n\r\n",
                               HOST),
                          "{");

    want_problem(r, 413, NULL, "limit");
    bad_record("a declared length of 1 TiB", "POST /train, Content-Length: 1099511627776", r);
}
END_TEST

START_TEST(two_lengths)
{
    struct reply *r = raw(text("POST /train HTTP/1.1\r\n%sContent-Type: application/json\r\n"
                               "Content-Length: 2\r\nContent-Length: 3\r\n\r\n",
                               HOST),
                          "{}x");

    ck_assert_int_eq(r->status, 400);
    bad_record("two lengths", "POST /train, Content-Length twice", r);
}
END_TEST

START_TEST(length_and_chunks)
{
    struct reply *r = raw(text("POST /train HTTP/1.1\r\n%sContent-Type: application/json\r\n"
                               "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
                               HOST),
                          "2\r\n{}\r\n0\r\n\r\n");

    ck_assert_int_eq(r->status, 400);
    bad_record("a length and chunks", "POST /train, Content-Length and Transfer-Encoding", r);
}
END_TEST

START_TEST(not_http)
{
    int fd = raw_open();

    raw_write(fd, "\x16\x03\x01 hello\r\n\r\n", 12);
    raw_read(fd, 30 * PATIENCE); /* an error or a closed connection */
    close(fd);
    bad_check_unchanged("not HTTP");
}
END_TEST

/* A page of another site, and a name that was rebound to us. */
START_TEST(another_site)
{
    struct reply *r;

    r = http_send(
        &(struct request){.method = "POST",
                          .path = "/train",
                          .body = q("{" IRIS "}"),
                          .headers = (const char *const[]){"Origin: http://evil.example", NULL}});
    want_problem(r, 403, NULL, NULL);
    bad_record("a request of another site's page", "POST /train, Origin: http://evil.example", r);
    r = http_send(&(struct request){.path = "/jobs",
                                    .headers = (const char *const[]){"Host: evil.example", NULL}});
    ck_assert_msg(r->status == 403 || r->status == 421, "%ld %s", r->status, r->body);
    want_problem(r, r->status, NULL, NULL);
    bad_record("a host that is not ours", "GET /jobs, Host: evil.example", r);
}
END_TEST

/* 100 connections that say nothing do not keep others out. */
START_TEST(idle_connections)
{
    int fds[100];

    for (size_t i = 0; i < COUNT(fds); i++) {
        fds[i] = raw_open();
        raw_write(fds[i], "GET /jobs HT", i % 2 ? 12 : 0);
    }
    ck_assert_double_lt(want(http_get("/models/iris/predict?x=1,2,3,4"), 200)->seconds,
                        1.0 * PATIENCE);
    for (size_t i = 0; i < COUNT(fds); i++) {
        close(fds[i]);
    }
    bad_check_unchanged("idle connections");
}
END_TEST

/* The last test of a case: all that went wrong has not touched the job beside it. */
START_TEST(nobody_else_noticed)
{
    wait_for_job(bystander, "running");
    cancel_job(bystander);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api_bad_input");
    TCase *tc = case_with("bad input", start, stop);

    tcase_add_loop_test(tc, bad_json, 0, COUNT(not_json));
    tcase_add_loop_test(tc, bad_keys, 0, COUNT(keys));
    tcase_add_test(tc, four_problems_are_told_at_once);
    tcase_add_loop_test(tc, bad_types, 0, COUNT(types));
    tcase_add_loop_test(tc, bad_numbers, 0, COUNT(numbers));
    tcase_add_loop_test(tc, bad_sizes, 0, COUNT(sizes));
    tcase_add_loop_test(tc, bad_names, 0, COUNT(unknown_things));
    tcase_add_loop_test(tc, bad_manners, 0, COUNT(manners));
    tcase_add_loop_test(tc, bad_predictions, 0, COUNT(predictions));
    tcase_add_test(tc, no_length_at_all);
    tcase_add_test(tc, half_a_body);
    tcase_add_test(tc, a_huge_length);
    tcase_add_test(tc, two_lengths);
    tcase_add_test(tc, length_and_chunks);
    tcase_add_test(tc, not_http);
    tcase_add_test(tc, another_site);
    tcase_add_test(tc, idle_connections);
    tcase_add_test(tc, predict_before_there_are_weights); /* last: it makes jobs of its own */
    tcase_add_test(tc, nobody_else_noticed);
    suite_add_tcase(suite, tc);
    return harness_main(suite);
}
