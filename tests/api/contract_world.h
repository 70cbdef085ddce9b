/* What the tests of the contract ask: a daemon with iris, a job that has learnt from it, and one
 * delivery to where nobody listens.
 */
#ifndef MLPD_TESTS_API_CONTRACT_WORLD_H
#define MLPD_TESTS_API_CONTRACT_WORLD_H

#include "schema.h"
#include "work.h"

static struct daemon d;
static int64_t job, model;

#define IRIS_JOB                                                                                   \
    "{'name': 'iris', 'preset': 'simple', "                                                        \
    "'data': {'dataset': 'iris', 'target': 'species'%s}, 'training': {'epochs': "                  \
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

#endif
