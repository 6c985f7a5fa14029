/*
 * Rorqual: inference for DeepSeek-family models inside your own process. This header is the C interface and its manual.
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

#include <stddef.h>
#include <stdint.h>

#if defined(RQ_STATIC)
#define RQ_API
#elif defined(_WIN32)
#if defined(RQ_BUILDING)
#define RQ_API __declspec(dllexport)
#else
#define RQ_API __declspec(dllimport)
#endif
#elif defined(__GNUC__)
#define RQ_API __attribute__((visibility("default")))
#else
#define RQ_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------------------------------------------------------ version */

#define RQ_VERSION_MAJOR 0
#define RQ_VERSION_MINOR 1
#define RQ_VERSION_PATCH 0
#define RQ_VERSION (RQ_VERSION_MAJOR * 1000000 + RQ_VERSION_MINOR * 1000 + RQ_VERSION_PATCH)

/* The version of the library that is running, as RQ_VERSION counts; RQ_VERSION itself is that of the header you compiled with.
 * Thread: any. Cannot fail. Since 0.1. */
RQ_API uint32_t rq_version(void);

/* ------------------------------------------------------------------------------------------------------------------------- errors */

#define RQ_OK 0
#define RQ_ERR_INVALID_ARGUMENT 1 /* the caller's value is outside what the function documents */
#define RQ_ERR_NOT_FOUND 2        /* a file, key, tensor or token the call needs is not there */
#define RQ_ERR_IO 3               /* the operating system or a callback could not read or write */
#define RQ_ERR_CORRUPT 4          /* a file contradicts itself or its format */
#define RQ_ERR_UNSUPPORTED 5      /* valid, but this version or this machine cannot do it */
#define RQ_ERR_NO_MEMORY 6        /* an allocation failed or a memory budget does not suffice */
#define RQ_ERR_CONTEXT_FULL 7     /* the session has no room for the tokens */
#define RQ_ERR_CANCELLED 8        /* rq_session_cancel was called */
#define RQ_ERR_CALLBACK 9         /* a callback of yours asked to stop or failed */
#define RQ_ERR_WRONG_STATE 10     /* not possible now: no logits yet, no tokenizer, used after fork() */
#define RQ_ERR_INTERNAL 11        /* a mistake in the library; the message says where */

/* What went wrong: one line that names the file, key, tensor or argument. After a call that succeeded: RQ_OK and "". */
typedef struct rq_error {
    uint32_t struct_size;
    int32_t code;          /* RQ_OK or RQ_ERR_*, as the function returned it */
    char message[1016];    /* UTF-8, ends with a zero; a longer line is cut */
} rq_error;
#define RQ_ERROR_INIT { sizeof(rq_error), 0, { 0 } }

/* The name of a status as messages spell it: "not_found"; "unknown" for numbers that are none. Static text.
 * Thread: any. Cannot fail. Since 0.1. */
RQ_API const char *rq_status_name(int32_t status);

/* -------------------------------------------------------------------------------------------------------------------------- hooks */

#define RQ_LOG_ERROR 0
#define RQ_LOG_WARNING 1
#define RQ_LOG_INFO 2
#define RQ_LOG_DEBUG 3

/* Receives the library's notices, one line each, without a newline; `line` is borrowed until the callback returns. Runs on the
 * thread that made the call; must not call the library with the same objects. */
typedef void (*rq_log_fn)(int32_t level, const char *line, size_t line_len, void *user);

/* Where weights that cannot be mapped, caches and scratch memory come from. Both functions may run on any thread, also at the same
 * time, and must not call the library. What alloc returned goes back through release with the same size and alignment. */
typedef struct rq_allocator {
    uint32_t struct_size;
    uint32_t reserved;     /* must be 0 */
    /* `size` bytes at a multiple of `alignment`, a power of two. NULL = none left: the call then fails with RQ_ERR_NO_MEMORY. */
    void *(*alloc)(size_t size, size_t alignment, void *user);
    void (*release)(void *memory, size_t size, size_t alignment, void *user);
    void *user;            /* passed on as it is */
    void *reserved_pointer; /* must be NULL */
} rq_allocator;
#define RQ_ALLOCATOR_INIT { sizeof(rq_allocator), 0, 0, 0, 0, 0 }

/* One piece of work of the library: run it once for each index. */
typedef void (*rq_task_fn)(void *context, size_t index);

