// Checkpoint folders of the family deepseek_v4, whole and broken.
#include <catch2/catch.hpp>

#include <cstring>
#include <limits>

#include "families/golden_run.hpp"
#include "quant/float8.hpp"
#include "support/checkpoint_copy.hpp"
#include "support/outcome.hpp"
#include "support/temp_folder.hpp"

using namespace rorqual;
using test::CheckpointCopy;
using test::TempFolder;

namespace {

const std::filesystem::path checkpoint = std::filesystem::path(RQ_SOURCE_DIR) / "tests/data/checkpoints/v4";
const std::vector<Token> tokens = {5, 17, 300, 17, 2, 88, 41, 7, 19};

test::Outcome opening(const CheckpointCopy& model) {
    const TempFolder folder;
    model.write(folder.path());
    return test::outcome_of([&] { (void)Model::open(Source::path(folder.path())); });
}

std::vector<float> logits(const CheckpointCopy& model) {
    const TempFolder folder;
    model.write(folder.path());
    return test::GoldenRun(folder.path()).evaluate(tokens).logits;
}

void rename(CheckpointCopy& model, const std::string& from, const std::string& to) {
    model.tensors[to] = model.tensors.at(from);
    model.tensors.erase(from);
}

// Stores the experts of a layer as pairs of fp4; returns the same checkpoint with those values in f32.
CheckpointCopy to_fp4(CheckpointCopy& model, const std::string& layer) {
    constexpr float magnitudes[] = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6};
    CheckpointCopy decoded = model;
    std::map<std::string, CheckpointCopy::Tensor> scales;
    for (auto& [name, tensor] : model.tensors) {
        if (!name.starts_with(layer) || name.find(".experts.") == std::string::npos) continue;
        auto values = tensor.values();
        const auto rows = tensor.shape[0], cols = tensor.shape[1];
        std::vector<std::byte> codes(values.size() / 2), exponents;
        for (std::size_t i = 0; i < values.size(); ++i) {
            if (i % 32 == 0) exponents.push_back(static_cast<std::byte>(122 + i / 32 % 3));
            const float scale = quant::f8_e8m0_values[static_cast<std::uint8_t>(exponents.back())];
            std::size_t code = 0;
            while (code < 7 && magnitudes[code] * scale < std::abs(values[i])) ++code;
            values[i] = std::copysign(magnitudes[code] * scale, values[i]);
            const auto nibble = static_cast<std::byte>(code | (std::signbit(values[i]) ? 8 : 0));
            codes[i / 2] |= i % 2 == 0 ? nibble : nibble << 4;
        }
        decoded.tensors[name] = CheckpointCopy::of(tensor.shape, values);
        tensor = {DType::i8, {rows, cols / 2}, codes};
        scales[name.substr(0, name.size() - 6) + "scale"] = {DType::f8_e8m0, {rows, cols / 32}, exponents};
    }
    model.tensors.merge(scales);
    return decoded;
}

constexpr const char* expert = "layers.2.ffn.experts.3.w2";

}  // namespace

TEST_CASE("experts in pairs of fp4 give the bits of a checkpoint that holds the values multiplied out", "[families][fp4]") {
    CheckpointCopy model(checkpoint);
    const auto multiplied = to_fp4(model, "layers.2.");
    CHECK(logits(model) == logits(multiplied));
}

TEST_CASE("experts in fp4 whose scales or rows are wrong are refused by the tensor", "[families][fp4][hostile]") {
    CheckpointCopy whole(checkpoint);
    (void)to_fp4(whole, "layers.2.");
    const auto weight = std::string(expert) + ".weight", scale = std::string(expert) + ".scale";
    const auto refused = [&](const std::string& name, auto&& change) {
        auto model = whole;
        change(model);
        const auto outcome = opening(model);
        CAPTURE(outcome.line);
        CHECK(outcome.status != Status::ok);
        CHECK(outcome.says(name.c_str()));
    };
    refused(scale, [&](auto& model) { model.tensors.erase(scale); });
    refused(scale, [&](auto& model) { model.tensors[scale].shape = {1, 64}; });
    refused(scale, [&](auto& model) { model.tensors[scale].dtype = DType::u8; });
    refused(weight, [&](auto& model) { model.tensors[weight].shape = {32, 32}; });
    refused(weight, [&](auto& model) {  // half a row
        model.tensors[weight].shape = {64, 8};
        model.tensors[weight].bytes.resize(64 * 8);
    });
    refused(weight, [&](auto& model) { model.tensors[scale].bytes[5] = std::byte{0xFF}; });  // NaN
    refused(scale, [&](auto& model) { model.tensors[weight] = CheckpointCopy(checkpoint).tensors.at(weight); });
    refused("layers.2.attn.wkv.weight", [&](auto& model) { model.tensors["layers.2.attn.wkv.weight"].dtype = DType::i16; });
}

