// DeepSeek-V4 Flash and Pro as published: what their configs come to, without a weight.
#include <catch2/catch.hpp>

#include <set>

#include <nlohmann/json.hpp>

#include "families/network.hpp"

using namespace rorqual;
using nlohmann::json;

namespace {

constexpr std::int64_t million = 1 << 20;

// `first`: the first two ratios; then 4 and 128 in turn, 4, and 0 of the block that drafts.
json published(std::int64_t layers, int first) {
    json config = json::parse(R"({
        "model_type": "deepseek_v4", "vocab_size": 129280, "num_key_value_heads": 1, "head_dim": 512, "qk_rope_head_dim": 64, "o_lora_rank": 1024,
        "sliding_window": 128, "index_n_heads": 64, "index_head_dim": 128, "n_shared_experts": 1, "num_experts_per_tok": 6,
        "scoring_func": "sqrtsoftplus", "topk_method": "noaux_tc", "norm_topk_prob": true, "num_hash_layers": 3, "swiglu_limit": 10.0, "hc_mult": 4,
        "hc_sinkhorn_iters": 20, "hc_eps": 1e-6, "rms_norm_eps": 1e-6, "rope_theta": 10000, "compress_rope_theta": 160000,
        "max_position_embeddings": 1048576, "num_nextn_predict_layers": 1, "expert_dtype": "fp4", "tie_word_embeddings": false,
        "rope_scaling": {"type": "yarn", "factor": 16, "original_max_position_embeddings": 65536, "beta_fast": 32, "beta_slow": 1},
        "quantization_config": {"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic", "scale_fmt": "ue8m0", "weight_block_size": [128, 128]}})");
    config["num_hidden_layers"] = layers;
    json ratios = {first, first};
    for (std::int64_t layer = 2; layer < layers; ++layer) ratios.push_back(layer % 2 == 0 ? 4 : 128);
    ratios.push_back(0);
    config["compress_ratios"] = ratios;
    return config;
}

json flash() {
    auto config = published(43, 0);
    config.update({{"hidden_size", 4096}, {"num_attention_heads", 64}, {"q_lora_rank", 1024}, {"o_groups", 8}, {"index_topk", 512}, {"n_routed_experts", 256}, {"moe_intermediate_size", 2048}, {"routed_scaling_factor", 1.5}});
    return config;
}

json pro() {
    auto config = published(61, 128);
    config.update({{"hidden_size", 7168}, {"num_attention_heads", 128}, {"q_lora_rank", 1536}, {"o_groups", 16}, {"index_topk", 1024}, {"n_routed_experts", 384}, {"moe_intermediate_size", 3072}, {"routed_scaling_factor", 2.5}});
    return config;
}

std::unique_ptr<families::Network> network_of(const json& config) {
    weights::Problems problems;
    auto network = families::make_network(config, "config.json", problems);
    problems.throw_if_any();
    REQUIRE(network);
    return network;
}

}  // namespace

TEST_CASE("the config of DeepSeek-V4 Flash calls for the tensors that are published", "[families][v4]") {
    const auto network = network_of(flash());
    network->choose_parts({{"mtp.0.norm.weight", {}}});
    weights::TensorTable table;
    network->list_tensors(table);
    std::set<std::string> names;
    std::size_t experts = 0, integers = 0;
    for (const auto& spec : table.specs()) {
        if (!names.insert(spec.name).second) continue;
        experts += spec.fp4_pairs;
        integers += spec.integers != nullptr;
    }
    // The published files: BF16 433, F32 417, F8_E4M3 375, I64 3, I8 33,792; besides, a scale for each of the fp8 and fp4 ones.
    CHECK(experts == 33792);
    CHECK(integers == 3);
    CHECK(names.size() == 433 + 417 + 375 + 3 + 33792);
}

TEST_CASE("DeepSeek-V4 remembers a million tokens in the bytes that its layers add up to", "[families][v4][memory]") {
    struct Model {
        json config;
        std::int64_t sparse, heavy, layers;
    };
    struct Format {
        CacheFormat cache;
        double key, index_key;  // bytes of 512 and of 128 values
    };
    const auto format = GENERATE(Format{CacheFormat::bf16, 1024, 256}, Format{CacheFormat::compact, 448 + 8 + 128, 64 + 4});
    for (const auto& m : {Model{flash(), 21, 20, 43}, Model{pro(), 30, 31, 61}}) {
        const auto network = network_of(m.config);
        CAPTURE(m.layers, static_cast<int>(format.cache));
        // Entries for each 4 or 128 tokens and index keys for each 4.
        const double per_token = static_cast<double>(m.sparse) / 4 * (format.key + format.index_key) + static_cast<double>(m.heavy) / 128 * format.key;
        CHECK(network->cache_bytes_per_token(format.cache) == static_cast<std::size_t>(std::ceil(per_token)));
        const double grows = per_token * million;
        const double rolls = static_cast<double>(network->cache_bytes(format.cache, million)) - grows;
        // Per layer a window and a page, and a snapshot of what lies before a page for each binary digit of 8190 pages: keys, and the
        // values of compressors in f32.
        const double window = static_cast<double>(m.layers) * (127 * (1 + 13) + 128) * format.key;
        const double waiting = (static_cast<double>(m.heavy) * 128 * 1024 + static_cast<double>(m.sparse) * (128 + 4 * (1 + 13)) * (2048 + 512)) * 4;
        CHECK(rolls == Approx(window + waiting).epsilon(1e-6));
        CHECK(rolls / grows < 0.05);  // nothing else grows with the text
    }
}
