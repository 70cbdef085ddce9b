/* Recipes and their right answers; see recipes.h. */
#include "config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recipes.h"
#include "work.h"

#define ROWS (900 / PATIENCE)

#define CLASSES "'preset': 'simple', 'data': {'dataset': 'cloud', 'target': 'kind', 'exclude': ['y']}"
#define NUMBERS "'preset': 'simple', 'data': {'dataset': 'cloud', 'target': 'y', 'exclude': ['kind']}"
#define INLINE  "'preset': 'simple', 'data': {'x': [[0,0],[0,1],[1,0],[1,1]], 'y': [0,1,1,0], " \
    "'features': ['a', 'b']}"
/* Long enough for several checkpoints; sanitized steps are slow. */
#ifdef MLPD_SANITIZERS
#define MANY "100"
#else
#define MANY "400"
#endif
#define EPOCHS(n, batch)                                                                           \
    "'training': {'epochs': " #n ", 'batch_size': " #batch ", 'seed': 5, 'early_stopping': null}"

const struct recipe recipes[] = {
    {"adam",
     CLASSES ", 'architecture': {'hidden': [8]}, 'optimizer': {'type': 'adam'}, " EPOCHS(30, 16),
     false, false},
    {"inline sgd",
     INLINE ", 'architecture': {'hidden': [8], 'activation': 'tanh'}, 'optimizer': {'type': 'sgd', "
            "'learning_rate': 0.1, 'momentum': 0.9, 'nesterov': true}, " EPOCHS(200, 4),
     false, false},
    {"rprop",
     NUMBERS ", 'architecture': {'hidden': [8]}, 'optimizer': {'type': 'rprop'}, 'training': "
             "{'epochs': 40, 'seed': 5, 'early_stopping': null}",
     false, false},
    {"adagrad",
     NUMBERS
     ", 'architecture': {'hidden': [8, 8]}, 'optimizer': {'type': 'adagrad'}, " EPOCHS(20, 8),
     false, false},
    {"goes on",
     CLASSES ", 'start_from': {'model': $, 'optimizer_state': 'continue'}, 'architecture': "
             "{'hidden': [8]}, 'optimizer': {'type': 'adam'}, " EPOCHS(40, 16),
     false, true},
    {"sgd, cosine, dropout",
     CLASSES ", 'architecture': {'hidden': [48, 48], 'dropout': 0.2}, 'optimizer': {'type': 'sgd', "
             "'learning_rate': 0.02, 'momentum': 0.9}, 'schedule': {'type': 'cosine', "
             "'cycle_epochs': 70, 'warmup_epochs': 3}, "
             "'training': {'epochs': " MANY ", 'batch_size': 2, 'seed': 5, 'early_stopping': null}",
     true, false},
    {"adamw, average, clipping",
     CLASSES ", 'architecture': {'hidden': [48, 32]}, 'optimizer': {'type': 'adamw', 'amsgrad': "
             "true}, 'training': {'epochs': " MANY
             ", 'batch_size': 2, 'seed': 6, 'early_stopping': null, "
             "'average': {'type': 'ema', 'decay': 0.99}, 'clip_norm': 1}",
     true, false},
    {"nadam, batch norm, accumulate",
     NUMBERS ", 'architecture': {'hidden': [48, 48], 'batch_norm': true}, 'optimizer': {'type': "
             "'nadam'}, 'schedule': {'type': 'one_cycle'}, 'training': {'epochs': " MANY ", "
             "'batch_size': 4, 'accumulate': 3, 'seed': 7, 'early_stopping': null}",
     true, false},
#ifndef MLPD_SANITIZERS /* they would take minutes */
    {"rmsprop, plateau, early stopping",
     NUMBERS ", 'architecture': {'hidden': [64, 32], 'input_noise': 0.1}, 'optimizer': {'type': "
             "'rmsprop', 'momentum': 0.5}, 'schedule': {'type': 'reduce_on_plateau', 'patience': "
             "6}, 'training': {'epochs': " MANY ", 'batch_size': 2, 'seed': 8, 'early_stopping': "
             "{'patience': 200}}",
     true, false},
    {"radam, averaged epochs",
     CLASSES ", 'architecture': {'hidden': [48, 48], 'layer_norm': true}, 'optimizer': {'type': "
             "'radam'}, 'training': {'epochs': " MANY
             ", 'batch_size': 2, 'seed': 9, 'early_stopping': "
             "null, 'average': {'type': 'swa', 'start': 90}}",
     true, false},
    {"lion, gradient norms",
     CLASSES ", 'architecture': {'hidden': [48, 48]}, 'optimizer': {'type': 'lion'}, 'training': "
             "{'epochs': " MANY ", 'batch_size': 2, 'seed': 10, 'early_stopping': null, "
             "'record_gradient_norms': true}",
     true, false},
    {"adadelta, two threads",
     NUMBERS ", 'loss': 'huber', 'architecture': {'hidden': [48, 48], 'activation': 'gelu'}, "
             "'optimizer': {'type': 'adadelta'}, 'training': {'epochs': " MANY ", 'batch_size': 2, "
             "'seed': 11, 'threads': 2, 'early_stopping': null}",
     true, false},
    {"lbfgs",
     CLASSES ", 'architecture': {'hidden': [64, 64]}, 'optimizer': {'type': 'lbfgs', 'l2': 0.01}, "
             "'training': {'epochs': 600, 'seed': 12, 'early_stopping': null}",
     true, false},
#endif
};
const size_t n_recipes = COUNT(recipes);