/* Your threads, lent to the library. Results never depend on how many take part or in which order they run. */
typedef struct rq_executor {
    uint32_t struct_size;
    uint32_t concurrency;  /* how many tasks can run at the same time, at least 1 */
    /* Calls task(context, i) once for every i < count, on any threads, and returns when all have returned. Runs on the thread that
     * called the library; must not call the library. Non-zero = could not: that call then fails with RQ_ERR_CALLBACK. */
    int32_t (*run)(size_t count, rq_task_fn task, void *context, void *user);
    void *user;            /* passed on as it is */
} rq_executor;
#define RQ_EXECUTOR_INIT { sizeof(rq_executor), 0, 0, 0 }

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
    uint32_t reserved;           /* 0 */
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

/* ---------------------------------------------------------------------------------------------------------------------- tokenizer */

/* Text <-> token ids. Immutable: any number of threads may use one at once. */
typedef struct rq_tokenizer rq_tokenizer;

/* The tokenizer of a model.   out: owned: rq_tokenizer_free().
 * Thread: any. Errors: RQ_ERR_WRONG_STATE where the checkpoint has none. Since 0.1. */
RQ_API int32_t rq_model_tokenizer(const rq_model *model, rq_tokenizer **out, rq_error *err);

/* A tokenizer without a model.
 *   source     a path to a tokenizer.json (of any name), to a GGUF file (of a split, the first part is enough) or to a folder
 *              that holds one of them, or such files under their names.
 *   out        owned: rq_tokenizer_free().
 * Thread: any. Errors: RQ_ERR_NOT_FOUND, RQ_ERR_IO, RQ_ERR_CORRUPT, RQ_ERR_UNSUPPORTED. Since 0.1. */
RQ_API int32_t rq_tokenizer_open(const rq_source *source, rq_tokenizer **out, rq_error *err);

/* Gives a tokenizer back. Thread: any, when no other call uses this handle. NULL is fine; cannot fail. Since 0.1. */
RQ_API void rq_tokenizer_free(rq_tokenizer *tokenizer);

#define RQ_ENCODE_ADDED_TOKENS 1u /* text such as "<s>" becomes the token of that name. Without it such text is spelled out like
                                     any other: right for text from users, which can then never become a special token */

/* Out-ids of a text; nothing is added before or after.
 *   text       UTF-8, text_len bytes.       flags    RQ_ENCODE_*.
 * Thread: any. Errors: RQ_ERR_INVALID_ARGUMENT with the offset of bytes that are no UTF-8. Since 0.1. */
RQ_API int32_t rq_tokenizer_encode(const rq_tokenizer *tokenizer, const char *text, size_t text_len, uint32_t flags, int32_t *tokens,
                                   size_t capacity, size_t *count, rq_error *err);

/* Out-ids of a prompt as the model expects it: like rq_tokenizer_encode, with begin-of-sentence first where the model
 * asks for it (add_bos_token) and the text does not bring it itself. Thread: any. Errors: RQ_ERR_WRONG_STATE without a tokenizer. Since 0.1. */
RQ_API int32_t rq_model_encode_prompt(const rq_model *model, const char *text, size_t text_len, uint32_t flags, int32_t *tokens,
                                      size_t capacity, size_t *count, rq_error *err);

#define RQ_DECODE_SPECIAL 1u /* special tokens appear in the text; without it they are left out */

/* Out-text of ids. Bytes that are no UTF-8 become U+FFFD.
 *   tokens     token_count ids below the vocabulary size.       flags    RQ_DECODE_*.
 * Thread: any. Since 0.1. */
RQ_API int32_t rq_tokenizer_decode(const rq_tokenizer *tokenizer, const int32_t *tokens, size_t token_count, uint32_t flags,
                                   char *buffer, size_t capacity, size_t *length, rq_error *err);

/* The exact bytes of one token: may be a part of a character, none for ids that the tokenizer leaves undefined.
 *   bytes      borrowed until this tokenizer handle is freed; no zero at the end is promised.       count    set.
 * Thread: any. Since 0.1. */
RQ_API int32_t rq_tokenizer_bytes(const rq_tokenizer *tokenizer, int32_t token, const char **bytes, size_t *count, rq_error *err);

/* The id of an added token or vocabulary entry, given as the text it stands for.   token: set; -1 on failure.
 * Thread: any. Errors: RQ_ERR_NOT_FOUND. Since 0.1. */
