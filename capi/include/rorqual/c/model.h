/* Sources and models: a part of rorqual.h, which is the one to include. */
/* clang-format off */
#ifndef RQ_C_MODEL_H
#define RQ_C_MODEL_H

#include "common.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------------------------------------------------------ sources */

/* Where a model comes from: a path, or named files behind descriptors, in memory, or behind callbacks. */
typedef struct rq_source rq_source;

/* A source that is a checkpoint folder, or one file of it whose neighbours are found beside it; or a GGUF file (any part of a
 * split), or a folder that holds one GGUF model and no safetensors. Nothing is opened yet.
 *   path       UTF-8, path_len bytes, not empty; copied.
 *   out        owned: rq_source_free().
 * Thread: any. Since 0.1. */
RQ_API int32_t rq_source_create_path(const char *path, size_t path_len, rq_source **out, rq_error *err);

/* An empty set of named files, to be filled by the rq_source_add_ functions below: the checkpoint folder without a file system.
 *   out        owned: rq_source_free().
 * Thread: any. Since 0.1. */
RQ_API int32_t rq_source_create_files(rq_source **out, rq_error *err);

/* Bytes [offset, offset + length) of an open file descriptor become the file `name`.
 *   name       a single path component ("config.json"), not given before; copied.
 *   fd         duplicated: yours may be closed at once.
 *   length     bytes; 0 = to the end of the file.
 * Thread: one at a time. Errors: RQ_ERR_IO. Since 0.1. */
RQ_API int32_t rq_source_add_fd(rq_source *source, const char *name, size_t name_len, int32_t fd, uint64_t offset, uint64_t length,
                                rq_error *err);

/* Memory of yours becomes the file `name` (as for rq_source_add_fd).
 *   data       `size` bytes; borrowed, and to stay unchanged until the source and every model and session made from it are freed.
 * Thread: one at a time. Since 0.1. */
RQ_API int32_t rq_source_add_memory(rq_source *source, const char *name, size_t name_len, const void *data, size_t size,
                                    rq_error *err);

/* Reads exactly `size` bytes at `offset` of a file into `out`. Runs on the thread that made the call; must not call the library with
 * the same source. Non-zero = could not: the call fails with RQ_ERR_CALLBACK. */
typedef int32_t (*rq_read_fn)(uint64_t offset, void *out, size_t size, void *user);

/* A file `name` (as for rq_source_add_fd) of `length` bytes behind a callback. Its weights are copied into memory when a model opens.
 *   read       called only inside calls that are given this source.
 *   user       passed on as it is; must stay usable until rq_source_free().
 * Thread: one at a time. Since 0.1. */
RQ_API int32_t rq_source_add_callbacks(rq_source *source, const char *name, size_t name_len, uint64_t length, rq_read_fn read,
                                       void *user, rq_error *err);

/* Frees a source. Models opened from it live on. Thread: one at a time. NULL is fine; cannot fail. Since 0.1. */
RQ_API void rq_source_free(rq_source *source);

/* ------------------------------------------------------------------------------------------------------------------------- models */

/* Config, weights and tokenizer of a checkpoint. Immutable: any number of threads may use one at once. */
typedef struct rq_model rq_model;

typedef struct rq_model_options {
    uint32_t struct_size;
    uint32_t threads;      /* workers including the thread that calls; 0 = one per physical core this process may use */
    const char *isa;       /* kernels of one instruction set by name ("portable", "avx2"): fails rather than falling back; copied */
    size_t isa_len;        /* 0 = the best of this machine */
    rq_log_fn log;         /* NULL = no notices. To stay callable, with log_user, until model and sessions are freed */
    void *log_user;
    const rq_allocator *allocator; /* NULL = the C++ heap. The struct is copied; its functions stay in use until model and sessions are freed */
    const rq_executor *executor;   /* NULL = a pool of the model's own. As for allocator; `threads` is then without effect */
    uint32_t headers_only;         /* 1 = read no weights: a model to look at and to tokenize with, which has no sessions */
    uint32_t reserved;
} rq_model_options;
#define RQ_MODEL_OPTIONS_INIT { sizeof(rq_model_options), 0, 0, 0, 0, 0, 0, 0, 0, 0 }

