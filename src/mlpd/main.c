/* mlpd: start, wait (wait.c), stop. The commands beside it begin here too (command.h).
 *
 * Start order: options, signals blocked (so that every thread inherits that), state folder and
 * its lock, marks of crashes, store, datasets, checkpoints, predictor, pool, server, ready line;
 * then what can wait: webhooks, retention, and the check of the database after an unclean stop.
 * Stop order is the reverse, with the intake closed first: quiesce (new work is refused), pool
 * (running jobs leave a checkpoint and go back to the queue), webhooks, server, predictor,
 * datasets, store. Only main takes signals; a second one, or --stop-seconds gone
 * by, ends the process at once, which is safe: it is the same as a power cut, and the store is made
 * for that.
 */
#include "config.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crash.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/server.h"
#include "http/tokens.h"
#include "jobs/checkpoint.h"
#include "jobs/fetch.h"
#include "jobs/retention.h"
#include "jobs/webhook.h"
#include "mlp/mlp.h"
#include "mlpd/command.h"
#include "mlpd/notify.h"
#include "mlpd/open.h"
#include "mlpd/options.h"
#include "mlpd/state.h"
#include "mlpd/wait.h"
#include "net/outgoing.h"
#include "store/store_sqlite.h"

#define SERVER_THREADS 4 /* more than cores: a bulk request holds one for a while */
#define FILES_BESIDE   256 /* descriptors that are not connections */
#define CACHE_SHARE    16  /* of the memory limit, for models that answer */
#define CACHE_LEAST    (64u << 20)
#define EXTEND_SECONDS 20 /* a stop may take so long from now on, said anew each quarter of it */

struct app {
    int lock;
    int inherited;  /* a listening socket, or 0 */
    char owner[33]; /* this boot */
    struct store *store;
    struct datasets *datasets;
    struct checkpoints *checkpoints;
    struct predictor *predictor;
    struct tokens *tokens;
    struct pool *pool;
    struct server *server;
    struct retention_thread *retention; /* NULL: all jobs are kept */
    struct outgoing *outgoing;
    struct fetch_rules fetch;    /* of `limits`, set once with it */
    struct submit_limits limits;
    struct webhooks *webhooks;
};

/* Room for so many connections under the open-files limit, which is raised if it may be; else
 * fewer connections. */
static void fit_connections(struct server_options *server)
{
    rlim_t wanted = server_descriptors(server) + FILES_BESIDE;
    struct rlimit files;
    size_t asked = server->max_connections;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0) {
        files = (struct rlimit){.rlim_cur = FILES_BESIDE, .rlim_max = FILES_BESIDE};
    }
    if (files.rlim_cur < wanted && files.rlim_max > files.rlim_cur) {
        files.rlim_cur = files.rlim_max < wanted ? files.rlim_max : wanted;
        if (setrlimit(RLIMIT_NOFILE, &files) != 0) {
            log_warn("the open-files limit stays: %s", strerror(errno));
            (void)getrlimit(RLIMIT_NOFILE, &files); /* it answered a moment ago */
        }
    }
    while (server->max_connections > 1 &&
           server_descriptors(server) + FILES_BESIDE > files.rlim_cur) {
        server->max_connections -= (server->max_connections + 7) / 8;
    }
    if (server->max_connections < asked) {
        log_warn("%zu connections at most, not %zu: the open-files limit is %llu",
                 server->max_connections, asked, (unsigned long long)files.rlim_cur);
    }
}

/* --memory-limit is for all jobs together; a worker's job has its share. */
static void set_limits(struct app *app, const struct options *o)
{
    app->fetch = (struct fetch_rules){.outgoing = app->outgoing,
                                      .hosts = (const char *const *)o->fetch_allow,
                                      .most_bytes = o->max_dataset,
                                      .seconds = o->fetch_seconds};
    app->limits = (struct submit_limits){.memory_limit = o->memory_limit / o->workers,
                                         .max_queued = o->max_queued,
                                         .state = o->state,
                                         .disk_reserve = o->disk_reserve,
                                         .outgoing = app->outgoing,
                                         .fetch = &app->fetch};
}

static struct retention job_retention(const struct options *o)
{
    return (struct retention){.keep_jobs = o->keep_jobs, .keep_days = o->keep_days};
}