RQ_API int32_t rq_tokenizer_find(const rq_tokenizer *tokenizer, const char *text, size_t text_len, int32_t *token, rq_error *err);

/* Whether a token is a special one (begin of sentence ...).   special: 1 or 0. Thread: any. Since 0.1. */
RQ_API int32_t rq_tokenizer_is_special(const rq_tokenizer *tokenizer, int32_t token, uint32_t *special, rq_error *err);

/* Highest defined id + 1; a model's vocab_size may be larger.   size: set. Thread: any. Since 0.1. */
RQ_API int32_t rq_tokenizer_vocab_size(const rq_tokenizer *tokenizer, int64_t *size, rq_error *err);

/* Turns a stream of tokens into a stream of text without ever splitting a character. One thread at a time. */
typedef struct rq_decoder rq_decoder;

/* A decoder at the start of a text.   flags: RQ_DECODE_*.   out: owned: rq_decoder_free(). Keeps what it needs of the tokenizer.
 * Thread: any. Since 0.1. */
RQ_API int32_t rq_decoder_create(const rq_tokenizer *tokenizer, uint32_t flags, rq_decoder **out, rq_error *err);

/* The text that is certain after one more token; empty while a character is incomplete.
 *   text       borrowed until the next call with this decoder; no zero at the end is promised.       text_len    set.
 * Thread: one at a time. Since 0.1. */
RQ_API int32_t rq_decoder_push(rq_decoder *decoder, int32_t token, const char **text, size_t *text_len, rq_error *err);

/* What is left at the end: bytes that never became a character come out as U+FFFD. Then starts anew. Parameters as rq_decoder_push.
 * Thread: one at a time. Since 0.1. */
RQ_API int32_t rq_decoder_finish(rq_decoder *decoder, const char **text, size_t *text_len, rq_error *err);

/* Frees a decoder. Thread: one at a time. NULL is fine; cannot fail. Since 0.1. */
RQ_API void rq_decoder_free(rq_decoder *decoder);

/* ------------------------------------------------------------------------------------------------------------------------ prompts */

/* A conversation as the text and the token ids that a model expects: the templates and encoders published with the models, byte for
 * byte. Immutable: any number of threads may use one at once. */
typedef struct rq_prompt rq_prompt;

