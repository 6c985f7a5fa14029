// The layout of every struct of the interface, pinned: a released version's size and last offset never change, and later
// versions only append. Figures for 64-bit machines; the table per data model is checked by the tests.
#define RQ_ENABLE_UNSTABLE
#include <cstddef>

#include "rorqual/rorqual.h"

#define RQ_LAYOUT(type, size, last, last_offset)                                                        \
    static_assert(sizeof(type) == (size), "published layout of " #type ": append only");                \
    static_assert(offsetof(type, last) == (last_offset), "published layout of " #type ": append only"); \
    static_assert(offsetof(type, struct_size) == 0)

#if UINTPTR_MAX == UINT64_MAX

// Version 0.1
RQ_LAYOUT(rq_error, 1024, message, 8);
RQ_LAYOUT(rq_allocator, 40, reserved_pointer, 32);
RQ_LAYOUT(rq_executor, 24, user, 16);
RQ_LAYOUT(rq_model_options, 64, reserved, 60);
RQ_LAYOUT(rq_session_options, 40, draft_tokens, 36);
RQ_LAYOUT(rq_plan, 64, peak_bytes, 56);
RQ_LAYOUT(rq_model_info, 112, has_compact_cache, 108);
RQ_LAYOUT(rq_tensor_info, 120, file_len, 112);
RQ_LAYOUT(rq_metrics, 72, kept_guesses, 64);
RQ_LAYOUT(rq_prompt_options, 96, variables_len, 88);
RQ_LAYOUT(rq_sampling_options, 72, reserved_pointer, 64);
RQ_LAYOUT(rq_generation_options, 88, grammar_after, 80);
RQ_LAYOUT(rq_piece, 32, text_len, 24);
RQ_LAYOUT(rq_quantize_options, 56, executor, 48);
RQ_LAYOUT(rq_pack_options, 32, executor, 24);
RQ_LAYOUT(rq_synthesize_options, 96, reserved_pointer, 88);
RQ_LAYOUT(rq_matmul_args, 80, executor, 72);
RQ_LAYOUT(rq_latent_attention_args, 152, executor, 144);
RQ_LAYOUT(rq_route_args, 104, weights, 96);
RQ_LAYOUT(rq_rope_args, 136, reserved_pointer, 128);
RQ_LAYOUT(rq_observer, 40, reserved_pointer, 32);

#endif