static struct server_options listening(const struct app *app, const struct options *o)
{
    return (struct server_options){.host = o->host,
                                   .port = o->port,
                                   .path = o->listen_path,
                                   .inherited = app->inherited,
                                   .tls_cert = o->tls_cert,
                                   .tls_key = o->tls_key,
                                   .host_names = (const char *const *)o->host_names,
                                   .behind_proxy = o->behind_proxy,
                                   .threads = SERVER_THREADS,
                                   .max_connections = o->max_connections,
                                   .max_per_client = o->max_per_client,
                                   .rate = o->rate,
                                   .burst = o->burst,
                                   .slow_seconds = o->slow_seconds};
}

/* Asked before anything is opened. */
static int may_listen(struct app *app, const struct options *o, struct err *err)
{
    struct server_options server;

    if (server_take_inherited(&app->inherited, err) != 0) {
        return -1;
    }
    if (app->inherited != 0) {
        log_info("listening on the socket that the service manager handed over, not as --listen "
                 "says");
    }
    server = listening(app, o);
    return server_may_listen(&server, tokens_count(app->tokens), err);
}

static int open_tokens(struct app *app, const char *dir, struct err *err)
{
    char *path = open_path(dir, "tokens");
    int rc = tokens_new(path, &app->tokens, err);

    free(path);
    return rc;
}

static int open_outgoing(struct app *app, const struct options *o, struct err *err)
{
    struct outgoing_options rules = {.allow_private = (const char *const *)o->allow_private};

    while (o->allow_private != NULL && o->allow_private[rules.n_allow_private] != NULL) {
        rules.n_allow_private++;
    }
    return outgoing_new(&rules, &app->outgoing, err);
}

static int start_server(struct app *app, const struct options *o, struct err *err)
{
    struct server_options server = listening(app, o);
    struct server_context context = {.store = app->store,
                                     .datasets = app->datasets,
                                     .pool = app->pool,
                                     .predictor = app->predictor,
                                     .checkpoints = app->checkpoints,
                                     .retention = job_retention(o),
                                     .limits = app->limits,
                                     .max_body = o->max_body,
                                     .max_dataset = o->max_dataset,
                                     .tokens = app->tokens,
                                     .require_token = o->require_token,
                                     .ui_dir = o->ui_dir,
                                     .store_version = store_sqlite_version(),
                                     .started_at = clock_monotonic()};

    fit_connections(&server);
    return server_start(&server, &context, &app->server, err);
}

/* The folder's lock, the store, and the files beside it. */
static int open_state(struct app *app, const char *dir, struct err *err)
{
    char *crashes = open_path(dir, "crashes"), *datasets = open_path(dir, "datasets"),
         *checkpoints = open_path(dir, "checkpoints");
    int rc = -1;

    if (state_open(dir, &app->lock, err) == 0 && state_is_whole(dir, err) == 0 &&
        open_store(dir, app->owner, &app->store, err) == 0 &&
        crash_install(crashes, app->owner, err) == 0 &&
        datasets_new(datasets, app->store, &app->datasets, err) == 0) {
        rc = checkpoints_new(checkpoints, app->store, &app->checkpoints, err);
    }
    free(crashes);
    free(datasets);
    free(checkpoints);
    return rc;
}

static int start(struct app *app, const struct options *o, struct err *err)
{
    struct pool_options pool = {.workers = o->workers,
                                .owner = app->owner,
                                .checkpoint_seconds = o->checkpoint_seconds,
                                .stall_seconds = o->stall_seconds};
    size_t cache = o->memory_limit / CACHE_SHARE;

    hash_random_hex(16, app->owner);
    if (open_tokens(app, o->state, err) != 0 || may_listen(app, o, err) != 0 ||
        open_outgoing(app, o, err) != 0 || open_state(app, o->state, err) != 0) {
        return -1;
    }
    set_limits(app, o);
    pool.checkpoints = app->checkpoints;
    pool.limits = &app->limits;
    app->predictor = predictor_new(app->store, cache > CACHE_LEAST ? cache : CACHE_LEAST);
    if (pool_new(&pool, app->datasets, app->predictor, &app->pool, err) != 0 ||
        start_server(app, o, err) != 0) {
        return -1;
    }
    pool_start(app->pool);
    return 0;
}

/* What nobody waits for. */
static void after_ready(struct app *app, const struct options *o)
{
    struct retention retention = job_retention(o);
    char *secret = open_path(o->state, "webhook-secret");
    struct webhook_options webhooks = {
        .store = app->store, .outgoing = app->outgoing, .secret_path = secret};

    app->webhooks = webhooks_start(&webhooks);
    free(secret);
    store_sqlite_quick_check(app->store);
    app->retention = retention_start(&retention, app->datasets);
}

