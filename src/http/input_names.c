/* The names of a network's inputs as JSON; see input_names.h. A pure function over what the caller
 * holds, on any thread. The order is the encoder's: numbers in the order of their columns, then
 * embeddings, which the network looks up itself, in the order of theirs.
 */
#include "http/input_names.h"

#include <stdlib.h>

#include "data/encoder.h"
#include "http/jw.h"

static void put(struct jw *w, const struct encoder *e, size_t feature, size_t i, bool columns)
{
    if (columns) {
        jw_string(w, NULL, encoder_feature_name(e, feature));
    } else {
        char *name = encoder_input_name(e, feature, i);

        jw_string(w, NULL, name);
        free(name);
    }
}

void input_names_write(struct jw *w, const char *key, const struct encoder *e, size_t most,
                       bool columns)
{
    size_t n = 0, f, i, input, levels, width;

    jw_array(w, key);
    for (f = 0; f < encoder_n_features(e) && n < most; f++) {
        struct encoder_shape shape = encoder_feature_shape(e, f);

        for (i = 0; shape.embedding == 0 && i < shape.inputs && n < most; i++, n++) {
            put(w, e, f, i, columns);
        }
    }
    for (f = 0; f < encoder_n_embeddings(e) && n < most; f++) {
        size_t feature = encoder_embedding(e, f, &input, &levels, &width);

        for (i = 0; i < width && n < most; i++, n++) {
            put(w, e, feature, i, columns);
        }
    }
    jw_end(w);
}
