/* Sessions and generation: a part of rorqual.h, which is the one to include. */
/* clang-format off */
#ifndef RQ_C_SESSION_H
#define RQ_C_SESSION_H

#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ----------------------------------------------------------------------------------------------------------------------- sessions */

/* One timeline of a model: the tokens so far and what each layer remembers of them. One thread at a time, any thread. While a
 * generation is under way on it, calls that evaluate or change it return RQ_ERR_WRONG_STATE. */
typedef struct rq_session rq_session;

/* A new, empty timeline.   options: may be NULL: all defaults.   out: owned: rq_session_free().
 * Thread: any. Errors: RQ_ERR_WRONG_STATE. Since 0.1. */
RQ_API int32_t rq_session_create(const rq_model *model, const rq_session_options *options, rq_session **out, rq_error *err);

/* Frees a session. A generation under way on it keeps it alive. Thread: one at a time. NULL is fine; cannot fail. Since 0.1. */
RQ_API void rq_session_free(rq_session *session);

/* Makes the timeline equal to a prompt: keeps the common prefix, forgets the rest, evaluates only what is new.
 *   tokens     token_count ids.
 *   kept, evaluated    may be NULL; how many tokens were kept, and evaluated now.
 * Thread: one at a time. Errors: RQ_ERR_CONTEXT_FULL (nothing changed); RQ_ERR_CANCELLED, RQ_ERR_CALLBACK (the timeline is valid and
 * may be shorter: rq_session_length tells); RQ_ERR_WRONG_STATE. Since 0.1. */
RQ_API int32_t rq_session_sync(rq_session *session, const int32_t *tokens, size_t token_count, size_t *kept, size_t *evaluated,
                               rq_error *err);

/* Evaluates tokens after the last one.
 *   tokens     token_count ids. An id outside the vocabulary changes nothing: RQ_ERR_INVALID_ARGUMENT.
 *   logits     NULL, or [token_count, vocab_size] floats for the logits after each of the tokens.
 *   logits_count   0 with NULL, else token_count * vocab_size.
 * Thread: one at a time. Errors: as rq_session_sync. Since 0.1. */
RQ_API int32_t rq_session_append(rq_session *session, const int32_t *tokens, size_t token_count, float *logits, size_t logits_count,
                                 rq_error *err);

/* Forgets all tokens from `length` on, length <= rq_session_length: exactly the state of a session that never saw them.
 * Thread: one at a time. Errors: RQ_ERR_WRONG_STATE. Since 0.1. */
RQ_API int32_t rq_session_rewind(rq_session *session, size_t length, rq_error *err);

/* An independent session with the same timeline; memory is shared as far as it can be.   out: owned: rq_session_free().
 * Thread: one at a time. Errors: RQ_ERR_WRONG_STATE. Since 0.1. */
RQ_API int32_t rq_session_fork(rq_session *session, rq_session **out, rq_error *err);

/* Writes the timeline to a file, which gets its name when it is whole: what was there before stays until then. Evaluates nothing.
 *   path       UTF-8, path_len bytes.
 * Thread: one at a time. Errors: RQ_ERR_WRONG_STATE, RQ_ERR_IO. Since 0.1. */
RQ_API int32_t rq_session_save(rq_session *session, const char *path, size_t path_len, rq_error *err);

/* Makes the timeline the one that was saved, as if it had been evaluated here: the same bits follow. All or nothing.
 *   source     the saved file: rq_source_create_path, or files with one named "session.safetensors"; read during the call only.
 * Thread: one at a time. Errors, which leave the session as it was: RQ_ERR_CORRUPT (no saved session, cut off, damaged),
 * RQ_ERR_UNSUPPORTED (of a later version), RQ_ERR_INVALID_ARGUMENT (of another model, mode or cache, or without what this session's
 * draft head needs), RQ_ERR_CONTEXT_FULL, RQ_ERR_NOT_FOUND, RQ_ERR_IO, RQ_ERR_WRONG_STATE. Since 0.1. */
RQ_API int32_t rq_session_load(rq_session *session, const rq_source *source, rq_error *err);