/* What a failed start left undone is NULL here. */
static void stop(struct app *app)
{
    if (app->server != NULL) {
        server_quiesce(app->server);
        pool_stop(app->pool);
    }
    if (app->webhooks != NULL) {
        webhooks_stop(app->webhooks);
    }
    retention_stop(&app->retention);
    server_stop(&app->server);
    tokens_free(&app->tokens);
    if (app->pool != NULL) {
        pool_free(&app->pool);
    }
    if (app->predictor != NULL) {
        predictor_free(&app->predictor);
    }
    checkpoints_free(&app->checkpoints);
    if (app->datasets != NULL) {
        datasets_free(&app->datasets);
    }
    if (app->store != NULL) {
        app->store->ops->close(&app->store);
    }
    webhooks_free(&app->webhooks);
    outgoing_free(&app->outgoing);
    if (app->lock >= 0) {
        (void)close(app->lock); /* the lock goes with it; the file stays */
    }
}

/* Waits for a second signal, or for the deadline, and tells the service manager meanwhile that the
 * stop goes on; then the kill path. */
static void *lose_patience(void *arg)
{
    const double *seconds = arg;
    double until = clock_monotonic() + *seconds, left = *seconds, piece;
    sigset_t set = wait_stop_signals();
    int sig = -1;

    while (sig < 0 && left > 0) {
        struct timespec wait;

        notify_send("EXTEND_TIMEOUT_USEC=%d", EXTEND_SECONDS * 1000000);
        piece = fmin(left, EXTEND_SECONDS / 4.0);
        wait = (struct timespec){.tv_sec = (time_t)piece,
                                 .tv_nsec = (long)((piece - floor(piece)) * 1e9)};
        sig = sigtimedwait(&set, NULL, &wait);
        CHK(sig > 0 || errno == EAGAIN || errno == EINTR);
        left = until - clock_monotonic();
    }
    PTOK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL)); /* not with the log's lock held */
    (void)alarm(1); /* if nobody reads the log, that ends the process; there was no other alarm */
    if (sig > 0) {
        log_warn("signal %d while stopping: leaving at once", sig);
    } else {
        log_warn("the stop took longer than %g s: leaving at once", *seconds);
    }
    (void)alarm(0); /* it was read */
    _exit(1);
}

static void wait_and_stop(struct app *app, const struct options *o, int argc, char *const *argv)
{
    struct wait wait = {.store = app->store,
                        .pool = app->pool,
                        .server = app->server,
                        .tokens = app->tokens,
                        .options = o,
                        .argc = argc,
                        .argv = argv};
    double began, stop_seconds = o->stop_seconds;
    pthread_t impatient;
    int sig = wait_for_stop(&wait);

    began = clock_monotonic();
    notify_send("STOPPING=1\nSTATUS=stopping; running jobs leave a checkpoint");
    log_info("signal %d: stopping; running jobs go back to the queue", sig);
    PTOK(pthread_create(&impatient, NULL, lose_patience, &stop_seconds));
    stop(app);
    PTOK(pthread_cancel(impatient)); /* it holds nothing: it waits, or sends */
    PTOK(pthread_join(impatient, NULL));
    log_info("stopped in %.2f s", clock_monotonic() - began);
}

static int run(const struct options *o, int argc, char *const *argv)
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
    notify_send("READY=1");
    after_ready(&app, o);
    wait_and_stop(&app, o, argc, argv);
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

    if (argc > 1 && argv[1][0] != '-' && argv[1][0] != '\0') {
        return command_main(argc - 1, argv + 1);
    }
    if (options_parse(argc, argv, &options, &err) != 0) {
        options_complain(&err);
        err_fini(&err);
        return 2;
    }
    if (options.help) {
        options_help();
        command_help();
        return EXIT_SUCCESS;
    }
    if (options.version) {
        printf("mlpd %s%s\n", PACKAGE_VERSION, made_for_tests());
        return EXIT_SUCCESS;
    }
    if (options.check_config || options.print_config) {
        options.print_config ? options_print(&options) : (void)puts("ok");
        options_fini(&options);
        return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    (void)umask(077); /* the state is nobody else's */
    wait_prepare();
    log_set_prefix(options.log_prefix || log_is_journal());
    log_set_level(options.log_level);
    hash_start();
    server_prepare();
    notify_open();
    status = run(&options, argc, argv);
    notify_close();
    options_fini(&options);
    return status;
}
