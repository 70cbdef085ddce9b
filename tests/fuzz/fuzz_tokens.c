/* The token file and what a client shows: the first line is an Authorization header, the rest the
 * file. Access is granted only by a line with the shown id, the hash of the shown secret and a
 * scope; a token of ours is granted whatever stands around it, and reads back as it was.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/text.h"
#include "http/token_file.h"

#define SECRET "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define OURS   "Bearer " TOKEN_PREFIX "0123456789ab_" SECRET

/* The file, with a good line of ours before the stranger's. */
static void write_file(const char *path, const char *own, const uint8_t *data, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    FUZZ_TRUE(fd >= 0);
    FUZZ_TRUE(write(fd, own, strlen(own)) == (ssize_t)strlen(own));
    FUZZ_TRUE(write(fd, data, size) == (ssize_t)size);
    FUZZ_TRUE(close(fd) == 0);
}

static void look_at_list(const char *path)
{
    struct token *list = NULL;
    struct err err = ERR_INIT;
    size_t n = 0, i, k;

    FUZZ_TRUE(tokens_list(path, &list, &n, &err) == 0);
    FUZZ_TRUE(n <= TOKENS_MOST);
    for (i = 0; i < n; i++) {
        FUZZ_TRUE(strlen(list[i].id) == TOKEN_ID_LEN - 1);
        FUZZ_TRUE(strspn(list[i].id, "0123456789abcdef") == TOKEN_ID_LEN - 1);
        FUZZ_TRUE(list[i].scope > SCOPE_OPEN && list[i].scope <= SCOPE_ADMIN);
        FUZZ_TRUE(strlen(list[i].note) < sizeof list[i].note);
        FUZZ_TRUE(text_is_utf8(list[i].note, strlen(list[i].note)));
        for (k = 0; k < strlen(list[i].note); k++) {
            FUZZ_TRUE((unsigned char)list[i].note[k] >= ' ' && list[i].note[k] != 0x7f);
        }
        for (k = 0; k < i; k++) {
            FUZZ_TRUE(strcmp(list[i].id, list[k].id) != 0);
        }
    }
    free(list);
}

/* Whether the file has a line that begins so. */
static bool has_line(const char *path, const char *start)
{
    FILE *f = fopen(path, "re");
    size_t room = 0;
    char *line = NULL;
    bool has = false;

    FUZZ_TRUE(f != NULL);
    while (!has && getline(&line, &room, f) > 0) {
        has = strncmp(line, start, strlen(start)) == 0;
    }
    free(line);
    (void)fclose(f); /* only read */
    return has;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char id[TOKEN_ID_LEN], hex[HASH_HEX_LEN], *own, *path, *start, *authorization;
    enum route_scope scope = SCOPE_OPEN;
    struct tokens *tokens = NULL;
    struct err err = ERR_INIT;

    fuzz_start();
    if (size > (64u << 10)) { /* what holds of a long file holds of a short one */
        return 0;
    }
    authorization = fuzz_line(&data, &size);
    path = xasprintf("%s/tokens", fuzz_folder());
    hash_hex(SECRET, TOKEN_SECRET_LEN, hex);
    own = xasprintf("0123456789ab train %s 2026-01-01T00:00:00.000Z ours\n", hex);
    write_file(path, own, data, size);
    FUZZ_TRUE(tokens_new(path, &tokens, &err) == 0);
    FUZZ_TRUE(tokens_count(tokens) >= 1);
    FUZZ_TRUE(tokens_check(tokens, OURS, &scope, id));
    FUZZ_TRUE(scope == SCOPE_TRAIN && strcmp(id, "0123456789ab") == 0);
    scope = SCOPE_OPEN;
    if (tokens_check(tokens, authorization, &scope, id)) {
        hash_hex(authorization + strlen(authorization) - TOKEN_SECRET_LEN, TOKEN_SECRET_LEN, hex);
        start = xasprintf("%s %s %s ", id, route_scope_name(scope), hex);
        FUZZ_TRUE(scope > SCOPE_OPEN && scope <= SCOPE_ADMIN && has_line(path, start));
        free(start);
    } else {
        FUZZ_TRUE(scope == SCOPE_OPEN);
    }
    look_at_list(path);
    tokens_free(&tokens);
    FUZZ_TRUE(remove(path) == 0);
    free(own);
    free(path);
    free(authorization);
    return 0;
}
