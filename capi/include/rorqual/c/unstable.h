/* What may still change: a part of rorqual.h, which is the one to include. */
/* clang-format off */
#ifndef RQ_C_UNSTABLE_H
#define RQ_C_UNSTABLE_H

#include "session.h"

/* ------------------------------------------------------------------------------------------------------------------------ unstable
 *
 * What may still change or go with the next minor version. Define RQ_ENABLE_UNSTABLE before including this header to see it. */
#ifdef RQ_ENABLE_UNSTABLE

#ifdef __cplusplus
extern "C" {
#endif

/* Looks on while a session evaluates. Callbacks run on the thread that evaluates, with arrays borrowed until they return, and must not
 * call the library with that session; either may be NULL. Non-zero = stop: the evaluating call fails with RQ_ERR_CALLBACK. */
typedef struct rq_observer {
    uint32_t struct_size;
    uint32_t reserved;     /* must be 0 */
    /* x [tokens, cols], rows `stride` elements apart, at positions position ... position + tokens - 1: the embedding (layer -1), then the
     * residual stream after each layer. */
    int32_t (*hidden)(int64_t layer, int64_t position, int64_t tokens, int64_t cols, int64_t stride, const float *x, void *user);
    /* ids and weights [tokens, per_token]: the experts chosen, by descending selection score. */
    int32_t (*experts)(int64_t layer, int64_t position, int64_t tokens, int64_t per_token, const int32_t *ids, const float *weights,
                       void *user);
    void *user;            /* passed on as it is */
    void *reserved_pointer; /* must be NULL */
} rq_observer;
#define RQ_OBSERVER_INIT { sizeof(rq_observer), 0, 0, 0, 0, 0 }

/* Sets who looks on while the session evaluates.   observer: copied; NULL = nobody. Its functions stay in use until it is replaced or the
 * session is freed; forks have none. Thread: one at a time. Errors: RQ_ERR_WRONG_STATE. Since 0.1 (unstable). */
RQ_API int32_t rq_session_observe(rq_session *session, const rq_observer *observer, rq_error *err);

/* rq_session_append that also tells what the model's draft head expects, for a session made with RQ_DRAFTING_HEAD.
 *   draft_logits   [token_count, vocab_size] floats: row i is the guess of what follows tokens[i], made from that token and from what the model
 *                  made of those before it. After the first token of a timeline there is none: zeros.
 *   draft_logits_count   token_count * vocab_size.
 * Thread: one at a time. Errors: as rq_session_append; RQ_ERR_WRONG_STATE for a session without drafts. Since 0.1 (unstable). */
RQ_API int32_t rq_session_append_drafts(rq_session *session, const int32_t *tokens, size_t token_count, float *logits, size_t logits_count,
                                        float *draft_logits, size_t draft_logits_count, rq_error *err);

#ifdef __cplusplus
}
#endif

#endif /* RQ_ENABLE_UNSTABLE */

#endif /* RQ_C_UNSTABLE_H */
