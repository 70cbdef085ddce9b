/* See doc_compare.h. One thread; every trouble fails the test that asked. */
#include "doc_compare.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static char *full_path(const char *path)
{
    return xasprintf("%s/%s", TOP_SRCDIR, path);
}

char *doc_read(const char *path)
{
    char *full = full_path(path), bytes[4096];
    FILE *file = fopen(full, "r");
    struct buf there = BUF_INIT;
    size_t n;

    ck_assert_msg(file != NULL, "cannot open %s", full);
    while ((n = fread(bytes, 1, sizeof bytes, file)) > 0) {
        ck_assert_int_eq(buf_append(&there, bytes, n), 0);
    }
    ck_assert_int_eq(ferror(file), 0);
    ck_assert_int_eq(fclose(file), 0);
    free(full);
    buf_puts(&there, "");
    return buf_take(&there);
}

static void write_page(const char *path, const char *page)
{
    char *full = full_path(path);
    FILE *file = fopen(full, "w");

    ck_assert_msg(file != NULL, "cannot write %s", full);
    ck_assert_int_ge(fputs(page, file), 0);
    ck_assert_int_eq(fclose(file), 0);
    free(full);
}

static void compare(const char *path, const char *program, const char *there, const char *page)
{
    size_t same = 0, line = 1, i;

    if (getenv("MLPD_WRITE_DOCS") != NULL) {
        write_page(path, page);
        return;
    }
    while (there[same] != '\0' && there[same] == page[same]) {
        same++;
    }
    for (i = 0; i < same; i++) {
        line += there[i] == '\n';
    }
    ck_assert_msg(there[same] == page[same],
                  "%s is out of date from line %zu on: MLPD_WRITE_DOCS=1 %s", path, line, program);
}

void doc_compare(const char *path, const char *program, const struct buf *page)
{
    char *there = doc_read(path);

    compare(path, program, there, page->data);
    free(there);
}

/* The line that begins so; the test fails when there is none. */
static char *line_of(char *text, const char *path, const char *mark)
{
    char *at = strstr(text, mark);

    ck_assert_msg(at != NULL && (at == text || at[-1] == '\n'), "%s has no line \"%s ...\"", path,
                  mark);
    return at;
}

void doc_compare_section(const char *path, const char *program, const char *name,
                         const struct buf *section)
{
    char *there = doc_read(path), *begin, *end;
    char *first = xasprintf("<!-- %s", name), *last = xasprintf("<!-- end of %s", name);
    struct buf page = BUF_INIT;

    begin = line_of(there, path, first);
    begin += strcspn(begin, "\n");
    begin += *begin == '\n';
    end = line_of(begin, path, last);
    ck_assert_int_eq(buf_append(&page, there, (size_t)(begin - there)), 0);
    buf_puts(&page, section->data);
    buf_puts(&page, end);
    compare(path, program, there, page.data);
    buf_fini(&page);
    free(first);
    free(last);
    free(there);
}
