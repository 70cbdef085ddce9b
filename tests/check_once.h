/* The assertions of check, but each tells its place to check once only. Included before every test
 * program's first line (configure.ac).
 *
 * Check writes to a file for each assertion that holds, so as to know where a crash was: a loop over
 * a million numbers writes tens of megabytes, which takes longer than what is tested. The place of
 * a crash is then after the assertion that was reached last for the first time.
 */
#ifndef MLPD_TESTS_CHECK_ONCE_H
#define MLPD_TESTS_CHECK_ONCE_H

#include <check.h>

#undef ck_assert_msg
#define ck_assert_msg(expr, ...)                                                                  \
    ({                                                                                            \
        static char told_;                                                                        \
                                                                                                  \
        if (!(expr)) {                                                                            \
            _ck_assert_failed(__FILE__, __LINE__, "Assertion '" #expr "' failed", ##__VA_ARGS__); \
        } else if (!__atomic_load_n(&told_, __ATOMIC_RELAXED)) {                                  \
            __atomic_store_n(&told_, 1, __ATOMIC_RELAXED);                                        \
            _mark_point(__FILE__, __LINE__);                                                      \
        }                                                                                         \
    })

#endif
