/* Who may do what: the scope of a route against that of the token that came with the request.
 *
 * The dispatcher asks once for every request, when its route is known and before anything is done
 * for it. Routes that are OPEN, and the page's files, need nothing, and what is sent to them is not
 * looked at. Elsewhere a token is needed where others than this machine can reach the server, or
 * with --require-token; where none is needed, one that is sent must be good all the same.
 */
#ifndef MLPD_HTTP_ACCESS_H
#define MLPD_HTTP_ACCESS_H

#include "http/rates.h"
#include "http/request.h"

/* Of refused tokens, by client: so many at once, then one each six seconds, are answered 401 and
 * logged; the others 429. A good token is good in any case, for it cannot be guessed, and clients
 * behind one proxy share an address. */
#define ACCESS_TRIES         10
#define ACCESS_TRIES_SECONDS 60.0
#define ACCESS_CLIENTS       4096 /* addresses remembered */

/* 0, with req->token_id set if a token came; or -1: req->refused and req->err say why not. */
int access_check(struct request *req) MUST_CHECK;

#endif