static struct product products[COUNT(recipes)];

void recipe_table(void)
{
    static const char *const kinds[] = {"red", "green", "blue"};
    char *csv = NULL;
    size_t len;
    FILE *f = open_memstream(&csv, &len);
    struct reply *r;

    ck_assert_ptr_nonnull(f);
    fputs("a,b,c,d,y,kind\n", f);
    for (int i = 0; i < ROWS; i++) {
        double a = sin(i * 0.7), b = cos(i * 1.3), c = sin(i * i * 0.01), d = cos(i * 0.11);
        double score = a * b + c;

        fprintf(f, "%.4f,%.4f,%.4f,%.4f,%.5f,%s\n", a, b, c, d, score + 0.1 * d,
                kinds[score < -0.3  ? 0
                      : score < 0.4 ? 1
                                    : 2]);
    }
    ck_assert_int_eq(fclose(f), 0);
    keep(csv);
    r = http_csv(csv, "/datasets?name=cloud");
    ck_assert_msg(r->status == 201 || r->status == 200, "the table: %ld %s", r->status, r->body);
}

char *recipe_body(size_t recipe, const char *name, int64_t parent, int priority)
{
    const char *config = recipes[recipe].config, *dollar = strchr(config, '$');

    if (dollar != NULL) {
        config = text("%.*s%lld%s", (int)(dollar - config), config, (long long)parent, dollar + 1);
    }
    return q("{'name': '%s', %s%s}", name, config,
             priority == 0 ? "" : text(", 'priority': %d", priority));
}

const char *recipe_probe(void)
{
    return "{\"instances\": [{\"a\": 0.5, \"b\": -0.25, \"c\": 0.125, \"d\": 0}, "
           "{\"a\": -1, \"b\": 1, \"c\": -0.3, \"d\": 0.9}]}";
}

static const char *probe_of(size_t recipe)
{
    return strstr(recipes[recipe].config, "'x':") != NULL
               ? "{\"instances\": [[0, 1], [1, 1], [0.5, 0.25]]}"
               : recipe_probe();
}

char *recipe_prediction(const struct reply *r)
{
    return canonical(at(r, "/predictions"));
}

/* One point: what must be the same again. */
static char *point_line(const json_t *point)
{
    json_t *copy = json_deep_copy(point);
    char *line;

    ck_assert_ptr_nonnull(copy);
    json_object_del(copy, "seconds");
    json_object_del(copy, "elapsed_seconds");
    line = canonical(copy);
    json_decref(copy);
    return line;
}

