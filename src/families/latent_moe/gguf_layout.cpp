// How GGUF files of architectures "deepseek2" and "deepseek32" hold the tensors of the table.
// https://github.com/ggml-org/llama.cpp: gguf-py/gguf/tensor_mapping.py and convert_hf_to_gguf.py.
#include <algorithm>
#include <span>
#include <string_view>

#include "families/latent_moe/gguf_names.hpp"
#include "families/latent_moe/latent_moe.hpp"

namespace rorqual::families::latent_moe {
namespace {

using weights::Piece;
using weights::Place;
using weights::StoredTensors;
using weights::TensorSpec;

constexpr std::string_view suffix = ".weight";

std::string gguf_name(GgufName::Of of, std::string_view published) {
    const auto stem = published.substr(0, published.size() - suffix.size());
    const auto name = find_gguf_name(of, stem);
    return std::string(name.empty() ? stem : name) + std::string(suffix);
}

class GgufLayout final : public weights::TensorLayout {
 public:
    explicit GgufLayout(const Config& config) : experts_(config.router.experts), shape_(config.mla.shape) {}

    [[nodiscard]] Place place(const TensorSpec& spec, const StoredTensors& stored) const override {
        constexpr std::string_view layers = "model.layers.", experts = "mlp.experts.";
        std::string_view name = spec.name;
        if (!name.starts_with(layers)) return whole(gguf_name(GgufName::Of::model, name), spec);
        name.remove_prefix(layers.size());
        const auto dot = name.find('.');
        const std::string block = "blk." + std::string(name.substr(0, dot)) + ".";
        name.remove_prefix(dot + 1);
        if (name == "self_attn.kv_b_proj.weight") return kv_b(block, spec, stored);
        if (const auto bias = find_gguf_name(GgufName::Of::bias, name); !bias.empty()) return whole(block + std::string(bias), spec);
        if (name.starts_with(experts)) return expert(block, name.substr(experts.size()), spec, stored);
        return whole(block + gguf_name(GgufName::Of::layer, name), spec);
    }

 private:
    static Place whole(std::string name, const TensorSpec& spec) { return {{{std::move(name), spec.shape}}}; }

    // "E.gate_proj.weight" [m, D] is part of a stack [E, m, D]. Some files have gate and up of each expert as one, [E, 2m, D].
    [[nodiscard]] Place expert(const std::string& block, std::string_view name, const TensorSpec& spec, const StoredTensors& stored) const {
        const auto dot = name.find('.');
        const auto number = std::stoll(std::string(name.substr(0, dot)));
        const auto matrix = name.substr(dot + 1);
        const auto rows = spec.shape[0], cols = spec.shape[1];
        const std::string gate_and_up = block + "ffn_gate_up_exps.weight";
        if (matrix != "down_proj.weight" && stored.contains(gate_and_up)) {
            return {{{gate_and_up, {experts_, 2 * rows, cols}, 2 * number + (matrix == "up_proj.weight"), 2 * experts_}}};
        }
        return {{{block + gguf_name(GgufName::Of::experts, matrix), {experts_, rows, cols}, number, experts_}}};
    }

    // Joined, as published; or made for absorbed attention: W_uk of each head transposed and W_uv, as one stack each.
    [[nodiscard]] Place kv_b(const std::string& block, const TensorSpec& spec, const StoredTensors& stored) const {
        const std::string joined = block + "attn_kv_b.weight", k_b = block + "attn_k_b.weight", v_b = block + "attn_v_b.weight";
        if (stored.contains(joined) || !(stored.contains(k_b) || stored.contains(v_b))) {
            Place place = whole(joined, spec);
            place.spare = {k_b, v_b};  // some files have both
            return place;
        }
        const auto heads = shape_.heads, latent = shape_.kv_lora_rank, nope = shape_.qk_nope_head_dim, v = shape_.v_head_dim;
        Place place{{stack(k_b, {heads, latent, nope}, stored), stack(v_b, {heads, v, latent}, stored)}};
        place.join = [=](std::span<const std::vector<float>> pieces, std::span<float> to) {
            const float* k = pieces[0].data();
            const float* uv = pieces[1].data();
            float* out = to.data();
            for (std::int64_t h = 0; h < heads; ++h, k += latent * nope) {
                for (std::int64_t i = 0; i < nope; ++i) {
                    for (std::int64_t r = 0; r < latent; ++r) *out++ = k[r * nope + i];
                }
                out = std::copy_n(uv, v * latent, out);
                uv += v * latent;
            }
        };
        return place;
    }

    // [n, rows, cols]; ik_llama.cpp writes the same bytes as [n·rows, cols].
    static Piece stack(const std::string& name, std::vector<std::int64_t> shape, const StoredTensors& stored) {
        const auto found = stored.find(name);
        if (found != stored.end() && found->second.shape.size() == 2) shape = {shape[0] * shape[1], shape[2]};
        return {name, std::move(shape)};
    }

    std::int64_t experts_;
    LatentAttentionShape shape_;
};

}  // namespace

std::unique_ptr<const weights::TensorLayout> LatentMoe::gguf_layout() const { return std::make_unique<GgufLayout>(config_); }

}  // namespace rorqual::families::latent_moe
