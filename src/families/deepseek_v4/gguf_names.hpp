#pragma once

#include <algorithm>
#include <iterator>
#include <string_view>

namespace rorqual::families::deepseek_v4 {

/// What a tensor is called in GGUF files of arch "deepseek4" and in published checkpoints. Those of layer N: "blk.N." + gguf and "layers.N." + published.
/// All experts of a layer are one tensor [E, …]; one of them is "layers.N.ffn.experts.E." + what stands behind "ffn.experts.".
/// https://github.com/ggml-org/llama.cpp: gguf-py/gguf/constants.py.
struct GgufName {
    std::string_view gguf;
    std::string_view published;
};

inline constexpr GgufName gguf_names[] = {
    {"token_embd.weight", "embed.weight"},
    {"output_norm.weight", "norm.weight"},
    {"output.weight", "head.weight"},
    {"output_hc_fn.weight", "hc_head_fn"},
    {"output_hc_base.weight", "hc_head_base"},
    {"output_hc_scale.weight", "hc_head_scale"},
    {"attn_norm.weight", "attn_norm.weight"},
    {"hc_attn_fn.weight", "hc_attn_fn"},
    {"hc_attn_base.weight", "hc_attn_base"},
    {"hc_attn_scale.weight", "hc_attn_scale"},
    {"attn_sinks.weight", "attn.attn_sink"},
    {"attn_q_a.weight", "attn.wq_a.weight"},
    {"attn_q_a_norm.weight", "attn.q_norm.weight"},
    {"attn_q_b.weight", "attn.wq_b.weight"},
    {"attn_kv.weight", "attn.wkv.weight"},
    {"attn_kv_a_norm.weight", "attn.kv_norm.weight"},
    {"attn_output_a.weight", "attn.wo_a.weight"},
    {"attn_output_b.weight", "attn.wo_b.weight"},
    {"attn_compressor_ape.weight", "attn.compressor.ape"},
    {"attn_compressor_kv.weight", "attn.compressor.wkv.weight"},
    {"attn_compressor_gate.weight", "attn.compressor.wgate.weight"},
    {"attn_compressor_norm.weight", "attn.compressor.norm.weight"},
    {"indexer.attn_q_b.weight", "attn.indexer.wq_b.weight"},
    {"indexer.proj.weight", "attn.indexer.weights_proj.weight"},
    {"indexer_compressor_ape.weight", "attn.indexer.compressor.ape"},
    {"indexer_compressor_kv.weight", "attn.indexer.compressor.wkv.weight"},
    {"indexer_compressor_gate.weight", "attn.indexer.compressor.wgate.weight"},
    {"indexer_compressor_norm.weight", "attn.indexer.compressor.norm.weight"},
    {"ffn_norm.weight", "ffn_norm.weight"},
    {"hc_ffn_fn.weight", "hc_ffn_fn"},
    {"hc_ffn_base.weight", "hc_ffn_base"},
    {"hc_ffn_scale.weight", "hc_ffn_scale"},
    {"ffn_gate_inp.weight", "ffn.gate.weight"},
    {"exp_probs_b.bias", "ffn.gate.bias"},
    {"ffn_gate_tid2eid.weight", "ffn.gate.tid2eid"},
    {"ffn_gate_exps.weight", "ffn.experts.w1.weight"},
    {"ffn_up_exps.weight", "ffn.experts.w3.weight"},
    {"ffn_down_exps.weight", "ffn.experts.w2.weight"},
    {"ffn_gate_shexp.weight", "ffn.shared_experts.w1.weight"},
    {"ffn_up_shexp.weight", "ffn.shared_experts.w3.weight"},
    {"ffn_down_shexp.weight", "ffn.shared_experts.w2.weight"},
};

/// Beginnings of those names in files of other or older writers.
struct GgufAlias {
    std::string_view gguf;
    std::string_view other;
};

inline constexpr GgufAlias gguf_aliases[] = {
    {"output_hc_", "hc_head_"},
    {"attn_kv.", "attn_kv_latent."},
    {"attn_kv.", "attn_kv_a_mqa."},
    {"attn_compressor_", "attn_compress_"},
    {"indexer_compressor_", "indexer.compress_"},
    {"exp_probs_b.bias", "exp_probs_b.weight"},
};

/// The GGUF name of a published one, both without their layer; "" where the list has none.
[[nodiscard]] inline std::string_view find_gguf_name(std::string_view published) {
    const auto* const found = std::ranges::find(gguf_names, published, &GgufName::published);
    return found == std::end(gguf_names) ? std::string_view() : found->gguf;
}

}  // namespace rorqual::families::deepseek_v4
