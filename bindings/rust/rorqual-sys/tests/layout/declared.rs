// Written from rorqual.h by `cargo run -p rorqual-generate`: not to be edited.

structs! {
    rq_error { struct_size, code, message }
    rq_allocator { struct_size, reserved, alloc, release, user, reserved_pointer }
    rq_executor { struct_size, concurrency, run, user }
    rq_model_options { struct_size, threads, isa, isa_len, log, log_user, allocator, executor, headers_only, reserved }
    rq_session_options { struct_size, mode, cache, relaxed, context, chunk, drafting, draft_tokens }
    rq_plan { struct_size, reserved, weights_bytes, weights_mapped_bytes, cache_per_token_bytes, context_tokens, cache_bytes, scratch_bytes, peak_bytes }
    rq_model_info { struct_size, threads, has_tokenizer, bos_token, vocab_size, hidden_size, layers, dense_layers, heads, routed_experts, experts_per_token, context, parameters, active_parameters, default_mode, has_int8_cache, has_draft_head, has_compact_cache }
    rq_tensor_info { struct_size, dtype, size_bytes, rank, shape, name, name_len, file, file_len }
    rq_prompt_options { struct_size, thinking, format, format_len, tokenizer, effort, effort_len, keep_thinking, no_generation, model, chat_template, chat_template_len, variables, variables_len }
    rq_metrics { struct_size, reserved, prefill_tokens, prefill_seconds, decode_tokens, decode_seconds, cache_bytes, scratch_bytes, guesses, kept_guesses }
    rq_sampling_options { struct_size, temperature, top_k, top_p, min_p, repetition_penalty, presence_penalty, penalty_window, seed, bias_tokens, bias_values, bias_count, reserved_pointer }
    rq_generation_options { struct_size, ignore_stop_tokens, special, reserved, limit, sampling, stop_tokens, stop_token_count, stop_strings, stop_string_lens, stop_string_count, grammar, grammar_after }
    rq_piece { struct_size, token, logprob, finish, text, text_len }
    rq_quantize_options { struct_size, threads, format, format_len, pure, latent, progress, user, executor }
    rq_pack_options { struct_size, threads, progress, user, executor }
    rq_synthesize_options { struct_size, threads, geometry, geometry_len, format, format_len, pure, latent, seed, layers, progress, user, executor, reserved_pointer }
    rq_matmul_args { struct_size, w_dtype, tokens, inputs, outputs, x_stride, y_stride, w, x, y, executor }
    rq_latent_attention_args { struct_size, form, w_dtype, softmax_scale, heads, kv_lora_rank, qk_nope_head_dim, qk_rope_head_dim, v_head_dim, queries, first, q_stride, c_kv_stride, k_pe_stride, out_stride, q, c_kv, k_pe, w_kv_b, out, executor }
    rq_route_args { struct_size, scoring, group_score, normalise, scale, reserved, tokens, experts, experts_per_token, groups, groups_kept, logits_stride, logits, bias, ids, weights }
    rq_rope_args { struct_size, pairs, tokens, first, heads, dim, head_stride, offset, x_stride, base, factor, original_positions, beta_fast, beta_slow, mscale, mscale_all_dim, x, reserved_pointer }
}

