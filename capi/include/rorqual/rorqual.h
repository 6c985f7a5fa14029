/*
 * Rorqual: inference for DeepSeek-family models inside your own process. This header and its parts are the C interface and its manual.
 *
 * The road through it: rq_source -> rq_model -> rq_session -> rq_generation.
 *
 *     rq_error err = RQ_ERROR_INIT;
 *     rq_source *source = NULL;  rq_model *model = NULL;
 *     if (rq_source_create_path("models/v2-lite", 14, &source, &err) != RQ_OK) return fail(&err);
 *     if (rq_model_open(source, NULL, &model, &err) != RQ_OK) return fail(&err);
 *     rq_source_free(source);
 *
 * Rules that hold for every function:
 *
 *   Status     Functions that can fail return a status: RQ_OK (0) or RQ_ERR_*. What they produce comes back through pointers; where
 *              a call fails, those are set to NULL, 0 or, for a token, -1. A failed call leaves its objects as they were, unless its
 *              text says otherwise.
 *   Errors     The last parameter `err` may be NULL. Otherwise it is yours, of fixed size, and is filled without allocating.
 *              RQ_ERR_INVALID_ARGUMENT (a NULL that is not allowed, a value out of range, a wrong struct_size) and RQ_ERR_NO_MEMORY
 *              can come from any function that takes `err`; the texts below name the others.
 *   Words      owned: yours, free it. borrowed until X: valid until X happens; do not free. copied: yours again when the call returns.
 *   Text       UTF-8, a pointer and a length in bytes. No zero is needed at the end of text you pass; where the length is 0, the
 *              pointer may be NULL.
 *   Out-text   Functions with (char *buffer, size_t capacity, size_t *length) write the text and a zero byte after it, and set
 *              *length to its bytes without that zero. capacity must be at least *length + 1. With buffer NULL and capacity 0 they only
 *              set *length. A buffer that is too small stays untouched: RQ_ERR_INVALID_ARGUMENT, and *length still tells.
 *   Out-ids    Functions with (int32_t *tokens, size_t capacity, size_t *count) do the same, without a terminating zero.
 *   Structs    Start each from its RQ_..._INIT. Zero is the default of every field of an input. Structs only grow at their end: the
 *              library reads a shorter one (an older program) as if the rest were zero, refuses a longer one (a newer program) unless
 *              the part it does not know is all zero, and never writes beyond struct_size.
 *   Flags      uint32_t, bits RQ_..._*; an unknown bit is refused.
 *   Threads    Stated at each function. A `const` handle may be used by any number of threads at once. A handle that is not const is
 *              used by one thread at a time, whichever it is.
 *   Freeing    Functions named rq_..._free accept NULL and cannot fail. Handles may be freed in any order: a session keeps what it
 *              needs of its model, a generation what it needs of its session.
 *   fork()     In a child process, calls on objects of the parent that need its threads return RQ_ERR_WRONG_STATE. Freeing is allowed.
 *
 * The library never prints, aborts or exits, installs no handlers, reads no environment, and keeps no state outside its handles.
 */
/* clang-format off */
#ifndef RQ_RORQUAL_H
#define RQ_RORQUAL_H

#include "c/common.h"     /* version, errors, hooks */
#include "c/model.h"      /* rq_source, rq_model, what a session will need */
#include "c/text.h"       /* rq_tokenizer, rq_decoder, rq_prompt, rq_completion */
#include "c/session.h"    /* rq_session, rq_grammar, rq_generation */
#include "c/convert.h"    /* rq_quantize, rq_pack, rq_synthesize */
#include "c/operations.h" /* rq_matmul, rq_latent_attention, rq_route, rq_rope: on plain arrays */
#include "c/unstable.h"   /* rq_observer, drafts: what RQ_ENABLE_UNSTABLE shows */

#endif /* RQ_RORQUAL_H */