/* The logits after the last token.
 *   logits     [vocab_size] floats; borrowed until the next call that evaluates or changes the session.       count    set to vocab_size.
 * After a rewind the last token is evaluated again to have them.
 * Thread: one at a time. Errors: RQ_ERR_WRONG_STATE (empty timeline), RQ_ERR_CANCELLED. Since 0.1. */
RQ_API int32_t rq_session_logits(rq_session *session, const float **logits, size_t *count, rq_error *err);

/* Evaluates what rq_session_logits evaluates, for several sessions at once: their last tokens go through the model together, and each weight
 * that several of them need is read once. Afterwards rq_session_logits of each, and rq_generation_next of a generation under way, take no
 * evaluation; both give what they give without this. The one call that evaluates while generations are under way.
 *   sessions   count of them, each once, none empty. Those of other models or modes, with an observer, or with more than one token to
 *              evaluate are evaluated one after another.
 *   errors     NULL, or count structs side by side, the same struct_size in each: RQ_OK and "", or what went wrong with the session. One that
 *              failed is as it was, and the others take no notice; rq_session_cancel of one of several takes effect when the call ends.
 * Returns RQ_OK where all went well, else the status of the first that failed, with its sentence in err.
 * Thread: one at a time for each of the sessions. Errors: RQ_ERR_WRONG_STATE (an empty timeline), RQ_ERR_INVALID_ARGUMENT (one stands twice):
 * nothing was evaluated; as rq_session_sync. Since 0.1. */
RQ_API int32_t rq_session_evaluate_batch(rq_session *const *sessions, size_t count, rq_error *errors, rq_error *err);

/* The tokens of the timeline, oldest first.   tokens: borrowed until the next call that evaluates or changes the session.   count: set.
 * Thread: one at a time. Since 0.1. */
RQ_API int32_t rq_session_tokens(rq_session *session, const int32_t **tokens, size_t *count, rq_error *err);

/* How many tokens the timeline has.   length: set. Thread: one at a time. Since 0.1. */
RQ_API int32_t rq_session_length(rq_session *session, size_t *length, rq_error *err);

/* How many tokens fit into the timeline.   capacity: set. Thread: one at a time. Since 0.1. */
RQ_API int32_t rq_session_capacity(rq_session *session, size_t *capacity, rq_error *err);

/* Counters of a session since its creation; a fork starts anew. Tokens evaluated twice count twice, tokens of an evaluation that was
 * given up do not count. */
typedef struct rq_metrics {
    uint32_t struct_size;
    uint32_t reserved;
    uint64_t prefill_tokens;   /* evaluated together with others */
    double prefill_seconds;    /* wall time of these evaluations */
    uint64_t decode_tokens;    /* evaluated alone, or with guesses of what follows */
    double decode_seconds;
    uint64_t cache_bytes;      /* what all layers remember now; memory shared with forks counts fully in each */
    uint64_t scratch_bytes;    /* buffers, allocated once when the session was made */
    uint64_t guesses;          /* evaluated along with decoded tokens, because they might follow: RQ_DRAFTING_* */
    uint64_t kept_guesses;     /* of these, what was drawn then. Tokens a second: (decode_tokens + kept_guesses) / decode_seconds */
} rq_metrics;
#define RQ_METRICS_INIT { sizeof(rq_metrics), 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/* The counters.   metrics: filled in. Thread: one at a time. Since 0.1. */
RQ_API int32_t rq_session_metrics(rq_session *session, rq_metrics *metrics, rq_error *err);

/* Stops the evaluation that is running on a session: that call returns RQ_ERR_CANCELLED. When none is running, the next one is
 * stopped instead, once: a cancel between two tokens is not lost. Works on generations of the session, too.
 * Thread: any, also in a signal handler, at any time until rq_session_free. NULL is fine; cannot fail. Since 0.1. */
RQ_API void rq_session_cancel(const rq_session *session);

/* --------------------------------------------------------------------------------------------------------------------- generation */