char *recipe_curve(const struct reply *r, size_t *n)
{
    json_t *points = at(r, "/points"), *point;
    size_t i, len = 0, room = 4096;
    char *all = malloc(room);

    ck_assert_ptr_nonnull(all);
    all[0] = '\0';
    json_array_foreach(points, i, point)
    {
        int64_t epoch = json_integer_value(json_object_get(point, "epoch"));
        char *line = point_line(point);
        size_t more = strlen(line);

        ck_assert_msg(epoch == (int64_t)i + 1, "point %zu of the curve is epoch %lld: %s", i,
                      (long long)epoch, r->body);
        if (len + more + 2 > room) {
            room = 2 * (len + more + 2);
            all = realloc(all, room);
            ck_assert_ptr_nonnull(all);
        }
        memcpy(all + len, line, more);
        len += more;
        all[len++] = '\n';
        all[len] = '\0';
    }
    *n = i;
    return keep(all);
}

/* ---- products ------------------------------------------------------------------- */

static char *own(const char *s)
{
    char *copy = strdup(s);

    ck_assert_ptr_nonnull(copy);
    return copy;
}

static void product_of(size_t recipe, int64_t job, int64_t model, struct product *p)
{
    struct reply *r = want(http_get("/models/%lld", (long long)model), 200);

    p->sha256 = own(str(r, "/weights_sha256"));
    p->metrics = own(canonical(at(r, "/metrics")));
    p->weights = own(weights_of(model));
    p->curve =
        own(recipe_curve(want(http_get("/jobs/%lld/curve", (long long)job), 200), &p->points));
    r = want(http_post(probe_of(recipe), "/models/%lld/predict", (long long)model), 200);
    p->predictions = own(recipe_prediction(r));
}

static void product_fini(struct product *p)
{
    free(p->weights);
    free(p->sha256);
    free(p->curve);
    free(p->metrics);
    free(p->predictions);
    *p = (struct product){.points = 0};
}

void recipes_cook(void)
{
    struct daemon calm = {.pid = 0};
    int64_t jobs[COUNT(recipes)], first = 0;
    double begin = now_seconds();

    daemon_start(&calm, NULL, (const char *const[]){"--workers", "2", NULL});
    recipe_table();
    for (size_t i = 0; i < n_recipes; i++) {
        char *body;

        if (recipes[i].goes_on && first == 0) {
            first = trained(jobs[0]);
        }
        body = recipe_body(i, text("calm%zu", i), first, 0);
        jobs[i] = integer(want(http_post(body, "/train"), 202), "/id");
    }
    for (size_t i = 0; i < n_recipes; i++) {
        product_of(i, jobs[i], trained(jobs[i]), &products[i]);
        if (getenv("CRASH_VERBOSE") != NULL) {
            struct reply *r = want(http_get("/jobs/%lld", (long long)jobs[i]), 200);

            printf("# %-34s %4zu epochs, %.2f s\n", recipes[i].name, products[i].points,
                   num(r, "/result/seconds"));
        }
    }
    printf("# %zu references in %.1f s\n", n_recipes, now_seconds() - begin);
    daemon_stop(&calm);
    free(calm.state);
    free(calm.log);
}

const struct product *recipe_product(size_t recipe)
{
    ck_assert_ptr_nonnull(products[recipe].weights);
    return &products[recipe];
}

void recipes_forget(void)
{
    for (size_t i = 0; i < n_recipes; i++) {
        product_fini(&products[i]);
    }
}

void recipe_compare(size_t recipe, int64_t job, int64_t model)
{
    const struct product *right = recipe_product(recipe);
    struct product is;

    product_of(recipe, job, model, &is);
    ck_assert_msg(strcmp(is.sha256, right->sha256) == 0,
                  "job %lld (%s): its weights are %s, not those of the run that was never killed",
                  (long long)job, recipes[recipe].name, is.sha256);
    want_same(is.weights, right->weights);
    want_same(is.curve, right->curve);
    want_same(is.metrics, right->metrics);
    want_same(is.predictions, right->predictions);
    product_fini(&is);
}