#define RQ_CACHE_DEFAULT 0 /* the library's choice: int8 in mode fast where the model has it, else f32 */
#define RQ_CACHE_F32 1
#define RQ_CACHE_BF16 2    /* half the memory; values rounded to 8 bits of mantissa */
#define RQ_CACHE_INT8 3    /* a quarter; one scale per 256 values. What mode fast computes with as it lies. RQ_ERR_UNSUPPORTED for a model
                              whose latents are not made of blocks of 32 */
#define RQ_CACHE_COMPACT 4 /* a quarter, for DeepSeek-V4: keys in 8-bit floating point but for their rotated part, index keys in 4 bits, as the
                              model was trained. RQ_ERR_UNSUPPORTED for others: has_compact_cache of rq_model_info */

#define RQ_MODE_DEFAULT 0  /* the library's choice: fast for models with quantised weights, else exact; rq_model_info tells */
#define RQ_MODE_EXACT 1    /* weights as stored, activations and sums in f32 */
#define RQ_MODE_FAST 2     /* int8 activations where weights are quantised, and for all the cheapest way to compute */

/* Who guesses tokens ahead of a generation, for the model to verify several at a time. The tokens of a generation are those it would have
 * without; guessing stops by itself while it does not pay. */
#define RQ_DRAFTING_NONE 0
#define RQ_DRAFTING_LOOKUP 1 /* what followed the last tokens where they stood before: for answers that repeat their prompt. Any model */
#define RQ_DRAFTING_HEAD 2   /* the model's own layer for it (has_draft_head of rq_model_info), else RQ_ERR_UNSUPPORTED */

typedef struct rq_session_options {
    uint32_t struct_size;
    int32_t mode;          /* RQ_MODE_* */
    int32_t cache;         /* RQ_CACHE_*: how earlier tokens are remembered */
    uint32_t relaxed;      /* in mode exact: 0 = the same bits for every way of cutting a prompt into pieces. 1 = long pieces may be computed by
                              whichever method is quicker; results then agree to rounding */
    uint64_t context;      /* room in tokens; 0 = as many as the model supports */
    uint64_t chunk;        /* a prompt is evaluated in pieces of at most so many tokens; 0 = 2048. More is faster for long
                              prompts and takes more scratch memory: see rq_plan */
    int32_t drafting;      /* RQ_DRAFTING_*: who guesses tokens ahead of a generation */
    uint32_t draft_tokens; /* guesses at most before they are verified, up to 15; 0 = 8 of lookup, 2 of the head */
} rq_session_options;
#define RQ_SESSION_OPTIONS_INIT { sizeof(rq_session_options), 0, 0, 0, 0, 0, 0, 0 }

/* Opens a model and maps its weights. Everything that is wrong with a checkpoint is told at once.
 *   source     read during the call only.       options    may be NULL: all defaults.
 *   out        owned: rq_model_free().
 * A checkpoint without a tokenizer opens; calls that need text then return RQ_ERR_WRONG_STATE.
 * Thread: any. Errors: RQ_ERR_NOT_FOUND, RQ_ERR_IO, RQ_ERR_CORRUPT, RQ_ERR_UNSUPPORTED, RQ_ERR_CALLBACK. Since 0.1. */
RQ_API int32_t rq_model_open(const rq_source *source, const rq_model_options *options, rq_model **out, rq_error *err);

/* Gives a model back. Sessions and tokenizers made from it live on; its memory goes with the last of them.
 * Thread: any, when no other call uses this handle. NULL is fine; cannot fail. Since 0.1. */
RQ_API void rq_model_free(rq_model *model);