/* How the next token is chosen. In this order: logit bias, repetition and presence penalties, temperature, top-k, top-p, min-p, draw. */
typedef struct rq_sampling_options {
    uint32_t struct_size;
    float temperature;          /* 0 = greedy: the largest logit, ties to the lowest id; the other filters then have no effect */
    int32_t top_k;              /* keep the k largest; 0 = all */
    float top_p;                /* keep the smallest set whose probability reaches p <= 1; 0 = all */
    float min_p;                /* keep tokens of at least min_p * the largest probability; 0 = all */
    float repetition_penalty;   /* > 1 makes tokens seen before less likely; 0 and 1 = off */
    float presence_penalty;     /* subtracted from the logits of tokens seen before; 0 = off */
    int32_t penalty_window;     /* how many of the last tokens count as seen; 0 = all */
    uint64_t seed;              /* same seed, same logits: same tokens, on every machine */
    const int32_t *bias_tokens; /* bias_count ids, and for each what is added to its logit; minus infinity forbids it. Copied */
    const float *bias_values;
    size_t bias_count;
    void *reserved_pointer;     /* must be NULL */
} rq_sampling_options;
#define RQ_SAMPLING_OPTIONS_INIT { sizeof(rq_sampling_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/* What the checkpoint's generation_config.json recommends (a GGUF file: nothing); fields it does not mention are left at their defaults.
 *   sampling   filled in.
 * Thread: any. Since 0.1. */
RQ_API int32_t rq_model_sampling(const rq_model *model, rq_sampling_options *sampling, rq_error *err);

/* Out-ids: the tokens at which the model says it has finished. Thread: any. Since 0.1. */
RQ_API int32_t rq_model_stop_tokens(const rq_model *model, int32_t *tokens, size_t capacity, size_t *count, rq_error *err);

/* What a generation may write: a set of texts. Immutable: any number of threads and generations may use one at once. */
typedef struct rq_grammar rq_grammar;

/* The JSON texts that a JSON Schema admits, with its properties in the schema's order and at most a space or a line break and indentation
 * between things. Understood are type, enum, const, properties, required, additionalProperties, items, prefixItems, the limits of lengths
 * and counts, those of integers, anyOf, oneOf of alternatives that differ in type or in a constant property, and $ref into the schema.
 * Annotations are passed over. Properties that are named are the only ones, unless additionalProperties says otherwise.
 *   schema     UTF-8, schema_len bytes.       out: owned: rq_grammar_free().
 * Thread: any. Errors: RQ_ERR_INVALID_ARGUMENT with the place in the schema; RQ_ERR_UNSUPPORTED for every other keyword: what cannot be
 * kept to is refused, not ignored. Since 0.1. */
RQ_API int32_t rq_grammar_from_json_schema(const char *schema, size_t schema_len, rq_grammar **out, rq_error *err);

/* The texts of rules in extended Backus-Naur form:
 *     root   ::= "yes" | "no" reason?      # a comment
 *     reason ::= ", because " [^\n.]{1,80} "."
 * The rule called root, or else the first, is the whole text. Literals and classes know \n \r \t \\ \" \] \- \^ \xHH \u{H...}; a dot is any
 * character but the end of a line; * + ? {n} {n,} {n,m} repeat, parentheses group.
 *   rules      UTF-8, rules_len bytes.        out: owned: rq_grammar_free().
 * Thread: any. Errors: RQ_ERR_INVALID_ARGUMENT with line and column, or naming a rule that calls itself before it has read anything.
 * Since 0.1. */
RQ_API int32_t rq_grammar_from_rules(const char *rules, size_t rules_len, rq_grammar **out, rq_error *err);

/* Gives a grammar back; generations that use it keep what they need. Thread: any. NULL is fine; cannot fail. Since 0.1. */
RQ_API void rq_grammar_free(rq_grammar *grammar);

