// DeepSeek-V4 as a GGUF file of arch "deepseek4", without the block that drafts. Keys and tensors: llama.cpp, gguf-py/gguf/constants.py and
// src/models/deepseek4.cpp.
#include <string_view>
#include <vector>

#include "families/deepseek_v4/deepseek_v4.hpp"
#include "families/deepseek_v4/gguf_names.hpp"
#include "families/numbered_name.hpp"
#include "rorqual/error.hpp"

namespace rorqual::families::deepseek_v4 {
namespace {

std::string gguf_name(const std::string& published) {
    const auto found = find_gguf_name(published);
    if (found.empty()) throw Error(Status::internal, published + ": not in the list of GGUF names");
    return std::string(found);
}

void write_attention(const Config& c, GgufKeys& keys) {
    const auto& a = c.attention;
    keys.count("attention.head_count", a.heads);
    keys.count("attention.head_count_kv", 1);
    keys.count("attention.key_length", a.width);
    keys.count("attention.value_length", a.width);
    keys.count("attention.sliding_window", a.window);
    keys.count("attention.q_lora_rank", a.q_lora_rank);
    keys.count("attention.output_lora_rank", a.o_lora_rank);
    keys.count("attention.output_group_count", a.o_groups);
    keys.number("attention.layer_norm_rms_epsilon", c.norm_eps);
    std::vector<std::int32_t> ratios;
    for (const auto ratio : c.ratios) ratios.push_back(static_cast<std::int32_t>(ratio));
    keys.header.i32s(keys.full("attention.compress_ratios"), ratios);
    if (!c.has_indexer()) return;
    keys.count("attention.indexer.head_count", c.indexer.heads);
    keys.count("attention.indexer.key_length", c.indexer.width);
    keys.count("attention.indexer.top_k", c.indexer.top_k);
}

void write_rope(const Config& c, GgufKeys& keys) {
    keys.count("rope.dimension_count", c.attention.rope);
    keys.number("rope.freq_base", c.rope_theta);
    keys.number("attention.compress_rope_freq_base", c.compress_rope_theta);
    keys.yarn(c.yarn);
}

void write_experts(const Config& c, GgufKeys& keys) {
    constexpr std::int64_t sqrt_softplus = 4;
    keys.count("expert_count", c.router.experts);
    keys.count("expert_used_count", c.router.experts_per_token);
    keys.count("expert_shared_count", c.shared_width / c.expert_width);
    keys.count("expert_feed_forward_length", c.expert_width);
    keys.number("expert_weights_scale", c.router.scale);
    keys.boolean("expert_weights_norm", c.router.normalise);
    keys.count("expert_gating_func", sqrt_softplus);
    keys.count("hash_layer_count", c.hash_layers);
    const std::vector<float> limits(static_cast<std::size_t>(c.geometry.layers), c.swiglu_limit.most);
    keys.header.f32s(keys.full("swiglu_clamp_exp"), limits);
}

void write_hyper_connections(const Config& c, GgufKeys& keys) {
    keys.count("hyper_connection.count", c.hyper.streams);
    keys.count("hyper_connection.sinkhorn_iterations", c.hyper.sinkhorn_rounds);
    keys.number("hyper_connection.epsilon", c.hyper.eps);
}

}  // namespace

std::vector<GgufTensor> DeepseekV4::gguf_form(LatentLayout, io::GgufHeader& header) {
    GgufKeys keys{header, "deepseek4"};
    header.text("general.architecture", keys.architecture);
    keys.count("block_count", config_.geometry.layers);
    keys.count("context_length", config_.geometry.context);
    keys.count("embedding_length", config_.geometry.hidden_size);
    keys.count("vocab_size", config_.geometry.vocab_size);
    write_attention(config_, keys);
    write_rope(config_, keys);
    write_experts(config_, keys);
    write_hyper_connections(config_, keys);

    weights::TensorTable table;
    list_model(table);
    GgufTensors tensors;
    for (const auto& spec : table.specs()) {
        std::string_view name = spec.name;
        std::int64_t layer = 0, expert = 0;
        const std::string block = take_number(name, "layers.", layer) ? "blk." + std::to_string(layer) + "." : "";
        if (take_number(name, "ffn.experts.", expert)) {
            tensors.add_expert(block + gguf_name("ffn.experts." + std::string(name)), spec);
        } else {
            tensors.add_whole(block + gguf_name(std::string(name)), spec);
        }
    }
    return std::move(tensors).take();
}

}  // namespace rorqual::families::deepseek_v4
