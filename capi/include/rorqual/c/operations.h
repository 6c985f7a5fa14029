/* Operations on plain arrays, without a model: a part of rorqual.h, which is the one to include. */
/* clang-format off */
#ifndef RQ_C_OPERATIONS_H
#define RQ_C_OPERATIONS_H

#include "common.h"

#ifdef __cplusplus
extern "C" {
#endif

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

#ifdef __cplusplus
}
#endif

#endif /* RQ_C_OPERATIONS_H */