/* With what and when a generation ends. */
typedef struct rq_generation_options {
    uint32_t struct_size;
    uint32_t ignore_stop_tokens;         /* 1 = do not stop at the model's own stop tokens */
    uint32_t special;                    /* 1 = special tokens appear in the text */
    uint32_t reserved;                   /* must be 0 */
    uint64_t limit;                      /* tokens at most; 0 = as many as the session has room for */
    const rq_sampling_options *sampling; /* NULL = greedy; copied */
    const int32_t *stop_tokens;          /* stop_token_count ids in addition to the model's own; copied */
    size_t stop_token_count;
    const char *const *stop_strings;     /* stop_string_count texts that end the generation and are not part of it; copied. Need a tokenizer */
    const size_t *stop_string_lens;      /* their lengths in bytes; NULL = each ends with a zero */
    size_t stop_string_count;
    const rq_grammar *grammar;           /* what the text may be; NULL = anything. Needs a tokenizer. A stop token may come where the
                                            grammar lets the text end */
    const char *grammar_after;           /* the grammar holds behind the first occurrence of this text, after white space: "</think>".
                                            NULL = from the beginning. Ends with a zero; copied */
} rq_generation_options;
#define RQ_GENERATION_OPTIONS_INIT { sizeof(rq_generation_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/* A generation under way, pulled one token a call. Every token drawn becomes part of the session's timeline at once, a stop token and
 * those of a stop string included; the text of all pieces joined is that of the tokens, up to a stop token or stop string.
 *
 *     do {
 *         if (rq_generation_next(generation, &piece, &err) != RQ_OK) break;
 *         fwrite(piece.text, 1, piece.text_len, stdout);
 *     } while (piece.finish == RQ_FINISH_NONE);
 *     rq_generation_free(generation);
 *
 * Used by one thread at a time together with its session. Freeing it early is fine. */
typedef struct rq_generation rq_generation;

#define RQ_FINISH_NONE 0         /* still running */
#define RQ_FINISH_STOP_TOKEN 1   /* `token` is the one that ended it */
#define RQ_FINISH_STOP_STRING 2
#define RQ_FINISH_LIMIT 3        /* as many tokens as asked for */
#define RQ_FINISH_CONTEXT_FULL 4 /* the session has no room left */
#define RQ_FINISH_COMPLETE 5     /* the grammar's text is whole and cannot go on */

/* One step of a generation. */
typedef struct rq_piece {
    uint32_t struct_size;
    int32_t token;         /* the token drawn; -1 on a last piece without one: the session was full before the first */
    float logprob;         /* natural logarithm of the probability the model gave it, before penalties and filters */
    int32_t finish;        /* RQ_FINISH_*; not NONE on the last piece */
    const char *text;      /* new text that is certain: empty while a character or a possible stop string is incomplete; the last piece
                              brings what was held back. Never NULL after RQ_OK. Borrowed until the next call with the generation */
    size_t text_len;       /* bytes; no zero at the end is promised */
} rq_piece;
#define RQ_PIECE_INIT { sizeof(rq_piece), 0, 0, 0, 0, 0 }

/* Starts a generation after the session's last token.
 *   session    in use by the generation until its last piece was delivered or it is freed; calls that evaluate or change the session
 *              return RQ_ERR_WRONG_STATE until then.
 *   options    may be NULL: greedy, until a stop token or the end of the room.
 *   out        owned: rq_generation_free().
 * A model without a tokenizer generates tokens without text.
 * Thread: one at a time. Errors: RQ_ERR_WRONG_STATE (empty timeline; another generation under way; stop strings or a grammar without a tokenizer).
 * Since 0.1. */
RQ_API int32_t rq_generation_create(rq_session *session, const rq_generation_options *options, rq_generation **out, rq_error *err);

/* Draws the next token, and evaluates the one before it where that is still to be done.
 *   piece      filled in. Where its finish is not RQ_FINISH_NONE it is the last one; calls after that give pieces with token -1, no
 *              text and the same finish.
 * Thread: one at a time. Errors: RQ_ERR_CANCELLED, RQ_ERR_CALLBACK: nothing is lost, and the call may be made again. Since 0.1. */
RQ_API int32_t rq_generation_next(rq_generation *generation, rq_piece *piece, rq_error *err);

/* Ends and frees a generation. Thread: one at a time. NULL is fine; cannot fail. Since 0.1. */
RQ_API void rq_generation_free(rq_generation *generation);

#ifdef __cplusplus
}
#endif

#endif /* RQ_C_SESSION_H */
