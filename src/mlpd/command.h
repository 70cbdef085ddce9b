/* The commands beside the daemon: mlpd backup, restore, check, gc, webhook-secret, token. Each
 * looks at a state folder, says in one line what it did, and what is wrong a line each.
 */
#ifndef MLPD_MLPD_COMMAND_H
#define MLPD_MLPD_COMMAND_H

#include "mlpd/options.h"

/* argv[0] is the command's name. Returns the exit status: 0 = done, 1 = it failed or found
 * damage, 2 = the line is wrong. */
int command_main(int argc, char *const *argv);
/* What mlpd --help says of them. */
void command_help(void);

/* One command: 0; 1 = it found something and has said so; -1. */
typedef int command_run_f(const struct options_line *line, struct err *err);
command_run_f command_backup, command_restore, command_check, command_gc, command_webhook_secret;

/* mlpd token: it has verbs, so it reads its line itself. The exit status. */
int command_token(int argc, char *const *argv);
void command_token_help(void); /* its lines of command_help */

/* Each problem on a line of its own; how many there were. */
size_t command_tell(const struct err *problems);

#endif
