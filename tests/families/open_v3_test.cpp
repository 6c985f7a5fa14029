// Checkpoint folders of the family deepseek_v3, whole and broken.
#include <catch2/catch.hpp>

#include "families/golden_run.hpp"
#include "support/checkpoint_copy.hpp"
#include "support/fp8_checkpoint.hpp"
#include "support/outcome.hpp"
#include "support/temp_folder.hpp"

using namespace rorqual;
using test::CheckpointCopy;
using test::TempFolder;

namespace {

const std::filesystem::path checkpoints = std::filesystem::path(RQ_SOURCE_DIR) / "tests/data/checkpoints";

test::Outcome opening(const CheckpointCopy& model) {
    const TempFolder folder;
    model.write(folder.path());
    return test::outcome_of([&] { (void)Model::open(Source::path(folder.path())); });
}

std::vector<float> logits(const CheckpointCopy& model, std::span<const Token> tokens) {
    const TempFolder folder;
    model.write(folder.path());
    return test::GoldenRun(folder.path()).evaluate(tokens).logits;
}

}  // namespace

TEST_CASE("a checkpoint in fp8 gives the bits of one that holds the values multiplied out, whatever the blocks", "[families][fp8]") {
    struct Blocks {
        std::int64_t rows, cols;
        bool e8m0;
    };
    const std::vector<Token> tokens = {5, 17, 300, 17, 2, 88, 41};
    for (const auto& [rows, cols, e8m0] : {Blocks{128, 128, false}, {128, 128, true}, {32, 32, false}, {7, 5, true}, {1, 128, false}, {1000, 1000, false}}) {
        for (const char* name : {"v3", "v2-f16"}) {
            CAPTURE(name, rows, cols, e8m0);
            CheckpointCopy model(checkpoints / name);
            const auto multiplied = test::to_fp8(model, rows, cols, e8m0);
            CHECK(logits(model, tokens) == logits(multiplied, tokens));
        }
    }
}

TEST_CASE("scales are looked for at each tensor: a matrix without them may stay in f32, an embedding may have them", "[families][fp8]") {
    CheckpointCopy model(checkpoints / "v3");
    auto multiplied = test::to_fp8(model, 128, 128);
    for (const char* name : {"model.layers.1.self_attn.o_proj.weight", "model.layers.2.mlp.experts.3.up_proj.weight"}) {
        model.tensors[name] = multiplied.tensors[name];
        model.tensors.erase(std::string(name) + "_scale_inv");
    }
    auto& embedding = model.tensors["model.embed_tokens.weight"];
    auto values = embedding.values();
    embedding.dtype = DType::f8_e4m3;
    embedding.bytes.clear();
    for (float& value : values) {
        embedding.bytes.push_back(test::nearest_e4m3(value));
        value = quant::f8_e4m3_values[static_cast<std::uint8_t>(embedding.bytes.back())];
    }
    model.tensors["model.embed_tokens.weight_scale_inv"] = CheckpointCopy::of({3, 1}, {1, 1, 1});
    multiplied.tensors["model.embed_tokens.weight"] = CheckpointCopy::of(embedding.shape, values);
    const std::vector<Token> tokens = {5, 17, 300, 17};
    CHECK(logits(model, tokens) == logits(multiplied, tokens));
}

TEST_CASE("a checkpoint in fp8 whose scales are missing, misshapen or of no use is refused by the tensor", "[families][fp8][hostile]") {
    const CheckpointCopy whole(checkpoints / "v31-fp8-e8m0");
    const std::string weight = "model.layers.1.mlp.experts.2.up_proj.weight", scales = weight + "_scale_inv";
    const auto refused = [&](const auto& change, Status status, const std::string& line) {
        auto model = whole;
        change(model);
        const auto outcome = opening(model);
        CAPTURE(outcome.line);
        CHECK(outcome.status == status);
        CHECK(outcome.says(line));
    };
    CHECK(opening(whole).ok());
    refused([&](auto& m) { m.tensors.erase(scales); }, Status::not_found, weight + ": stored as f8_e4m3, but its scales " + scales + " are missing");
    refused([&](auto& m) { m.tensors[scales] = CheckpointCopy::of({2, 1}, {1, 1}); }, Status::corrupt, scales + ": shape [2, 1], expected [1, 2]");
    refused([&](auto& m) { m.tensors[scales].bytes[1] = std::byte{0xFF}; }, Status::corrupt, scales + ": row 0, column 1: the scale is not finite");
    refused([&](auto& m) { m.tensors[weight].bytes[161] = std::byte{0x7F}; }, Status::corrupt, weight + ": row 1, column 1 stands for a weight that is not finite");
    refused([&](auto& m) { m.tensors[weight] = CheckpointCopy::of({96, 160}, std::vector<float>(96 * 160)); }, Status::corrupt, scales + ": unexpected, the tensor it would scale");
    refused([&](auto& m) { m.tensors["model.norm.weight"].dtype = DType::f8_e4m3, m.tensors["model.norm.weight"].bytes.resize(160); }, Status::unsupported,
            "model.norm.weight: stored as f8_e4m3, expected f32, f16, bf16");
    refused([&](auto& m) { m.config.erase("quantization_config"); }, Status::unsupported, "(config.json has no quantization_config)");
    refused([&](auto& m) { m.config["quantization_config"]["quant_method"] = "awq"; }, Status::unsupported, "quantization_config: quant_method: is \"awq\", expected one of \"fp8\"");
    refused([&](auto& m) { m.config["quantization_config"]["weight_block_size"] = {64, 64}; }, Status::corrupt, "a scale for each block of 64 x 64");
}

TEST_CASE("a router without its bias, or with one of another kind, is refused by the tensor", "[families][hostile]") {
    const CheckpointCopy whole(checkpoints / "v3");
    const std::string bias = "model.layers.2.mlp.gate.e_score_correction_bias";
    auto model = whole;
    model.tensors.erase(bias);
    CHECK(opening(model).status == Status::not_found);
    CHECK(opening(model).says(bias + ": missing, expected shape [16]"));
    model.tensors[bias] = CheckpointCopy::of({15}, std::vector<float>(15));
    CHECK(opening(model).says(bias + ": shape [15], expected [16]"));
    model.tensors[bias] = {DType::i32, {16}, std::vector<std::byte>(64)};
    CHECK(opening(model).says(bias + ": stored as i32, expected f32, f16, bf16"));
}

TEST_CASE("a layer that predicts further tokens has to be there where the config announces it", "[families][mtp][hostile]") {
    const CheckpointCopy whole(checkpoints / "v3");
    auto absent = whole;
    std::erase_if(absent.tensors, [](const auto& entry) { return entry.first.starts_with("model.layers.4."); });
    const auto outcome = opening(absent);
    CHECK(outcome.status == Status::not_found);
    CHECK(outcome.says("model.layers.4.enorm.weight: missing, expected shape [96], as num_nextn_predict_layers announces"));
    absent.config["num_nextn_predict_layers"] = 0;
    CHECK(opening(absent).ok());

    auto half = whole;
    half.tensors.erase("model.layers.4.eh_proj.weight");
    CHECK(opening(half).says("model.layers.4.eh_proj.weight: missing"));
    auto without_copies = whole;
    for (const char* copy : {"embed_tokens", "shared_head.head"}) without_copies.tensors.erase("model.layers.4." + std::string(copy) + ".weight");
    CHECK(opening(without_copies).ok());
    auto unannounced = whole;
    unannounced.config.erase("num_nextn_predict_layers");
    CHECK(opening(unannounced).says("model.layers.4.eh_proj.weight: unexpected"));
}
