/* The jobs that the crash tests send, and what a daemon that is never killed makes of each.
 *
 * A recipe is a job config with every choice made and a seed, so that it has one right answer:
 * weights, curve, metrics and predictions, to the last bit. Short ones and ones long enough for
 * several checkpoints, with each kind of state that a checkpoint must carry: the moments of every
 * optimizer, averages of the weights, statistics of batch norm, random streams, early stopping.
 *
 * Single-threaded, like the harness.
 */
#ifndef MLPD_TESTS_CRASH_RECIPES_H
#define MLPD_TESTS_CRASH_RECIPES_H

#include "client.h"

struct recipe {
    const char *name;
    const char *config; /* in q()'s form, all but "name" and the braces around it */
    bool is_long;       /* several checkpoints */
    bool goes_on;       /* from a model of recipe 0, whose id takes the place of $ */
};
extern const struct recipe recipes[];
extern const size_t n_recipes;

/* What came of a recipe, or of a job to compare with it. All fields owned. */
struct product {
    char *weights; /* GET weights, without the model's id */
    char *sha256;  /* of the weights, as the model says */
    char *curve;   /* its points without times, one a line */
    size_t points;
    char *metrics;     /* of the model, canonical JSON */
    char *predictions; /* of the probe rows, without the model's id */
};

/* Make the reference products: a daemon that lives until all are made. */
void recipes_cook(void);
const struct product *recipe_product(size_t recipe);
void recipes_forget(void);

/* Upload the table that all recipes need. */
void recipe_table(void);
/* Body of a job; kept by the test. `parent`: a model of recipe 0, if it goes on from one. */
char *recipe_body(size_t recipe, const char *name, int64_t parent, int priority);
/* The rows that every model is asked about, as a body of POST predict. */
const char *recipe_probe(void);
/* An answer to that without the model's id. */
char *recipe_prediction(const struct reply *r);
/* The points of GET curve without times, and whether their epochs are 1, 2, 3, ...; *n of them. */
char *recipe_curve(const struct reply *r, size_t *n);
/* The finished job's product must be its recipe's. */
void recipe_compare(size_t recipe, int64_t job, int64_t model);

#endif