/* Memory that a model and one session of it need. All in bytes, except context_tokens. */
typedef struct rq_plan {
    uint32_t struct_size;
    uint32_t reserved;
    uint64_t weights_bytes;          /* all tensors as stored */
    uint64_t weights_mapped_bytes;   /* of these, mapped from files: the system may drop and reread them */
    uint64_t cache_per_token_bytes;  /* what all layers remember, per token */
    uint64_t context_tokens;         /* what the figures below are for */
    uint64_t cache_bytes;            /* what all layers remember of so many tokens */
    uint64_t scratch_bytes;          /* buffers of one session */
    uint64_t peak_bytes;             /* weights + cache + scratch */
} rq_plan;
#define RQ_PLAN_INIT { sizeof(rq_plan), 0, 0, 0, 0, 0, 0, 0, 0 }

/* What opening a model and one session would need. Reads headers, no weights.
 *   model_options, session_options    may be NULL: all defaults.       plan    filled in.
 * Thread: any. Errors: as rq_model_open. Since 0.1. */
RQ_API int32_t rq_source_plan(const rq_source *source, const rq_model_options *model_options,
                              const rq_session_options *session_options, rq_plan *plan, rq_error *err);

/* The same figures for an open model.
 *   session_options    may be NULL: all defaults.       plan    filled in.
 * Thread: any. Since 0.1. */
RQ_API int32_t rq_model_plan(const rq_model *model, const rq_session_options *session_options, rq_plan *plan, rq_error *err);

/* A model's sizes; names as in config.json. */
typedef struct rq_model_info {
    uint32_t struct_size;
    uint32_t threads;            /* workers in use, the calling thread included */
    uint32_t has_tokenizer;      /* 1 = text calls work */
    int32_t bos_token;           /* begin of sentence; -1 = none */
    int64_t vocab_size;
    int64_t hidden_size;
    int64_t layers;              /* num_hidden_layers */
    int64_t dense_layers;        /* of these, layers without routed experts */
    int64_t heads;               /* num_attention_heads */
    int64_t routed_experts;      /* per expert layer; 0 = none */
    int64_t experts_per_token;
    int64_t context;             /* max_position_embeddings: tokens a session can hold */
    uint64_t parameters;         /* all weights */
    uint64_t active_parameters;  /* used per token: head included, embedding not */
    int32_t default_mode;        /* RQ_MODE_*: what RQ_MODE_DEFAULT means for this model */
    uint32_t has_int8_cache;     /* 1 = sessions can remember in int8 (RQ_CACHE_INT8) */
    uint32_t has_draft_head;     /* 1 = a layer guesses the token after the next (multi-token prediction) */
    uint32_t has_compact_cache;  /* 1 = sessions can remember in the compact form (RQ_CACHE_COMPACT) */
} rq_model_info;
#define RQ_MODEL_INFO_INIT { sizeof(rq_model_info), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/* The sizes of a model.   info: filled in. Thread: any. Since 0.1. */
RQ_API int32_t rq_model_get_info(const rq_model *model, rq_model_info *info, rq_error *err);

/* Out-text: the family as config.json names it, "deepseek_v2". Thread: any. Since 0.1. */
RQ_API int32_t rq_model_type(const rq_model *model, char *buffer, size_t capacity, size_t *length, rq_error *err);

/* Out-text: 32 hexadecimal digits that stand for config, tokenizer and tensor table: equal for equal checkpoints, wherever they lie.
 * Thread: any. Since 0.1. */
RQ_API int32_t rq_model_identity(const rq_model *model, char *buffer, size_t capacity, size_t *length, rq_error *err);

/* Out-text: config.json as it was read; of a GGUF model, its keys in the words of config.json. Thread: any. Since 0.1. */
RQ_API int32_t rq_model_config(const rq_model *model, char *buffer, size_t capacity, size_t *length, rq_error *err);

