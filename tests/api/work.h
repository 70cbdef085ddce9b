/* What the end-to-end tests do again and again: upload an example, train, wait. All waiting is
 * polling of the API with a deadline.
 */
#ifndef MLPD_TESTS_API_WORK_H
#define MLPD_TESTS_API_WORK_H

#include "client.h"

/* XOR: four rows, no split, learnt in well under a second. */
#define XOR_DATA "'preset': 'simple', 'data': {'x': [[0,0],[0,1],[1,0],[1,1]], 'y': [0,1,1,0]}"
#define XOR_JOB(more)                                                                              \
    "{" XOR_DATA ", 'architecture': {'hidden': [8], 'activation': 'tanh'}, "                       \
    "'optimizer': {'learning_rate': 0.05}, "                                                       \
    "'training': {'epochs': 400, 'batch_size': 4, 'seed': 3}" more "}"

/* POST /train with a job in q()'s form; asserts 202 and returns its id. */
int64_t train(const char *job_fmt, ...) PRINTF_LIKE(1, 2);
/* A regression job that takes milliseconds an epoch: one step a row, 200 rows. `more` goes
 * into the job's top level (", 'name': 'x'"). Same epochs and seed = same weights. */
char *slow_job(int epochs, int seed, const char *more);
#define FOREVER 1000000 /* epochs of a job that no test waits for */
/* Poll until the job is in this state. A final state that is another one fails the test. */
struct reply *wait_for_job(int64_t id, const char *state);
/* Poll until it runs and has finished at least this many epochs. */
void wait_for_epoch(int64_t id, int64_t epoch);
/* Poll until there is no dataset of that name, nor an upload. */
void wait_for_missing(const char *name);
/* Cancel and wait until it is so. */
void cancel_job(int64_t id);
/* The model of a job. */
int64_t model_of(int64_t job);
/* Wait until a job has succeeded; its model. */
int64_t trained(int64_t job);
/* The weights of a model as they come, without the model's id: equal = the same to the last bit. */
char *weights_of(int64_t model);
/* Whether a value is an RFC 3339 UTC time. */
bool is_time(const char *value);
/* Upload examples/data/<name>.csv under that name (the same again is fine). */
void upload_example(const char *name);
/* The CSV of an example without its last column, which is the target. */
char *features_of(const char *name);

#endif
