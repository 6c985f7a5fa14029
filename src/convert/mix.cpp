#include "convert/mix.hpp"

#include <algorithm>
#include <charconv>
#include <string>

#include "io/printable.hpp"
#include "rorqual/error.hpp"

namespace rorqual::convert {
namespace {

struct Line {
    std::string_view text;
    Mix mix;
};

constexpr Line lines[] = {
#define RQ_MIX(name, file_type, dtype) {#name, {MixName::name, file_type, DType::dtype}},
#include "convert/mixes.inc"
#undef RQ_MIX
};

bool contains(std::string_view name, std::string_view part) { return name.find(part) != name.npos; }

// The layer of "blk.N.…".
std::int64_t layer_of(std::string_view name) {
    constexpr std::string_view prefix = "blk.";
    std::int64_t layer = 0;
    if (name.starts_with(prefix)) std::from_chars(name.data() + prefix.size(), name.data() + name.size(), layer);
    return layer;
}

// The first and the last eighth of the layers, and every third between: where more bits help most.
bool gets_more_bits(std::int64_t layer, std::int64_t layers) {
    return layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
}

bool is_quantised(std::string_view name, const std::vector<std::int64_t>& shape) {
    constexpr std::string_view never[] = {"_norm.weight", "ffn_gate_inp.weight", "indexer.proj.weight", "hc_", "_ape.weight", "tid2eid"};
    return shape.size() >= 2 && name.ends_with("weight") && std::ranges::none_of(never, [&](std::string_view part) { return contains(name, part); });
}

bool is_expert(std::string_view name, const std::vector<std::int64_t>& shape) { return shape.size() == 3 && contains(name, "_exps."); }

bool is_larger(DType a, DType b) { return block_bytes(a) * block_length(b) > block_bytes(b) * block_length(a); }

DType output_dtype(const Mix& mix, std::int64_t cols) {
    if (mix.name == MixName::mxfp4 || cols % block_length(mix.most) != 0) return DType::q8_0;
    return mix.most == DType::q8_0 ? DType::q8_0 : DType::q6_k;
}

// The matrix that makes values of the latent counts as what llama.cpp calls attn_v.
DType value_dtype(const Mix& mix, std::int64_t layer, std::int64_t layers) {
    switch (mix.name) {
        case MixName::q2_k: return DType::q3_k;
        case MixName::q3_k_m: return layer < 2 ? DType::q5_k : DType::q4_k;
        case MixName::q3_k_l: return DType::q5_k;
        case MixName::q4_k_s: return layer < 4 ? DType::q5_k : mix.most;
        case MixName::q4_k_m:
        case MixName::q5_k_m: return gets_more_bits(layer, layers) ? DType::q6_k : mix.most;
        default: return mix.most;
    }
}

DType down_dtype(const Mix& mix, std::int64_t layer, std::int64_t layers) {
    switch (mix.name) {
        case MixName::q2_k: return DType::q3_k;
        case MixName::q3_k_m: return layer < layers / 16 ? DType::q5_k : DType::q4_k;
        case MixName::q3_k_l: return DType::q5_k;
        case MixName::q4_k_s:
        case MixName::iq4_nl:
        case MixName::iq4_xs: return layer < layers / 8 ? DType::q5_k : mix.most;
        case MixName::q4_k_m:
        case MixName::q5_k_m: return gets_more_bits(layer, layers) ? DType::q6_k : mix.most;
        default: return mix.most;
    }
}

DType attention_output_dtype(const Mix& mix) {
    switch (mix.name) {
        case MixName::q2_k: return DType::q3_k;
        case MixName::q3_k_m: return DType::q4_k;
        case MixName::q3_k_l: return DType::q5_k;
        default: return mix.most;
    }
}

DType chosen(const Mix& mix, const MixedModel& model, std::string_view name, const std::vector<std::int64_t>& shape) {
    const bool block_format = block_length(mix.most) > 1;
    if (mix.pure || !block_format) return mix.most;
    if (name == "output.weight" || (model.tied && name == "token_embd.weight")) return output_dtype(mix, shape.back());
    if (mix.name == MixName::mxfp4) return is_expert(name, shape) ? DType::mxfp4 : DType::q8_0;
    if (contains(name, "_compressor_")) return DType::q8_0;  // small, and all that is left of the tokens behind
    const auto layer = layer_of(name);
    if (contains(name, "attn_kv_b.weight")) return value_dtype(mix, layer, model.layers);
    if (contains(name, "attn_output.weight")) return attention_output_dtype(mix);
    if (contains(name, "ffn_down")) return down_dtype(mix, layer, model.layers);
    return mix.most;
}

// A format whose blocks fill rows of `cols`, near to the wanted one.
DType fitting(DType wanted, std::int64_t cols) {
    const auto fits = [cols](DType dtype) { return cols % block_length(dtype) == 0; };
    if (fits(wanted)) return wanted;
    auto fallback = DType::f16;
    switch (wanted) {
        case DType::q2_k:
        case DType::q3_k: fallback = DType::q4_0; break;
        case DType::q4_k: fallback = DType::q5_0; break;
        case DType::q5_k: fallback = DType::q5_1; break;
        case DType::q6_k: fallback = DType::q8_0; break;
        case DType::iq4_xs: fallback = DType::iq4_nl; break;
        default: break;
    }
    return fits(fallback) ? fallback : DType::f16;
}

}  // namespace

Mix Mix::named(std::string_view format, bool pure) {
    const std::string wanted = format == "q3_k" || format == "q4_k" || format == "q5_k" ? std::string(format) + "_m" : std::string(format);
    std::string known;
    for (const auto& line : lines) {
        known += (known.empty() ? "" : ", ") + std::string(line.text);
        if (line.text != wanted) continue;
        auto mix = line.mix;
        mix.pure = pure;
        return mix;
    }
    throw Error(Status::invalid_argument, "format: \"" + io::printable(format) + "\", expected one of " + known);
}

std::optional<DType> mixed_dtype(const Mix& mix, const MixedModel& model, std::string_view name, const std::vector<std::int64_t>& shape) {
    if (!is_quantised(name, shape)) return std::nullopt;
    const auto dtype = fitting(chosen(mix, model, name, shape), shape.back());
    const bool kept = model.fp4_experts && !mix.pure && is_expert(name, shape) && shape.back() % block_length(DType::mxfp4) == 0;
    return kept && is_larger(dtype, DType::mxfp4) ? DType::mxfp4 : dtype;
}

}  // namespace rorqual::convert
