/* Compiled by header_test.cpp as every version of C and C++: rorqual.h alone, twice, with every initialiser in use. */
/* clang-format off */
#include "rorqual/rorqual.h"
#include "rorqual/rorqual.h"
/* clang-format on */

rq_error probe_error = RQ_ERROR_INIT;
rq_allocator probe_allocator = RQ_ALLOCATOR_INIT;
rq_executor probe_executor = RQ_EXECUTOR_INIT;
rq_model_options probe_model_options = RQ_MODEL_OPTIONS_INIT;
rq_session_options probe_session_options = RQ_SESSION_OPTIONS_INIT;
rq_plan probe_plan = RQ_PLAN_INIT;
rq_model_info probe_model_info = RQ_MODEL_INFO_INIT;
rq_tensor_info probe_tensor_info = RQ_TENSOR_INFO_INIT;
rq_metrics probe_metrics = RQ_METRICS_INIT;
rq_prompt_options probe_prompt_options = RQ_PROMPT_OPTIONS_INIT;
rq_sampling_options probe_sampling_options = RQ_SAMPLING_OPTIONS_INIT;
rq_generation_options probe_generation_options = RQ_GENERATION_OPTIONS_INIT;
rq_piece probe_piece = RQ_PIECE_INIT;
rq_quantize_options probe_quantize_options = RQ_QUANTIZE_OPTIONS_INIT;
rq_pack_options probe_pack_options = RQ_PACK_OPTIONS_INIT;
rq_synthesize_options probe_synthesize_options = RQ_SYNTHESIZE_OPTIONS_INIT;
rq_matmul_args probe_matmul_args = RQ_MATMUL_ARGS_INIT;
rq_latent_attention_args probe_latent_attention_args = RQ_LATENT_ATTENTION_ARGS_INIT;
rq_route_args probe_route_args = RQ_ROUTE_ARGS_INIT;
rq_rope_args probe_rope_args = RQ_ROPE_ARGS_INIT;
#ifdef RQ_ENABLE_UNSTABLE
rq_observer probe_observer = RQ_OBSERVER_INIT;
#endif