TEST_CASE("a table of experts that names one that is not there is refused by its row", "[families][hostile]") {
    const std::string name = "layers.1.ffn.gate.tid2eid";
    for (const std::int64_t id : {std::int64_t{8}, std::int64_t{-1}, INT64_MAX, INT64_MIN}) {
        CheckpointCopy model(checkpoint);
        std::memcpy(model.tensors.at(name).bytes.data() + (7 * 2 + 1) * sizeof id, &id, sizeof id);
        const auto outcome = opening(model);
        CAPTURE(outcome.line);
        CHECK(outcome.status == Status::corrupt);
        CHECK(outcome.says("layers.1.ffn.gate.tid2eid: row 7, column 1"));
    }
    CheckpointCopy model(checkpoint);
    model.tensors.at(name).dtype = DType::f64;
    CHECK(opening(model).says("layers.1.ffn.gate.tid2eid: stored as"));
}

TEST_CASE("tensors that a DeepSeek-V4 model lacks are named", "[families][hostile]") {
    for (const char* name : {"layers.0.attn.attn_sink", "layers.2.attn.indexer.compressor.ape", "layers.3.attn.compressor.wgate.weight", "layers.4.hc_attn_scale",
                             "hc_head_fn", "layers.5.ffn.gate.bias", "layers.0.ffn.gate.tid2eid", "embed.weight"}) {
        CheckpointCopy model(checkpoint);
        model.tensors.erase(name);
        const auto outcome = opening(model);
        CAPTURE(outcome.line);
        CHECK(outcome.status == Status::not_found);
        CHECK(outcome.says(name));
    }
}

TEST_CASE("a draft block that nobody asked for is left alone", "[families]") {
    CheckpointCopy model(checkpoint);
    const auto plain = logits(model);
    model.config["num_nextn_predict_layers"] = 0;
    model.tensors["mtp.0.norm.weight"] = model.tensors.at("norm.weight");
    CHECK(logits(model) == plain);
}

TEST_CASE("a checkpoint with the names of one that was saved again gives the same bits", "[families]") {
    CheckpointCopy model(checkpoint);
    const auto plain = logits(model);
    rename(model, "embed.weight", "model.embed_tokens.weight");
    rename(model, "head.weight", "lm_head.weight");
    rename(model, "norm.weight", "model.norm.weight");
    rename(model, "hc_head_fn", "model.hc_head.hc_fn");
    const std::vector<std::pair<const char*, const char*>> within = {
        {"attn_norm.weight", "input_layernorm.weight"}, {"ffn_norm.weight", "post_attention_layernorm.weight"}, {"hc_attn_fn", "attn_hc.fn"}, {"hc_ffn_scale", "ffn_hc.scale"}, {"attn.attn_sink", "self_attn.sinks"}, {"attn.wq_a.weight", "self_attn.q_a_proj.weight"}, {"attn.q_norm.weight", "self_attn.q_a_norm.weight"}, {"attn.wkv.weight", "self_attn.kv_proj.weight"}, {"attn.wo_a.weight", "self_attn.o_a_proj.weight"}, {"attn.compressor.ape", "self_attn.compressor.position_bias"}, {"attn.indexer.wq_b.weight", "self_attn.compressor.indexer.q_b_proj.weight"}, {"attn.indexer.weights_proj.weight", "self_attn.compressor.indexer.scorer.weights_proj.weight"}, {"attn.indexer.compressor.norm.weight", "self_attn.compressor.indexer.kv_norm.weight"}, {"ffn.gate.weight", "mlp.gate.weight"}, {"ffn.gate.bias", "mlp.gate.e_score_correction_bias"}, {"ffn.experts.3.w1.weight", "mlp.experts.3.gate_proj.weight"}, {"ffn.experts.3.w2.weight", "mlp.experts.3.down_proj.weight"}, {"ffn.shared_experts.w3.weight", "mlp.shared_experts.up_proj.weight"}};
    for (const auto& [from, to] : within) rename(model, std::string("layers.2.") + from, std::string("model.layers.2.") + to);
    rename(model, "layers.0.ffn.gate.tid2eid", "model.layers.0.mlp.gate.tid2eid");
    CHECK(logits(model) == plain);
}

TEST_CASE("f32 parameters that are not finite neither crash nor reach tokens before them", "[families][hostile]") {
    const CheckpointCopy whole(checkpoint);
    for (const float odd : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity(), std::numeric_limits<float>::infinity()}) {
        for (const auto& [name, tensor] : whole.tensors) {
            if (tensor.dtype != DType::f32 || name.starts_with("layers.5") || name.starts_with("layers.1")) continue;
            CAPTURE(name, odd);
            auto model = whole;
            for (std::size_t i = 0; i < tensor.bytes.size(); i += 4 * sizeof odd) std::memcpy(model.tensors.at(name).bytes.data() + i, &odd, sizeof odd);
            CHECK(logits(model).size() == tokens.size() * 320);
        }
    }
}