constants! {
    RQ_VERSION_MAJOR
    RQ_VERSION_MINOR
    RQ_VERSION_PATCH
    RQ_VERSION
    RQ_OK
    RQ_ERR_INVALID_ARGUMENT
    RQ_ERR_NOT_FOUND
    RQ_ERR_IO
    RQ_ERR_CORRUPT
    RQ_ERR_UNSUPPORTED
    RQ_ERR_NO_MEMORY
    RQ_ERR_CONTEXT_FULL
    RQ_ERR_CANCELLED
    RQ_ERR_CALLBACK
    RQ_ERR_WRONG_STATE
    RQ_ERR_INTERNAL
    RQ_LOG_ERROR
    RQ_LOG_WARNING
    RQ_LOG_INFO
    RQ_LOG_DEBUG
    RQ_CACHE_DEFAULT
    RQ_CACHE_F32
    RQ_CACHE_BF16
    RQ_CACHE_INT8
    RQ_CACHE_COMPACT
    RQ_MODE_DEFAULT
    RQ_MODE_EXACT
    RQ_MODE_FAST
    RQ_DRAFTING_NONE
    RQ_DRAFTING_LOOKUP
    RQ_DRAFTING_HEAD
    RQ_DTYPE_F32
    RQ_DTYPE_F16
    RQ_DTYPE_BF16
    RQ_DTYPE_F8_E4M3
    RQ_DTYPE_F8_E8M0
    RQ_DTYPE_I8
    RQ_DTYPE_U8
    RQ_DTYPE_I16
    RQ_DTYPE_I32
    RQ_DTYPE_I64
    RQ_DTYPE_BOOLEAN
    RQ_DTYPE_F64
    RQ_DTYPE_Q4_0
    RQ_DTYPE_Q4_1
    RQ_DTYPE_Q5_0
    RQ_DTYPE_Q5_1
    RQ_DTYPE_Q8_0
    RQ_DTYPE_Q2_K
    RQ_DTYPE_Q3_K
    RQ_DTYPE_Q4_K
    RQ_DTYPE_Q5_K
    RQ_DTYPE_Q6_K
    RQ_DTYPE_IQ4_NL
    RQ_DTYPE_IQ4_XS
    RQ_DTYPE_MXFP4
    RQ_DTYPE_IQ2_XXS
    RQ_DTYPE_IQ2_XS
    RQ_DTYPE_IQ2_S
    RQ_DTYPE_IQ3_XXS
    RQ_DTYPE_IQ3_S
    RQ_DTYPE_IQ1_S
    RQ_DTYPE_IQ1_M
    RQ_DTYPE_TQ1_0
    RQ_DTYPE_TQ2_0
    RQ_MAX_RANK
    RQ_ENCODE_ADDED_TOKENS
    RQ_DECODE_SPECIAL
    RQ_PART_NONE
    RQ_PART_REASONING
    RQ_PART_CONTENT
    RQ_PART_TOOL_CALL
    RQ_PART_ARGUMENTS
    RQ_FINISH_NONE
    RQ_FINISH_STOP_TOKEN
    RQ_FINISH_STOP_STRING
    RQ_FINISH_LIMIT
    RQ_FINISH_CONTEXT_FULL
    RQ_FINISH_COMPLETE
    RQ_LATENT_DEFAULT
    RQ_LATENT_JOINED
    RQ_LATENT_SPLIT
    RQ_ATTENTION_AUTOMATIC
    RQ_ATTENTION_NAIVE
    RQ_ATTENTION_ABSORBED
    RQ_SCORING_SOFTMAX
    RQ_SCORING_SIGMOID
    RQ_SCORING_SQRT_SOFTPLUS
    RQ_GROUP_SCORE_MAXIMUM
    RQ_GROUP_SCORE_TOP_TWO_SUM
    RQ_ROPE_ADJACENT
    RQ_ROPE_HALVES
}

functions! {
    rq_version
    rq_status_name
    rq_source_create_path
    rq_source_create_files
    rq_source_add_fd
    rq_source_add_memory
    rq_source_add_callbacks
    rq_source_free
    rq_model_open
    rq_model_free
    rq_source_plan
    rq_model_plan
    rq_model_get_info
    rq_model_type
    rq_model_identity
    rq_model_config
    rq_model_kernels
    rq_dtype_name
    rq_model_tensor_count
    rq_model_tensor
    rq_model_tokenizer
    rq_tokenizer_open
    rq_tokenizer_free
    rq_tokenizer_encode
    rq_model_encode_prompt
    rq_tokenizer_decode
    rq_tokenizer_bytes
    rq_tokenizer_find
    rq_tokenizer_is_special
    rq_tokenizer_vocab_size
    rq_decoder_create
    rq_decoder_push
    rq_decoder_finish
    rq_decoder_free
    rq_prompt_create
    rq_prompt_format
    rq_prompt_text
    rq_prompt_tokens
    rq_prompt_free
    rq_completion_create
    rq_completion_feed
    rq_completion_next
    rq_completion_finish
    rq_completion_free
    rq_session_create
    rq_session_free
    rq_session_sync
    rq_session_append
    rq_session_rewind
    rq_session_fork
    rq_session_save
    rq_session_load
    rq_session_logits
    rq_session_evaluate_batch
    rq_session_tokens
    rq_session_length
    rq_session_capacity
    rq_session_metrics
    rq_session_cancel
    rq_model_sampling
    rq_model_stop_tokens
    rq_grammar_from_json_schema
    rq_grammar_from_rules
    rq_grammar_free
    rq_generation_create
    rq_generation_next
    rq_generation_free
    rq_quantize
    rq_pack
    rq_synthesize
    rq_matmul
    rq_latent_attention
    rq_route
    rq_rms_norm
    rq_softmax
    rq_swiglu
    rq_rope
}
