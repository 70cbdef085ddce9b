/* mlpd: start, wait for a signal, stop.
 *
 * Start order: options, signals blocked (so that every thread inherits that), state folder and
 * its lock, store, datasets, predictor, pool, server, ready line. Stop order is the reverse,
 * with the intake closed first: quiesce (new work is refused), pool (running jobs go back to the
 * queue), server, predictor, datasets, store. Only main takes signals; a second one ends the
 * process at once, which is safe: it is the same as a power cut, and the store is made for that.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/guard.h"
#include "http/server.h"
#include "mlp/mlp.h"
#include "mlpd/options.h"
#include "mlpd/state.h"
#include "store/store_sqlite.h"

#define SERVER_THREADS 4 /* more than cores: a bulk request holds one for a while */
#define CONNECTIONS    1000
#define FILES_BESIDE   256 /* descriptors that are not connections */
#define CACHE_SHARE    16  /* of the memory limit, for models that answer */
#define CACHE_LEAST    (64u << 20)

struct app {
    int lock;
    char owner[33]; /* this boot */
    struct store *store;
    struct datasets *datasets;
    struct predictor *predictor;
    struct pool *pool;
    struct server *server;
};

static sigset_t stop_signals(void)
{
    sigset_t set;

    CHK(sigemptyset(&set) == 0 && sigaddset(&set, SIGTERM) == 0 && sigaddset(&set, SIGINT) == 0);
    return set;
}

/* SIGHUP is not used, and must not kill a daemon whose terminal closes. */
static void prepare_signals(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigset_t set = stop_signals();

    CHK(sigaction(SIGPIPE, &ignore, NULL) == 0 && sigaction(SIGHUP, &ignore, NULL) == 0);
    PTOK(pthread_sigmask(SIG_BLOCK, &set, NULL));
}

/* How many connections the open-files limit leaves room for; it is raised if it may be. */
static size_t connections(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0) {
        return FILES_BESIDE;
    }
    if (files.rlim_cur < CONNECTIONS + FILES_BESIDE && files.rlim_max > files.rlim_cur) {
        files.rlim_cur = files.rlim_max < CONNECTIONS + FILES_BESIDE ? files.rlim_max
                                                                     : CONNECTIONS + FILES_BESIDE;
        if (setrlimit(RLIMIT_NOFILE, &files) != 0) {
            log_warn("the open-files limit stays: %s", strerror(errno));
            (void)getrlimit(RLIMIT_NOFILE, &files); /* it answered a moment ago */
        }
    }
    if (files.rlim_cur >= CONNECTIONS + FILES_BESIDE) {
        return CONNECTIONS;
    }
    return files.rlim_cur > 2 * FILES_BESIDE ? files.rlim_cur - FILES_BESIDE
                                             : files.rlim_cur / 2 + 1;
}

/* --memory-limit is for all jobs together; a worker's job has its share. */
static struct submit_limits job_limits(const struct options *o)
{
    return (struct submit_limits){.memory_limit = o->memory_limit / o->workers,
                                  .max_queued = o->max_queued,
                                  .state = o->state};
}

static int start_server(struct app *app, const struct options *o, struct err *err)
{
    struct server_options server = {.host = o->host,
                                    .port = o->port,
                                    .threads = SERVER_THREADS,
                                    .max_connections = connections()};
    struct server_context context = {.store = app->store,
                                     .datasets = app->datasets,
                                     .pool = app->pool,
                                     .predictor = app->predictor,
                                     .limits = job_limits(o),
                                     .max_body = o->max_body,
                                     .max_dataset = o->max_dataset,
                                     .store_version = store_sqlite_version(),
                                     .started_at = clock_monotonic()};

    return server_start(&server, &context, &app->server, err);
}

static int start(struct app *app, const struct options *o, struct err *err)
{
    struct store_sqlite_options store = {.dir = o->state, .owner = app->owner};
    struct pool_options pool = {.workers = o->workers, .owner = app->owner};
    size_t cache = o->memory_limit / CACHE_SHARE;
    char *folder;
    int rc;

    if (state_open(o->state, &app->lock, err) != 0) {
        return -1;
    }
    hash_random_hex(16, app->owner);
    if (store_sqlite_open(&store, &app->store, err) != 0) {
        return -1;
    }
    folder = xasprintf("%s/datasets", o->state);
    rc = datasets_new(folder, app->store, &app->datasets, err);
    free(folder);
    if (rc != 0) {
        return -1;
    }
    app->predictor = predictor_new(app->store, cache > CACHE_LEAST ? cache : CACHE_LEAST);
    if (pool_new(&pool, app->datasets, app->predictor, &app->pool, err) != 0 ||
        start_server(app, o, err) != 0) {
        return -1;
    }
    pool_start(app->pool);
    return 0;
}

