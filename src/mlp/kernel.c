/* Which kernel tables were built and which of them this processor can run.
 *
 * Asked when a net is made, and kept in it: there is nothing global to set up.
 */
#include "mlp/kernel_isa.h"
#include "mlp/kernel_tiles.h"

#if defined MLP_KERNEL_X86 && defined __linux__
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#define HAVE_UNITS 1
#endif

extern const struct kernel kernel_baseline;
#ifdef MLP_KERNEL_X86
extern const struct kernel kernel_avx2, kernel_avx512;
#endif

size_t kernel_tables(const struct kernel *out[KERNEL_MAX])
{
    size_t n = 0;

    out[n++] = &kernel_baseline;
#ifdef MLP_KERNEL_X86
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        out[n++] = &kernel_avx2;
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
            __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
            out[n++] = &kernel_avx512;
        }
    }
#endif
    return n;
}

const struct kernel *kernel_best(void)
{
    const struct kernel *tables[KERNEL_MAX];

    return tables[kernel_tables(tables) - 1];
}

#ifdef HAVE_UNITS
extern const struct kernel_units kernel_units_amx, kernel_units_pairs;

/* Tiles are 8 KiB of state that Linux gives a process only when it asks. */
static bool amx_allowed(void)
{
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };

    return syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0;
}

size_t kernel_units_list(const struct kernel *k, const struct kernel_units *out[KERNEL_UNITS_MAX])
{
    const unsigned amx = 1U << 24 | 1U << 22; /* tiles, and bfloat16 in them */
    const unsigned pairs = 1U << 5;
    unsigned a = 0, b = 0, c = 0, d = 0;
    size_t n = 0;

    if (k->isa != KERNEL_AVX512 || __get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) {
        return 0;
    }
    if ((d & amx) == amx && amx_allowed()) {
        out[n++] = &kernel_units_amx;
    }
    if (__get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a & pairs) != 0) {
        out[n++] = &kernel_units_pairs;
    }
    return n;
}
#else
size_t kernel_units_list(const struct kernel *k, const struct kernel_units *out[KERNEL_UNITS_MAX])
{
    (void)k, (void)out;
    return 0;
}
#endif

const struct kernel_units *kernel_units(const struct kernel *k)
{
    const struct kernel_units *list[KERNEL_UNITS_MAX];

    return kernel_units_list(k, list) > 0 ? list[0] : NULL;
}
