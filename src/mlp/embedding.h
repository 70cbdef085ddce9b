/* The stage in front of all others: indexes in x become rows of learnt tables.
 *
 *     a_0 = (numbers, table_0[i_0], table_1[i_1], ..)        x = (numbers, i_0, i_1, ..)
 *     dL/dtable_t[l] = sum over the rows whose i_t is l of dL/da_0's columns of table t
 *
 * Nothing is multiplied: a row is copied there and its derivative added back. Every sum takes the
 * batch's rows in order, so a table may be cut into pieces of levels anywhere, and given to
 * any threads. The gradient is dense: levels that no row names have 0, and optimizers treat them as
 * all parameters (their moments fade, decay reaches them).
 */
#ifndef MLP_EMBEDDING_H
#define MLP_EMBEDDING_H

#include "mlp/pass.h"

/* Whether every index in x (rows, n_inputs) is one of its table. */
bool embedding_fits(const struct mlp_spec *spec, const mlp_real *x, size_t rows);

/* *a is a_0 (rows, mlp_spec_width) of x (rows, n_inputs), in p->embedded, the indexes in p->index
 * if training; x itself for a net without tables. MLP_E_ARGUMENT: an index that its table does not
 * have. */
MLP_CHECK enum mlp_status embedding_rows(struct pass *p, const struct mlp_net *net,
                                         const mlp_real *x, size_t rows, const mlp_real **a);

/* Levels [first, first + count) of a table, at most PASS_PIECE numbers. */
struct embedding_piece {
    const struct table *table;
    size_t first, count;
};
size_t embedding_pieces(const struct mlp_net *net); /* of all tables */
struct embedding_piece embedding_piece(const struct mlp_net *net, size_t i);

/* dL/dtable of a piece to dw (count, width), from p->input_delta and p->index of the batch. */
void embedding_gradient(const struct pass *p, const struct mlp_net *net,
                        const struct embedding_piece *piece, size_t rows, mlp_real *dw);

#endif
