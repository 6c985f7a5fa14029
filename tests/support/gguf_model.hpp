#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "io/gguf_writer.hpp"
#include "quant/decode.hpp"
#include "quant/encode.hpp"
#include "rorqual/source.hpp"
#include "support/gguf_tokenizer.hpp"
#include "weights/weight_store.hpp"

namespace rorqual::test {

/// A GGUF model to be written, key by key and tensor by tensor, so that a test may change any of them.
class GgufModel {
 public:
    struct Tensor {
        std::string name;
        DType dtype;
        std::vector<std::int64_t> shape;
        std::vector<std::byte> bytes;
    };

    GgufKeys keys;
    std::vector<Tensor> tensors;

    [[nodiscard]] Tensor& tensor(const std::string& name) {
        return *std::find_if(tensors.begin(), tensors.end(), [&](const Tensor& t) { return t.name == name; });
    }
    void remove(const std::string& name) {
        std::erase_if(tensors, [&](const Tensor& t) { return t.name == name; });
    }

    /// The whole model as one file.
    [[nodiscard]] std::vector<std::byte> file() const { return part(0, tensors.size(), keys); }

    /// The model as `count` parts of a split.
    [[nodiscard]] std::vector<std::vector<std::byte>> parts(std::size_t count) const {
        std::vector<std::vector<std::byte>> files;
        for (std::size_t i = 0; i < count; ++i) {
            GgufKeys own = i == 0 ? keys : GgufKeys{};
            own["split.no"] = gguf_u16(static_cast<std::uint16_t>(i));
            own["split.count"] = gguf_u16(static_cast<std::uint16_t>(count));
            own["split.tensors.count"] = gguf_i32(static_cast<std::int32_t>(tensors.size()));
            files.push_back(part(tensors.size() * i / count, tensors.size() * (i + 1) / count, own));
        }
        return files;
    }
    static std::string part_name(std::size_t i, std::size_t count) {
        return "model-0000" + std::to_string(i + 1) + "-of-0000" + std::to_string(count) + ".gguf";
    }

    /// The same model with every tensor as the f32 values it stands for.
    [[nodiscard]] GgufModel decoded() const {
        GgufModel model = *this;
        for (auto& tensor : model.tensors) {
            tensor.bytes = as_bytes(floats(tensor));
            tensor.dtype = DType::f32;
        }
        return model;
    }

    /// Stores all matrices as `dtype` whose rows are whole blocks of it; `which` may leave some as they are.
    void encode(
        DType dtype, const std::function<bool(const std::string& name)>& which = [](const std::string&) { return true; }) {
        for (auto& tensor : tensors) {
            if (tensor.shape.size() < 2 || tensor.shape.back() % block_length(dtype) != 0 || !which(tensor.name)) continue;
            const auto values = floats(tensor);
            tensor.bytes.resize(values.size() / static_cast<std::size_t>(block_length(dtype)) * static_cast<std::size_t>(block_bytes(dtype)));
            quant::encode(dtype, values, tensor.bytes);
            tensor.dtype = dtype;
        }
    }

    [[nodiscard]] static std::vector<float> floats(const Tensor& tensor) {
        std::size_t count = 1;
        for (const auto n : tensor.shape) count *= static_cast<std::size_t>(n);
        std::vector<float> values(count);
        quant::decode(tensor.dtype, tensor.bytes, values);
        return values;
    }
    [[nodiscard]] static std::vector<std::byte> as_bytes(std::span<const float> values) {
        const auto bytes = std::as_bytes(values);
        return {bytes.begin(), bytes.end()};
    }

