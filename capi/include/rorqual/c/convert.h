/* Writing models: a part of rorqual.h, which is the one to include. */
/* clang-format off */
#ifndef RQ_C_CONVERT_H
#define RQ_C_CONVERT_H

#include "model.h"

#ifdef __cplusplus
extern "C" {
#endif

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

#ifdef __cplusplus
}
#endif

#endif /* RQ_C_CONVERT_H */
