/* What this machine's cores can multiply and add in float32 at the very best: fused
 * multiply-adds on registers, enough of them in flight that none waits for another.
 *
 *   peak THREADS    prints operations per second of all threads together, an FMA being two
 *
 * The best of many short windows, all threads in each window at once: cores that share
 * one unit show here, and a neighbour who took a slice does not. Built by scripts/bench with
 * -O3 -march=native.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#if defined __AVX512F__
#define WIDTH 16
#elif defined __AVX__
#define WIDTH 8
#else
#define WIDTH 4
#endif
#define CHAINS 12 /* latency 4 x 2 units = 8, and some to spare; all fit 16 registers */
#define ROUNDS 1000000
#define WINDOWS 150
#define MAX_THREADS 256

typedef float vec __attribute__((vector_size(WIDTH * sizeof(float))));

static pthread_barrier_t gate;
static double begun[MAX_THREADS], ended[MAX_THREADS];
static volatile float sink;

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void multiply_and_add(void)
{
    vec a[CHAINS], factor = {0}, sum = {0};

    factor += 0.999F;
    for (int k = 0; k < CHAINS; k++) {
        a[k] = factor + (float)k;
    }
    for (int i = 0; i < ROUNDS; i++) {
#pragma GCC unroll 12
        for (int k = 0; k < CHAINS; k++) {
            a[k] = a[k] * factor + factor;
        }
    }
    for (int k = 0; k < CHAINS; k++) {
        sum += a[k];
    }
    sink = sum[0];
}

static void *work(void *arg)
{
    size_t me = (size_t)arg;

    for (int w = 0; w < WINDOWS; w++) {
        pthread_barrier_wait(&gate);
        begun[me] = now();
        multiply_and_add();
        ended[me] = now();
        pthread_barrier_wait(&gate);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    long n = argc > 1 ? strtol(argv[1], NULL, 10) : 1;
    double best = 0, work_done;
    pthread_t threads[MAX_THREADS];

    if (n < 1 || n > MAX_THREADS) {
        fprintf(stderr, "usage: peak THREADS\n");
        return 2;
    }
    work_done = 2.0 * WIDTH * CHAINS * ROUNDS * (double)n;
    pthread_barrier_init(&gate, NULL, (unsigned)n + 1);
    for (long t = 0; t < n; t++) {
        pthread_create(&threads[t], NULL, work, (void *)t);
    }
    for (int w = 0; w < WINDOWS; w++) {
        double first, last;

        pthread_barrier_wait(&gate);
        pthread_barrier_wait(&gate);
        first = begun[0]; /* the threads wait at the gate until this loop comes round */
        last = ended[0];
        for (long t = 1; t < n; t++) {
            first = begun[t] < first ? begun[t] : first;
            last = ended[t] > last ? ended[t] : last;
        }
        if (work_done / (last - first) > best) {
            best = work_done / (last - first);
        }
    }
    for (long t = 0; t < n; t++) {
        pthread_join(threads[t], NULL);
    }
    printf("%.6g\n", best);
    return 0;
}