 private:
    [[nodiscard]] std::vector<std::byte> part(std::size_t first, std::size_t last, const GgufKeys& own) const {
        io::GgufHeader header;
        for (const auto& [key, put] : own) put(header, key);
        for (auto i = first; i < last; ++i) header.tensor(tensors[i].name, tensors[i].dtype, tensors[i].shape);
        auto file = header.bytes();
        for (auto i = first; i < last; ++i) {
            file.resize((file.size() + header.alignment() - 1) / header.alignment() * header.alignment());
            file.insert(file.end(), tensors[i].bytes.begin(), tensors[i].bytes.end());
        }
        return file;
    }
};

/// What a published checkpoint of DeepSeek-V2, V3 or V3.2 becomes in a GGUF file of architecture "deepseek2" or "deepseek32", as llama.cpp's converter has it.
struct GgufForm {
    bool split_kv_b = false;     ///< attn_k_b and attn_v_b instead of attn_kv_b
    bool new_lengths = false;    ///< key_length of the latent, key_length_mla of a head
    bool flat_kv_b = false;      ///< attn_k_b and attn_v_b as 2-D tensors
    bool fused_experts = false;  ///< ffn_gate_up_exps instead of ffn_gate_exps and ffn_up_exps
    bool prediction = false;     ///< with the layer that predicts further tokens, where the checkpoint has one
};

namespace gguf_model {

inline std::string contents(const std::filesystem::path& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

inline void put_keys(const nlohmann::json& c, const GgufForm& form, GgufKeys& keys) {
    const std::string architecture = c.contains("index_topk") ? "deepseek32" : "deepseek2";
    const auto full = [&](const char* key) { return architecture + "." + key; };
    const auto u32 = [&](const char* key, const nlohmann::json& value) { keys[full(key)] = gguf_u32(value.get<std::uint32_t>()); };
    const auto f32 = [&](const char* key, double value) { keys[full(key)] = gguf_f32(static_cast<float>(value)); };
    const auto at = [&](const char* key) { return c.at(key).get<std::uint32_t>(); };
    keys["general.architecture"] = gguf_text(architecture);
    u32("vocab_size", c["vocab_size"]);
    u32("embedding_length", c["hidden_size"]);
    u32("block_count", c["num_hidden_layers"]);
    u32("context_length", c["max_position_embeddings"]);
    u32("feed_forward_length", c["intermediate_size"]);
    f32("attention.layer_norm_rms_epsilon", c["rms_norm_eps"]);
    u32("attention.head_count", c["num_attention_heads"]);
    u32("attention.head_count_kv", form.new_lengths ? nlohmann::json(1) : c["num_key_value_heads"]);
    if (c["q_lora_rank"].is_number()) u32("attention.q_lora_rank", c["q_lora_rank"]);
    u32("attention.kv_lora_rank", c["kv_lora_rank"]);
    const auto rope = at("qk_rope_head_dim"), head = at("qk_nope_head_dim") + rope;
    u32(form.new_lengths ? "attention.key_length_mla" : "attention.key_length", head);
    u32(form.new_lengths ? "attention.value_length_mla" : "attention.value_length", c["v_head_dim"]);
    if (form.new_lengths) u32("attention.key_length", at("kv_lora_rank") + rope);
    if (form.new_lengths) u32("attention.value_length", c["kv_lora_rank"]);
    u32("rope.dimension_count", rope);
    f32("rope.freq_base", c["rope_theta"]);
    if (const auto& yarn = c["rope_scaling"]; yarn.is_object()) {
        keys[full("rope.scaling.type")] = gguf_text("yarn");
        f32("rope.scaling.factor", yarn["factor"]);
        u32("rope.scaling.original_context_length", yarn["original_max_position_embeddings"]);
        if (yarn.contains("mscale_all_dim")) f32("rope.scaling.yarn_log_multiplier", 0.1 * yarn["mscale_all_dim"].get<double>());
    }
    u32("expert_count", c["n_routed_experts"]);
    u32("expert_used_count", c["num_experts_per_tok"]);
    u32("expert_feed_forward_length", c["moe_intermediate_size"]);
    u32("expert_shared_count", c["n_shared_experts"]);
    u32("leading_dense_block_count", c["first_k_dense_replace"]);
    if (c["moe_layer_freq"] != 1) u32("moe_every_n_layers", c["moe_layer_freq"]);
    const bool sigmoid = c["scoring_func"] == "sigmoid";
    u32("expert_gating_func", sigmoid ? 2 : 1);
    f32("expert_weights_scale", c["routed_scaling_factor"]);
    keys[full("expert_weights_norm")] = gguf_boolean(c["norm_topk_prob"].get<bool>());
    if (c.contains("index_topk")) {
        u32("attention.indexer.head_count", c["index_n_heads"]);
        u32("attention.indexer.key_length", c["index_head_dim"]);
        u32("attention.indexer.top_k", c["index_topk"]);
    }
    if (c["topk_method"] == "group_limited_greedy" || (sigmoid && c["n_group"] > 1)) {
        u32("expert_group_count", c["n_group"]);
        u32("expert_group_used_count", c["topk_group"]);
    }
}

// W_uk transposed and W_uv of every head, from rows [nope; v] of `latent` values each.
inline void split_kv_b(const nlohmann::json& c, const GgufForm& form, const std::string& block, const GgufModel::Tensor& kv_b, GgufModel& to) {
    const auto at = [&](const char* key) { return c.at(key).get<std::int64_t>(); };
    const auto H = at("num_attention_heads"), R = at("kv_lora_rank"), nope = at("qk_nope_head_dim"), v = at("v_head_dim");
    const auto size = static_cast<std::size_t>(block_bytes(kv_b.dtype));
    GgufModel::Tensor k_b{block + "attn_k_b.weight", kv_b.dtype, {H, R, nope}, {}}, v_b{block + "attn_v_b.weight", kv_b.dtype, {H, v, R}, {}};
    const auto copy = [&](std::int64_t row, std::int64_t col, std::vector<std::byte>& out) {
        const auto* from = kv_b.bytes.data() + static_cast<std::size_t>(row * R + col) * size;
        out.insert(out.end(), from, from + size);
    };
    for (std::int64_t h = 0; h < H; ++h) {
        const auto first = h * (nope + v);
        for (std::int64_t r = 0; r < R; ++r) {
            for (std::int64_t i = 0; i < nope; ++i) copy(first + i, r, k_b.bytes);
        }
        for (std::int64_t j = 0; j < v; ++j) {
            for (std::int64_t r = 0; r < R; ++r) copy(first + nope + j, r, v_b.bytes);
        }
    }
    if (form.flat_kv_b) k_b.shape = {H * R, nope}, v_b.shape = {H * v, R};
    to.tensors.push_back(std::move(k_b));
    to.tensors.push_back(std::move(v_b));
}

}  // namespace gguf_model

/// The GGUF model of a checkpoint folder, with its tokenizer where there is one. Norms become f32, as converters store them.
inline GgufModel gguf_of(const std::filesystem::path& folder, const GgufForm& form = {}) {
    using Tensor = GgufModel::Tensor;
    GgufModel model;
    const auto c = nlohmann::json::parse(gguf_model::contents(folder / "config.json"));
    gguf_model::put_keys(c, form, model.keys);
    if (std::filesystem::exists(folder / "tokenizer.json")) {
        put_gguf_tokenizer(nlohmann::json::parse(gguf_model::contents(folder / "tokenizer.json")), "deepseek-v3", model.keys);
        model.keys["tokenizer.ggml.add_bos_token"] = gguf_boolean(true);
    }
    model.keys["tokenizer.ggml.bos_token_id"] = gguf_u32(c["bos_token_id"]);
    model.keys["tokenizer.ggml.eos_token_id"] = gguf_u32(c["eos_token_id"]);

    weights::Problems problems;
    const auto store = weights::WeightStore::open(*Source::path(folder).file_set(), problems);
    problems.throw_if_any();
    const auto take = [&](const std::string& published, const std::string& name) {
        const auto& info = store.tensors().at(published);
        Tensor tensor{name, info.dtype, info.shape, std::vector<std::byte>(info.bytes)};
        info.file->read(info.offset, tensor.bytes);
        if (tensor.shape.size() > 1) return tensor;
        tensor.bytes = GgufModel::as_bytes(GgufModel::floats(tensor));
        tensor.dtype = DType::f32;
        return tensor;
    };
    const auto stack = [&](const std::string& name, std::vector<std::string> published) {
        Tensor all;
        for (const auto& one : published) {
            auto tensor = take(one, name);
            if (!all.name.empty()) tensor.bytes.insert(tensor.bytes.begin(), all.bytes.begin(), all.bytes.end());
            all = std::move(tensor);
        }
        return all;
    };
    const auto put_whole = [&](const std::string& published, const std::string& name) {
        if (store.tensors().contains(published)) model.tensors.push_back(take(published, name));
    };
    const auto put = [&](const std::string& published, const std::string& name) { put_whole(published + ".weight", name + ".weight"); };
    put("model.embed_tokens", "token_embd");
    put("model.norm", "output_norm");
    if (!c["tie_word_embeddings"].get<bool>()) put("lm_head", "output");
    const auto E = c["n_routed_experts"].get<std::int64_t>(), m = c["moe_intermediate_size"].get<std::int64_t>();
    const auto D = c["hidden_size"].get<std::int64_t>();
    const auto more = form.prediction ? c.value("num_nextn_predict_layers", 0) : 0;
    const auto layers = c["num_hidden_layers"].get<std::int64_t>() + more;
    if (more > 0) {
        const std::string architecture = c.contains("index_topk") ? "deepseek32" : "deepseek2";
        model.keys[architecture + ".block_count"] = gguf_u32(static_cast<std::uint32_t>(layers));
        model.keys[architecture + ".nextn_predict_layers"] = gguf_u32(static_cast<std::uint32_t>(more));
    }
    for (std::int64_t layer = 0; layer < layers; ++layer) {
        const std::string from = "model.layers." + std::to_string(layer) + ".", block = "blk." + std::to_string(layer) + ".";
#define RQ_GGUF_MODEL(gguf, published)
#define RQ_GGUF_LAYER(gguf, published) put(from + published, block + gguf);
#define RQ_GGUF_BIAS(gguf, published) put_whole(from + published, block + gguf);
#define RQ_GGUF_EXPERTS(gguf, published)
#include "families/latent_moe/gguf_names.inc"
#undef RQ_GGUF_MODEL
#undef RQ_GGUF_LAYER
#undef RQ_GGUF_BIAS
#undef RQ_GGUF_EXPERTS
        if (form.split_kv_b) {
            gguf_model::split_kv_b(c, form, block, model.tensor(block + "attn_kv_b.weight"), model);
            model.remove(block + "attn_kv_b.weight");
        }
        if (!store.tensors().contains(from + "mlp.gate.weight")) continue;
        const auto experts = [&](const std::vector<std::string>& matrices) {
            std::vector<std::string> names;
            for (std::int64_t e = 0; e < E; ++e) {
                for (const auto& matrix : matrices) names.push_back(from + "mlp.experts." + std::to_string(e) + "." + matrix + "_proj.weight");
            }
            return names;
        };
        if (form.fused_experts) {
            model.tensors.push_back(stack(block + "ffn_gate_up_exps.weight", experts({"gate", "up"})));
            model.tensors.back().shape = {E, 2 * m, D};
        } else {
            for (const char* matrix : {"gate", "up"}) {
                model.tensors.push_back(stack(block + "ffn_" + matrix + "_exps.weight", experts({matrix})));
                model.tensors.back().shape = {E, m, D};
            }
        }
        model.tensors.push_back(stack(block + "ffn_down_exps.weight", experts({"down"})));
        model.tensors.back().shape = {E, D, m};
    }
    return model;
}

}  // namespace rorqual::test