typedef struct rq_prompt_options {
    uint32_t struct_size;
    uint32_t thinking;             /* 1 = the model is to reason before it answers; R1 always does */
    const char *format;            /* "v2", "v3", "r1", "v3-0324", "r1-0528", "v3.1", "v3.2", "v4" or "jinja"; copied */
    size_t format_len;             /* 0 = the one that writes what the template writes, else "jinja"; without a template the newest whose
                                    * special tokens the tokenizer has */
    const rq_tokenizer *tokenizer; /* read during the call only; may be NULL where a format is named or a model given */
    const char *effort;            /* V4, where thinking: "max" asks for all there is, "high" for the usual; copied */
    size_t effort_len;             /* 0 = the usual */
    uint32_t keep_thinking;        /* 1 = reasoning of earlier turns stays in the prompt (V3.2, V4) */
    uint32_t no_generation;        /* 1 = the prompt does not open an answer (up to V3.1; "jinja") */
    const rq_model *model;         /* read during the call only: the tokenizer and the chat template that come with it; may be NULL */
    const char *chat_template;     /* Jinja, in place of the model's; copied */
    size_t chat_template_len;      /* 0 = the model's, where it has one */
    const char *variables;         /* "jinja": more of what the template is told, a JSON object; copied */
    size_t variables_len;          /* 0 = nothing */
} rq_prompt_options;
#define RQ_PROMPT_OPTIONS_INIT { sizeof(rq_prompt_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/* Reads a conversation and writes its prompt.
 *
 * Format "jinja" runs a chat template that comes with another model as Hugging Face transformers does. The template is told messages, as
 * they are (each an object with a `role`; the other keys are the template's business); tools, those of all messages that have any, else
 * none; add_generation_prompt, thinking and enable_thinking, as the options say; and bos_token and its like of the model, and `variables`,
 * of which names that end in "_token" are markup as the template's own text is. All other strings never become special tokens.
 * Understood are if, for, set, macro, generation, break, continue and raw; all operators, slices and inline if; range, dict, namespace and
 * raise_exception; strftime_now only where a variable of that name says what it returns, since the library reads no clock; the methods,
 * filters and tests that templates use (`include/rorqual/prompt.hpp` lists them). The rest is refused, and a template that takes more than
 * its share (256 KiB, 200 levels, 2^22 steps beyond one and 64 MiB beyond 16 for each byte of messages) is stopped.
 *
 *   messages   a JSON array in the OpenAI shape, UTF-8, messages_len bytes: objects with `role` (system, developer, user, assistant,
 *              tool, latest_reminder) and `content`; of an assistant `tool_calls` and `reasoning_content`; of a tool `tool_call_id`; of
 *              system and developer messages `tools` and `response_format` (a JSON schema); of a user `task` (V4). Keys that are
 *              null count as absent.
 *   options    may be NULL only to be told so: a format, a tokenizer or a model is needed.
 *   out        owned: rq_prompt_free().
 * Thread: any. Errors, which name the place ("messages[3].content: expected a string"): RQ_ERR_CORRUPT for text that is no JSON, too deep
 * or too long, for missing keys and wrong types; RQ_ERR_UNSUPPORTED for keys and roles that are not known or that the format does not
 * have, where the tokenizer has the special tokens of no format, for what a template has that is not supported, and what it raises;
 * RQ_ERR_NOT_FOUND for a format that does not exist; RQ_ERR_INVALID_ARGUMENT for "jinja" without a template. Since 0.1. */
RQ_API int32_t rq_prompt_create(const char *messages, size_t messages_len, const rq_prompt_options *options, rq_prompt **out,
                                rq_error *err);

/* The format of a prompt: the one that was named or found.
 *   name       static text; no zero at the end is promised.       name_len    set.
 * Thread: any. Since 0.1. */
RQ_API int32_t rq_prompt_format(const rq_prompt *prompt, const char **name, size_t *name_len, rq_error *err);

/* The text of a prompt, special tokens spelled out: what the published template writes.
 *   text       borrowed until rq_prompt_free; no zero at the end is promised.       text_len    set.
 * Thread: any. Since 0.1. */
RQ_API int32_t rq_prompt_text(const rq_prompt *prompt, const char **text, size_t *text_len, rq_error *err);

/* Out-ids of a prompt. Text of users, tools and models never becomes a special token, whatever it spells; apart from that they are the
 * ids of its text with RQ_ENCODE_ADDED_TOKENS. Thread: any. Since 0.1. */
RQ_API int32_t rq_prompt_tokens(const rq_prompt *prompt, const rq_tokenizer *tokenizer, int32_t *tokens, size_t capacity, size_t *count,
                                rq_error *err);

/* Frees a prompt. Thread: any, when no other call uses this handle. NULL is fine; cannot fail. Since 0.1. */
RQ_API void rq_prompt_free(rq_prompt *prompt);

/* What a model writes, read while it is written: reasoning apart from the answer, calls of tools as they arrive. One thread at a time.
 *
 *     rq_completion_feed(completion, piece.text, piece.text_len, &err);         generated with `special` = 1
 *     while (rq_completion_next(completion, &kind, &text, &text_len, &err) == RQ_OK && kind != RQ_PART_NONE) show(kind, text, text_len);
 *
 * Nothing is given out that could still be part of a marker; all parts joined do not depend on how the text was cut. The marker that ends
 * an answer belongs to the text: feed it where a generation stopped at it without showing it. After an error only rq_completion_next
 * and rq_completion_free are of use. */
typedef struct rq_completion rq_completion;

#define RQ_PART_NONE 0      /* nothing more is certain yet */
#define RQ_PART_REASONING 1 /* text the model thinks */
#define RQ_PART_CONTENT 2   /* text of the answer */
#define RQ_PART_TOOL_CALL 3 /* a call begins: the name of the function */
#define RQ_PART_ARGUMENTS 4 /* more of the arguments of the call that began last: all of a call joined are its JSON */

/* Begins to read an answer.
 *   format     that of the prompt (rq_prompt_format), format_len bytes; copied.
 *   thinking   as in the rq_prompt_options of the prompt: 1 or 0.
 *   out        owned: rq_completion_free().
 * Thread: any. Errors: RQ_ERR_NOT_FOUND for the format. Since 0.1. */
RQ_API int32_t rq_completion_create(const char *format, size_t format_len, uint32_t thinking, rq_completion **out, rq_error *err);

/* More of the text.
 *   text       text_len bytes, which may end anywhere, inside a character too; copied.
 * Thread: one at a time. Errors: RQ_ERR_CORRUPT with the byte where it is no answer of the format; RQ_ERR_WRONG_STATE after
 * rq_completion_finish or an earlier error. Since 0.1. */
RQ_API int32_t rq_completion_feed(rq_completion *completion, const char *text, size_t text_len, rq_error *err);

/* The next part that is certain.
 *   kind       RQ_PART_*; RQ_PART_NONE where there is none.
 *   text       borrowed until the next call of this function or rq_completion_free; no zero at the end is promised.       text_len    set.
 * Thread: one at a time. Since 0.1. */
RQ_API int32_t rq_completion_next(rq_completion *completion, int32_t *kind, const char **text, size_t *text_len, rq_error *err);

/* The end of the text: what was held back becomes a part, also where the answer is refused.
 *   message    the whole answer as a JSON message, ready for the array of rq_prompt_create: role, content (null beside calls of tools where
 *              there is no text), reasoning_content and tool_calls where there are any. Borrowed until rq_completion_free; no zero at the
 *              end is promised.       message_len    set.
 * Thread: one at a time. Errors: RQ_ERR_CORRUPT for an answer that is not whole or no UTF-8; RQ_ERR_WRONG_STATE as rq_completion_feed.
 * Since 0.1. */
RQ_API int32_t rq_completion_finish(rq_completion *completion, const char **message, size_t *message_len, rq_error *err);

/* Frees a completion. Thread: one at a time. NULL is fine; cannot fail. Since 0.1. */
RQ_API void rq_completion_free(rq_completion *completion);

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

/* ----------------------------------------------------------------------------------------------------------------- writing models */

/* How far a conversion is: bytes written, bytes in all, and the tensor at hand (borrowed until the callback returns). Runs on the
 * thread that made the call, a few times a second at least. Non-zero = stop: the call fails with RQ_ERR_CALLBACK. */
typedef int32_t (*rq_progress_fn)(uint64_t done_bytes, uint64_t all_bytes, const char *tensor, size_t tensor_len, void *user);

/* How a GGUF file keeps the matrix that expands the latent into keys and values (kv_b_proj). */
#define RQ_LATENT_DEFAULT 0 /* RQ_LATENT_JOINED */
#define RQ_LATENT_JOINED 1  /* attn_kv_b, as published. All programs open it; llama.cpp then caches whole keys and values */
#define RQ_LATENT_SPLIT 2   /* attn_k_b, transposed, and attn_v_b: what llama.cpp needs for its absorbed attention */

typedef struct rq_quantize_options {
    uint32_t struct_size;
    uint32_t threads;      /* workers including the thread that calls; 0 = one per physical core this process may use */
    const char *format;    /* how numbers are stored: "f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "q6_k", "iq4_nl",
                              "iq4_xs", "mxfp4", or a mix with more bits where they matter more, as llama.cpp's of the same name: "q2_k",
                              "q3_k_s", "q3_k_m", "q3_k_l", "q4_k_s", "q4_k_m", "q5_k_s", "q5_k_m". Where rows are no multiple of 256, the K
                              formats and iq4_xs give way to one with 32: q4_k to q5_0, q5_k to q5_1, q6_k to q8_0, q2_k and q3_k to
                              q4_0, iq4_xs to iq4_nl. Norms and routers stay as they are */
    size_t format_len;     /* 0 = "q4_k_m" */
    uint32_t pure;         /* 1 = every matrix in the format itself, no mix */
    int32_t latent;        /* RQ_LATENT_*: of a checkpoint folder; a GGUF file keeps its own */
    rq_progress_fn progress; /* may be NULL */
    void *user;            /* passed on to it */
    const rq_executor *executor; /* NULL = threads of the call's own; else `threads` is without effect */
} rq_quantize_options;
#define RQ_QUANTIZE_OPTIONS_INIT { sizeof(rq_quantize_options), 0, 0, 0, 0, 0, 0, 0, 0 }

/* Writes a model, a checkpoint folder as published or a GGUF file, as a GGUF file whose matrices are stored in another format. Keys,
 * tokenizer and chat template go along. Weights that are quantised already are decoded first, and lose twice; what is stored in the
 * wanted format is copied. All cores, bounded memory; equal input gives equal bytes.
 *   source     read during the call only.
 *   path       UTF-8, path_len bytes, not empty. The file appears there only when whole, and replaces what was there.
 *   options    may be NULL: all defaults.
 * Thread: any. Errors: as rq_model_open for the source; RQ_ERR_INVALID_ARGUMENT (naming the option), RQ_ERR_UNSUPPORTED (what GGUF
 * cannot say of the model or its tokenizer), RQ_ERR_CORRUPT (naming a tensor whose values cannot be stored), RQ_ERR_IO,
 * RQ_ERR_CALLBACK; no file is left behind then. Since 0.1. */
RQ_API int32_t rq_quantize(const rq_source *source, const char *path, size_t path_len, const rq_quantize_options *options, rq_error *err);

typedef struct rq_pack_options {
    uint32_t struct_size;
    uint32_t threads;      /* workers including the thread that calls; 0 = one per physical core this process may use */
    rq_progress_fn progress; /* may be NULL */
    void *user;            /* passed on to it */
    const rq_executor *executor; /* NULL = threads of the call's own; else `threads` is without effect */
} rq_pack_options;
#define RQ_PACK_OPTIONS_INIT { sizeof(rq_pack_options), 0, 0, 0, 0 }

/* Writes a model, of whatever form, as one safetensors file that holds its weights as the engine computes with them, and its config and
 * tokenizer. Opening such a file maps it and is done, without reading or packing ahead; the system may drop and reread its pages. It
 * computes the same bits and has the same identity as the original, which it does not need any more. Another version of the library
 * may refuse it (RQ_ERR_UNSUPPORTED): keep the original. All cores, bounded memory; equal input gives equal bytes.
 *   source     read during the call only.
 *   path       UTF-8, path_len bytes, not empty. The file appears there only when whole, and replaces what was there.
 *   options    may be NULL: all defaults.
 * Thread: any. Errors: as rq_model_open for the source; RQ_ERR_INVALID_ARGUMENT, RQ_ERR_UNSUPPORTED (a packed file), RQ_ERR_CORRUPT
 * (naming a matrix of a quantised model whose values are not finite), RQ_ERR_IO, RQ_ERR_CALLBACK; no file is left behind then. Since 0.1. */
RQ_API int32_t rq_pack(const rq_source *source, const char *path, size_t path_len, const rq_pack_options *options, rq_error *err);

typedef struct rq_synthesize_options {
    uint32_t struct_size;
    uint32_t threads;      /* workers including the thread that calls; 0 = one per physical core this process may use */
    const char *geometry;  /* "v2-lite": DeepSeek-V2-Lite's; "moonlight", "glm-4.7-flash", "v4-mini": Flash at an eighth of its width; "v2-tiny", "v32-tiny" and "v4-tiny": small, odd sizes */
    size_t geometry_len;   /* 0 = "v2-lite" */
    const char *format;    /* as in rq_quantize_options */
    size_t format_len;     /* 0 = "q4_k_m" */
    uint32_t pure;         /* 1 = every matrix in the format itself, no mix */
    int32_t latent;        /* RQ_LATENT_* */
    uint64_t seed;         /* another seed, other weights */
    uint64_t layers;       /* fewer or more layers than the geometry has; 0 = as many */
    rq_progress_fn progress; /* may be NULL */
    void *user;            /* passed on to it */
    const rq_executor *executor; /* NULL = threads of the call's own; else `threads` is without effect */
    void *reserved_pointer; /* must be NULL */
} rq_synthesize_options;
#define RQ_SYNTHESIZE_OPTIONS_INIT { sizeof(rq_synthesize_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/* Writes a GGUF file with a model of true geometry and random weights: what it says means nothing, but it takes the time and memory
 * of the real one, so that anybody can measure without a download. Activations neither explode nor vanish; the made-up vocabulary
 * encodes any text. Writing is about as fast as the disk. Equal options give equal bytes.
 *   path       UTF-8, path_len bytes, not empty. The file appears there only when whole, and replaces what was there.
 *   options    what to write.
 * Thread: any. Errors: RQ_ERR_INVALID_ARGUMENT (naming the option), RQ_ERR_IO, RQ_ERR_CALLBACK; no file is left behind then.
 * Since 0.1. */
RQ_API int32_t rq_synthesize(const char *path, size_t path_len, const rq_synthesize_options *options, rq_error *err);

/* ------------------------------------------------------------------------------------------------------- operations on plain arrays
 *
 * The operations of the engine, usable without a model. Arrays are row-major and yours; a stride is the distance between the starts
 * of neighbouring rows in elements, 0 = rows lie directly behind one another. Outputs overlap inputs only where it says "in place".
 * Results depend neither on the executor nor on how many rows are computed together. Wrong shapes and NULLs give
 * RQ_ERR_INVALID_ARGUMENT that names the operand; an executor that fails gives RQ_ERR_CALLBACK. Operands of no elements may be NULL. */

/* y[t,n] = sum over k of x[t,k] * w[n,k]. */
typedef struct rq_matmul_args {
    uint32_t struct_size;
    int32_t w_dtype;             /* RQ_DTYPE_F32, RQ_DTYPE_F16 or RQ_DTYPE_BF16 */
    int64_t tokens;              /* T */
    int64_t inputs;              /* K */
    int64_t outputs;             /* N */
    int64_t x_stride;
    int64_t y_stride;
    const void *w;               /* [N, K] of w_dtype, rows adjacent, any alignment */
    const float *x;              /* [T, K] */
    float *y;                    /* [T, N] */
    const rq_executor *executor; /* NULL = the calling thread alone; used during the call only */
} rq_matmul_args;
#define RQ_MATMUL_ARGS_INIT { sizeof(rq_matmul_args), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/* Matrix product, sums in f32. Thread: any. Since 0.1. */
RQ_API int32_t rq_matmul(const rq_matmul_args *args, rq_error *err);

#define RQ_ATTENTION_AUTOMATIC 0 /* the form with fewer multiplications */
#define RQ_ATTENTION_NAIVE 1     /* expand keys and values of every cached token: cheaper for many queries */
#define RQ_ATTENTION_ABSORBED 2  /* attend to the latent itself: cheaper for few */

/* Causal multi-head latent attention (DeepSeek-V2 paper, section 2.1) of T queries at positions first ... first + T - 1 over the cached
 * tokens 0 ... first + T - 1. Names as in config.json. */
typedef struct rq_latent_attention_args {
    uint32_t struct_size;
    int32_t form;                /* RQ_ATTENTION_*: equal to rounding */
    int32_t w_dtype;             /* RQ_DTYPE_F32, RQ_DTYPE_F16 or RQ_DTYPE_BF16 */
    float softmax_scale;         /* 0 = (qk_nope_head_dim + qk_rope_head_dim)^-1/2 */
    int64_t heads;               /* H */
    int64_t kv_lora_rank;        /* R */
    int64_t qk_nope_head_dim;    /* P */
    int64_t qk_rope_head_dim;    /* Q */
    int64_t v_head_dim;          /* V */
    int64_t queries;             /* T */
    int64_t first;               /* position of the first query = cached tokens before it */
    int64_t q_stride;
    int64_t c_kv_stride;
    int64_t k_pe_stride;
    int64_t out_stride;
    const float *q;              /* [T, H * (P + Q)]: per head first the part without position, then the rotated part */
    const float *c_kv;           /* [first + T, R]: latents after their norm */
    const float *k_pe;           /* [first + T, Q]: rope keys after rotation, shared by all heads */
    const void *w_kv_b;          /* [H * (P + V), R] of w_dtype: per head the rows that make keys, then those that make values */
    float *out;                  /* [T, H * V] */
    const rq_executor *executor; /* NULL = the calling thread alone; used during the call only */
} rq_latent_attention_args;
#define RQ_LATENT_ATTENTION_ARGS_INIT \
    { sizeof(rq_latent_attention_args), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/* Latent attention on plain arrays, softmax in f32. Thread: any. Since 0.1. */
RQ_API int32_t rq_latent_attention(const rq_latent_attention_args *args, rq_error *err);

#define RQ_SCORING_SOFTMAX 0       /* DeepSeek-V2: over all experts */
#define RQ_SCORING_SIGMOID 1       /* DeepSeek-V3 */
#define RQ_SCORING_SQRT_SOFTPLUS 2 /* sqrt(ln(1 + e^x)) */

#define RQ_GROUP_SCORE_MAXIMUM 0     /* DeepSeek-V2, group_limited_greedy */
#define RQ_GROUP_SCORE_TOP_TWO_SUM 1 /* DeepSeek-V3, noaux_tc */

/* Which experts each token goes to, and with what weights (DeepSeek-V2 eq. 20-22, DeepSeek-V3 eq. 12-16). */
typedef struct rq_route_args {
    uint32_t struct_size;
    int32_t scoring;             /* RQ_SCORING_* */
    int32_t group_score;         /* RQ_GROUP_SCORE_* */
    uint32_t normalise;          /* 1 = divide the weights by their sum */
    float scale;                 /* factor on the final weights; 0 = 1 */
    uint32_t reserved;           /* must be 0 */
    int64_t tokens;              /* T */
    int64_t experts;             /* E */
    int64_t experts_per_token;   /* k */
    int64_t groups;              /* consecutive blocks of equal size; 0 = 1 */
    int64_t groups_kept;         /* how many of them a token may use; 0 = all */
    int64_t logits_stride;
    const float *logits;         /* [T, E] */
    const float *bias;           /* [E], added to the scores for choosing only; NULL = none */
    int32_t *ids;                /* [T, k]: by descending selection score, ties to the lower id */
    float *weights;              /* [T, k]: scores without bias, normalised and scaled */
} rq_route_args;
#define RQ_ROUTE_ARGS_INIT { sizeof(rq_route_args), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/* Chooses experts. Thread: any. Since 0.1. */
RQ_API int32_t rq_route(const rq_route_args *args, rq_error *err);

/* y[t,i] = x[t,i] / sqrt(mean over i of x[t,i]^2 + eps) * weight[i].   x, y [rows, cols], weight [cols]. In place allowed.
 * Thread: any. Since 0.1. */
RQ_API int32_t rq_rms_norm(const float *x, int64_t x_stride, const float *weight, float eps, int64_t rows, int64_t cols, float *y,
                           int64_t y_stride, rq_error *err);

/* Each row of x [rows, cols] becomes exp(x - max) / sum of exp(x - max). In place. Thread: any. Since 0.1. */
RQ_API int32_t rq_softmax(float *x, int64_t rows, int64_t cols, int64_t stride, rq_error *err);

/* y = silu(gate) * up, element by element, silu(z) = z / (1 + e^-z).   gate, up, y [rows, cols]. In place over gate or up allowed.
 * Thread: any. Since 0.1. */
RQ_API int32_t rq_swiglu(const float *gate, int64_t gate_stride, const float *up, int64_t up_stride, int64_t rows, int64_t cols,
                         float *y, int64_t y_stride, rq_error *err);

#define RQ_ROPE_ADJACENT 0 /* elements 2i and 2i + 1 form a pair: DeepSeek's attention */
#define RQ_ROPE_HALVES 1   /* elements i and i + dim / 2 */

/* Rotary position embedding, with YaRN scaling as DeepSeek uses it. */
typedef struct rq_rope_args {
    uint32_t struct_size;
    int32_t pairs;               /* RQ_ROPE_* */
    int64_t tokens;              /* T, at positions first ... first + T - 1 */
    int64_t first;
    int64_t heads;               /* H */
    int64_t dim;                 /* rotated elements per head, even */
    int64_t head_stride;         /* elements from head to head within a row; 0 = dim */
    int64_t offset;              /* where in a head the rotated elements begin */
    int64_t x_stride;            /* elements from row to row; 0 = H * head_stride */
    double base;                 /* theta; 0 = 10000 */
    double factor;               /* YaRN's s; 0 and 1 = no scaling, and the fields below have no effect */
    double original_positions;   /* the context the model was trained with; 0 = 4096 */
    double beta_fast;            /* 0 = 32 */
    double beta_slow;            /* 0 = 1 */
    double mscale;               /* 0 = absent */
    double mscale_all_dim;       /* 0 = absent */
    float *x;                    /* [T, H * head_stride], rotated in place */
    void *reserved_pointer;      /* must be NULL */
} rq_rope_args;
#define RQ_ROPE_ARGS_INIT { sizeof(rq_rope_args), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/* Rotates heads by their positions. Thread: any. Since 0.1. */
RQ_API int32_t rq_rope(const rq_rope_args *args, rq_error *err);

/* ------------------------------------------------------------------------------------------------------------------------ unstable
 *
 * What may still change or go with the next minor version. Define RQ_ENABLE_UNSTABLE before including this header to see it. */
#ifdef RQ_ENABLE_UNSTABLE

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

#endif /* RQ_ENABLE_UNSTABLE */

#ifdef __cplusplus
}
#endif

#endif /* RQ_RORQUAL_H */
