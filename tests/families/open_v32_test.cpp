// Checkpoint folders of the family deepseek_v32, whole and broken, and in GGUF files.
#include <catch2/catch.hpp>

#include "families/golden_run.hpp"
#include "io/gguf_writer.hpp"
#include "support/checkpoint_copy.hpp"
#include "support/fp8_checkpoint.hpp"
#include "support/gguf_model.hpp"
#include "support/outcome.hpp"
#include "support/temp_folder.hpp"

using namespace rorqual;
using test::CheckpointCopy;
using test::TempFolder;

namespace {

const std::filesystem::path v32 = std::filesystem::path(RQ_SOURCE_DIR) / "tests/data/checkpoints/v32";
const std::string indexer = "model.layers.1.self_attn.indexer.";

test::Outcome opening(const CheckpointCopy& model) {
    const TempFolder folder;
    model.write(folder.path());
    return test::outcome_of([&] { (void)Model::open(Source::path(folder.path())); });
}

std::vector<Token> prompt() { return test::Golden(v32 / "golden.safetensors").tokens("input_ids.3"); }

std::vector<float> logits(const CheckpointCopy& model) {
    const TempFolder folder;
    model.write(folder.path());
    return test::GoldenRun(folder.path()).evaluate(prompt()).logits;
}

}  // namespace

TEST_CASE("an indexer in fp8, with scales in f32 or f8_e8m0, gives the bits of one that holds the values multiplied out", "[families][fp8][indexer]") {
    const bool e8m0 = GENERATE(false, true);
    CheckpointCopy model(v32);
    const auto multiplied = test::to_fp8(model, 128, 128, e8m0);
    REQUIRE(model.tensors.at(indexer + "wq_b.weight").dtype == DType::f8_e4m3);
    REQUIRE(model.tensors.at(indexer + "wk.weight").dtype == DType::f8_e4m3);
    if (e8m0) model.config["quantization_config"]["scale_fmt"] = "ue8m0";
    CHECK(logits(model) == logits(multiplied));
}

TEST_CASE("an indexer's tensors that are missing, misshapen or of no use are refused by name", "[families][hostile][indexer]") {
    const CheckpointCopy whole(v32);
    const auto refused = [&](const auto& change, Status status, const std::string& line) {
        auto model = whole;
        change(model);
        const auto outcome = opening(model);
        CAPTURE(outcome.line);
        CHECK(outcome.status == status);
        CHECK(outcome.says(line));
    };
    CHECK(opening(whole).ok());
    for (const auto& [name, shape] : {std::pair{"wq_b.weight", "[512, 48]"}, {"wk.weight", "[32, 96]"}, {"k_norm.weight", "[32]"}, {"k_norm.bias", "[32]"}, {"weights_proj.weight", "[16, 96]"}}) {
        refused([&, n = name](auto& m) { m.tensors.erase(indexer + n); }, Status::not_found, indexer + name + ": missing, expected shape " + shape);
    }
    refused([&](auto& m) { m.tensors[indexer + "wk.weight"] = CheckpointCopy::of({96, 32}, std::vector<float>(96 * 32)); }, Status::corrupt, indexer + "wk.weight: shape [96, 32], expected [32, 96]");
    refused([&](auto& m) { m.tensors[indexer + "k_norm.bias"] = CheckpointCopy::of({31}, std::vector<float>(31)); }, Status::corrupt, indexer + "k_norm.bias: shape [31], expected [32]");
    refused([&](auto& m) { m.config["index_n_heads"] = 8; }, Status::corrupt, indexer + "wq_b.weight: shape [512, 48], expected [256, 48]");
    refused([&](auto& m) { m.config["index_topk"] = 0; }, Status::corrupt, "index_topk: ");
    const auto scales = indexer + "wq_b.weight_scale_inv";
    refused([&](auto& m) { test::to_fp8(m, 128, 128), m.tensors.erase(scales); }, Status::not_found, "its scales " + scales + " are missing");
    refused([&](auto& m) { test::to_fp8(m, 128, 128), m.tensors[scales] = CheckpointCopy::of({4, 2}, std::vector<float>(8, 1)); }, Status::corrupt, scales + ": shape [4, 2], expected [4, 1]");
    refused([&](auto& m) { test::to_fp8(m, 128, 128, true), m.tensors[scales].bytes[2] = std::byte{0xFF}; }, Status::corrupt, scales + ": row 2, column 0: the scale is not finite");
}

TEST_CASE("an indexer that selects everything gives the logits of the same model without one", "[families][indexer]") {
    CheckpointCopy model(v32);
    const auto sparse = logits(model);
    model.config["index_topk"] = 129;
    const auto everything = logits(model);
    CHECK(everything != sparse);
    auto dense = model;
    dense.config["model_type"] = "deepseek_v3";
    std::erase_if(dense.tensors, [](const auto& entry) { return entry.first.find(".indexer.") != std::string::npos; });
    CHECK(logits(dense) == everything);
}

TEST_CASE("GGUF files of arch deepseek32 name the indexer's keys and tensors as other readers do", "[families][gguf][indexer]") {
    const auto opened = Model::open(Source::path(v32));
    io::GgufHeader header;
    std::map<std::string, std::vector<std::int64_t>> shapes;
    for (const auto& tensor : opened->parts().network->gguf_form(LatentLayout::split, header)) shapes[tensor.name] = tensor.shape;
    CHECK(shapes.at("blk.2.indexer.attn_q_b.weight") == std::vector<std::int64_t>{512, 48});
    CHECK(shapes.at("blk.2.indexer.attn_k.weight") == std::vector<std::int64_t>{32, 96});
    CHECK(shapes.at("blk.2.indexer.k_norm.weight") == std::vector<std::int64_t>{32});
    CHECK(shapes.at("blk.2.indexer.k_norm.bias") == std::vector<std::int64_t>{32});
    CHECK(shapes.at("blk.2.indexer.proj.weight") == std::vector<std::int64_t>{16, 96});
    CHECK(shapes.contains("blk.2.exp_probs_b.bias"));

    auto model = test::gguf_of(v32);
    CHECK(model.keys.contains("deepseek32.attention.indexer.top_k"));
    const TempFolder files;
    model.keys["deepseek32.attention.indexer.top_k"] = test::gguf_u32(0);
    const auto outcome = test::outcome_of([&] { (void)Model::open(Source::path(files.write("model.gguf", model.file()))); });
    CHECK(outcome.status == Status::corrupt);
    CHECK(outcome.says("deepseek32.attention.indexer.top_k: "));
    auto without = test::gguf_of(v32);
    without.remove("blk.1.indexer.k_norm.bias");
    CHECK(test::outcome_of([&] { (void)Model::open(Source::path(files.write("model.gguf", without.file()))); }).says("blk.1.indexer.k_norm.bias: missing"));
}