/* What a failed start left undone is NULL here. */
static void stop(struct app *app)
{
    if (app->server != NULL) {
        server_quiesce(app->server);
        pool_stop(app->pool);
    }
    server_stop(&app->server);
    if (app->pool != NULL) {
        pool_free(&app->pool);
    }
    if (app->predictor != NULL) {
        predictor_free(&app->predictor);
    }
    if (app->datasets != NULL) {
        datasets_free(&app->datasets);
    }
    if (app->store != NULL) {
        app->store->ops->close(&app->store);
    }
    if (app->lock >= 0) {
        (void)close(app->lock); /* the lock goes with it; the file stays */
    }
}

static void *second_signal(void *unused)
{
    sigset_t set = stop_signals();
    int sig;

    (void)unused;
    CHK(sigwait(&set, &sig) == 0);
    log_warn("signal %d while stopping: leaving at once", sig);
    _exit(1);
}

static void wait_and_stop(struct app *app)
{
    sigset_t set = stop_signals();
    double began;
    pthread_t impatient;
    int sig = 0;

    CHK(sigwait(&set, &sig) == 0);
    began = clock_monotonic();
    log_info("signal %d: stopping; running jobs go back to the queue", sig);
    PTOK(pthread_create(&impatient, NULL, second_signal, NULL));
    stop(app);
    PTOK(pthread_cancel(impatient)); /* it holds nothing: it waits in sigwait */
    PTOK(pthread_join(impatient, NULL));
    log_info("stopped in %.2f s", clock_monotonic() - began);
}

static int run(const struct options *o)
{
    struct app app = {.lock = -1};
    struct err err = ERR_INIT;
    double began = clock_monotonic();
    char libraries[128];

    log_info("mlpd %s: %s, %s, %s; %zu workers, %zu MiB for jobs", PACKAGE_VERSION, mlp_backend(),
             store_sqlite_version(), server_libraries(libraries, sizeof libraries), o->workers,
             o->memory_limit >> 20);
    if (start(&app, o, &err) != 0) {
        (void)fprintf(stderr, "mlpd: %s\n", err.detail);
        err_fini(&err);
        stop(&app);
        return EXIT_FAILURE;
    }
    if (printf("mlpd %s listening on %s\n", PACKAGE_VERSION, server_url(app.server)) < 0 ||
        fflush(stdout) != 0) {
        log_warn("the ready line could not be written: %s", strerror(errno));
    }
    log_info("ready in %.0f ms, state in %s", (clock_monotonic() - began) * 1e3, o->state);
    wait_and_stop(&app);
    return EXIT_SUCCESS;
}

/* A build that can be told to kill itself is not one to use. */
static const char *made_for_tests(void)
{
#ifdef MLPD_CRASH_POINTS
    return " (with crash points: for tests only)";
#else
    return "";
#endif
}

int main(int argc, char **argv)
{
    struct options options = {.help = false};
    struct err err = ERR_INIT;
    int status;

    if (options_parse(argc, argv, &options, &err) != 0) {
        (void)fprintf(stderr, "mlpd: %s\n", err.detail);
        err_fini(&err);
        return 2;
    }
    if (options.help) {
        options_help();
        return EXIT_SUCCESS;
    }
    if (options.version) {
        printf("mlpd %s%s\n", PACKAGE_VERSION, made_for_tests());
        return EXIT_SUCCESS;
    }
    if (!guard_is_loopback(options.host)) {
        (void)fprintf(stderr,
                      "mlpd: --listen %s is not a loopback address; serving other machines needs "
                      "tokens, which this version does not have: use 127.0.0.1 or [::1]\n",
                      options.host);
        options_fini(&options);
        return 2;
    }
    (void)umask(077); /* the state is nobody else's */
    prepare_signals();
    log_set_level(options.log_level);
    hash_start();
    server_prepare();
    status = run(&options);
    options_fini(&options);
    return status;
}