/* Out-text for people: threads in use, kernels in use, and why no better ones; one line each, with '\n' between them.
 * Thread: any. Since 0.1. */
RQ_API int32_t rq_model_kernels(const rq_model *model, char *buffer, size_t capacity, size_t *length, rq_error *err);

/* How numbers are stored. Codes never change their meaning. */
#define RQ_DTYPE_F32 0
#define RQ_DTYPE_F16 1      /* IEEE half */
#define RQ_DTYPE_BF16 2     /* the high half of an f32 */
#define RQ_DTYPE_F8_E4M3 3  /* 1-4-3, bias 7, no infinity; scaled by a second tensor */
#define RQ_DTYPE_F8_E8M0 4  /* a power of two: 2^(b - 127) */
#define RQ_DTYPE_I8 5
#define RQ_DTYPE_U8 6
#define RQ_DTYPE_I16 7
#define RQ_DTYPE_I32 8
#define RQ_DTYPE_I64 9
#define RQ_DTYPE_BOOLEAN 10 /* one byte */
#define RQ_DTYPE_F64 11
/* Formats of GGUF files, in which 32 or 256 numbers share a block; names as there. */
#define RQ_DTYPE_Q4_0 12
#define RQ_DTYPE_Q4_1 13
#define RQ_DTYPE_Q5_0 14
#define RQ_DTYPE_Q5_1 15
#define RQ_DTYPE_Q8_0 16
#define RQ_DTYPE_Q2_K 17
#define RQ_DTYPE_Q3_K 18
#define RQ_DTYPE_Q4_K 19
#define RQ_DTYPE_Q5_K 20
#define RQ_DTYPE_Q6_K 21
#define RQ_DTYPE_IQ4_NL 22
#define RQ_DTYPE_IQ4_XS 23
#define RQ_DTYPE_MXFP4 24
#define RQ_DTYPE_IQ2_XXS 25
#define RQ_DTYPE_IQ2_XS 26
#define RQ_DTYPE_IQ2_S 27
#define RQ_DTYPE_IQ3_XXS 28
#define RQ_DTYPE_IQ3_S 29
#define RQ_DTYPE_IQ1_S 30
#define RQ_DTYPE_IQ1_M 31
#define RQ_DTYPE_TQ1_0 32
#define RQ_DTYPE_TQ2_0 33

/* The name of a dtype: "bf16"; "unknown" for numbers that are none. Static text. Thread: any. Cannot fail. Since 0.1. */
RQ_API const char *rq_dtype_name(int32_t dtype);

#define RQ_MAX_RANK 8

/* One tensor of a checkpoint. */
typedef struct rq_tensor_info {
    uint32_t struct_size;
    int32_t dtype;               /* RQ_DTYPE_* */
    uint64_t size_bytes;
    int64_t rank;                /* how many of `shape` count */
    int64_t shape[RQ_MAX_RANK];  /* outermost first */
    const char *name;            /* as in the checkpoint; borrowed until this model handle is freed; no zero at the end is promised */
    size_t name_len;
    const char *file;            /* the file it lies in; borrowed likewise */
    size_t file_len;
} rq_tensor_info;
#define RQ_TENSOR_INFO_INIT { sizeof(rq_tensor_info), 0, 0, 0, { 0, 0, 0, 0, 0, 0, 0, 0 }, 0, 0, 0, 0 }

/* How many tensors a model has.   count: set. Thread: any. Since 0.1. */
RQ_API int32_t rq_model_tensor_count(const rq_model *model, size_t *count, rq_error *err);

/* Tensor `index` < count, in the order of the checkpoint.   info: filled in.
 * Thread: any. Errors: RQ_ERR_UNSUPPORTED for a rank beyond RQ_MAX_RANK. Since 0.1. */
RQ_API int32_t rq_model_tensor(const rq_model *model, size_t index, rq_tensor_info *info, rq_error *err);

#ifdef __cplusplus
}
#endif

#endif /* RQ_C_MODEL_H */
