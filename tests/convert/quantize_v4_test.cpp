// DeepSeek-V4 as GGUF files: what is written computes what the checkpoint computes.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cstring>
#include <limits>

#include "convert/written_file.hpp"
#include "families/golden_run.hpp"
#include "rorqual/convert.hpp"
#include "support/checkpoint_copy.hpp"
#include "support/gguf_model.hpp"
#include "support/outcome.hpp"
#include "support/temp_folder.hpp"

using namespace rorqual;
using test::CheckpointCopy;
using test::GgufModel;
using test::GoldenRun;
using test::TempFolder;

namespace {

const std::filesystem::path v4 = std::filesystem::path(RQ_SOURCE_DIR) / "tests/data/checkpoints/v4";

void write_f32(const std::filesystem::path& checkpoint, const std::filesystem::path& to, bool pure = false) {
    QuantizeOptions options;
    options.format = "f32";
    options.pure = pure;
    quantize(Source::path(checkpoint), to, options);
}

// Beyond the window, an index selection and a compressed window of 128.
std::vector<Token> prompt(std::int64_t vocabulary) {
    std::vector<Token> tokens;
    for (Token i = 0; i < 150; ++i) tokens.push_back(static_cast<Token>((i * 37 + i * i) % vocabulary));
    return tokens;
}

std::vector<float> logits(const std::filesystem::path& model) {
    const GoldenRun run(model);
    return run.evaluate(prompt(run.model().geometry().vocab_size)).logits;
}

// A written file, to be changed.
GgufModel model_of(const std::filesystem::path& path) {
    GgufModel model;
    const auto gguf = test::header_of(path);
    for (std::size_t i = 0; i < gguf.metadata.size(); ++i) {
        const auto entry = gguf.metadata[i];
        model.keys[std::string(entry.key)] = [metadata = gguf.metadata, i](io::GgufHeader& header, const std::string&) { header.copy(metadata[i]); };
    }
    for (const auto& tensor : gguf.tensors) {
        std::vector<std::byte> bytes(tensor.bytes);
        tensor.file->read(tensor.offset, bytes);
        model.tensors.push_back({tensor.name, tensor.dtype, tensor.shape, std::move(bytes)});
    }
    return model;
}

GgufModel written(const std::filesystem::path& checkpoint) {
    const TempFolder folder;
    write_f32(checkpoint, folder / "m.gguf");
    return model_of(folder / "m.gguf");
}

std::vector<float> logits(const GgufModel& model) {
    const TempFolder folder;
    return logits(folder.write("m.gguf", model.file()));
}

test::Outcome opening(const GgufModel& model) {
    const TempFolder folder;
    const auto path = folder.write("m.gguf", model.file());
    return test::outcome_of([&] { (void)Model::open(Source::path(path)); });
}

}  // namespace

TEST_CASE("DeepSeek-V4 written as GGUF gives the bits of the checkpoint, its fp4 experts kept as MXFP4 or multiplied out", "[convert][gguf][golden]") {
    const auto checkpoints = test::reference_checkpoints("v4");
    REQUIRE_FALSE(checkpoints.empty());
    for (const auto& checkpoint : checkpoints) {
        const TempFolder folder;
        const auto expected = logits(checkpoint);
        for (const bool pure : {false, true}) {
            CAPTURE(checkpoint.filename().string(), pure);
            write_f32(checkpoint, folder / "m.gguf", pure);
            CHECK(logits(folder / "m.gguf") == expected);
            const auto experts = test::header_of(folder / "m.gguf");
            const auto stack = std::ranges::find(experts.tensors, "blk.1.ffn_up_exps.weight", &io::TensorInfo::name);
            REQUIRE(stack != experts.tensors.end());
            CHECK(stack->dtype == (pure || checkpoint.filename() == "v4" ? DType::f32 : DType::mxfp4));
        }
    }
}

TEST_CASE("a GGUF file of DeepSeek-V4 written again keeps its tables and its MXFP4 experts", "[convert][gguf]") {
    for (const auto& checkpoint : test::reference_checkpoints("v4")) {
        const TempFolder folder;
        write_f32(checkpoint, folder / "once.gguf");
        write_f32(folder / "once.gguf", folder / "twice.gguf");
        CHECK(logits(folder / "twice.gguf") == logits(checkpoint));
        const auto once = model_of(folder / "once.gguf"), twice = model_of(folder / "twice.gguf");
        REQUIRE(once.tensors.size() == twice.tensors.size());
        for (std::size_t i = 0; i < once.tensors.size(); ++i) {
            CAPTURE(once.tensors[i].name);
            CHECK(once.tensors[i].dtype == twice.tensors[i].dtype);
            CHECK(once.tensors[i].bytes == twice.tensors[i].bytes);
        }
    }
}

TEST_CASE("hash tables are written as i32, and what 32 bits cannot hold is refused by its tensor", "[convert][gguf][hostile]") {
    CheckpointCopy checkpoint(v4);
    const TempFolder folder;
    checkpoint.write(folder.path());
    write_f32(folder.path(), folder / "m.gguf");
    const auto gguf = model_of(folder / "m.gguf");
    const auto table = std::ranges::find(gguf.tensors, "blk.1.ffn_gate_tid2eid.weight", &GgufModel::Tensor::name);
    REQUIRE(table != gguf.tensors.end());
    CHECK(table->dtype == DType::i32);
    const std::string name = "layers.1.ffn.gate.tid2eid";
    CHECK(table->shape == checkpoint.tensors.at(name).shape);
    const std::int64_t beyond = std::int64_t{1} << 32;
    std::memcpy(checkpoint.tensors.at(name).bytes.data(), &beyond, sizeof beyond);
    checkpoint.write(folder.path());
    const auto outcome = test::outcome_of([&] { write_f32(folder.path(), folder / "n.gguf"); });
    CHECK(outcome.status == Status::corrupt);
    CHECK(outcome.says(name + ": 4294967296"));
}

TEST_CASE("GGUF files of DeepSeek-V4 under the names and shapes of other writers give the same bits", "[families][gguf]") {
    const auto usual = written(v4);
    const auto expected = logits(usual);
    const auto renamed = [&](const std::string& from, const std::string& to) {
        auto model = usual;
        int count = 0;
        for (auto& tensor : model.tensors) {
            const auto at = tensor.name.find(from);
            if (at == std::string::npos || (at > 0 && tensor.name[at - 1] != '.')) continue;
            tensor.name.replace(at, from.size(), to);
            ++count;
        }
        CAPTURE(from, to);
        CHECK(count > 0);
        CHECK(logits(model) == expected);
    };
    renamed("output_hc_", "hc_head_");
    renamed("attn_kv.", "attn_kv_latent.");
    renamed("attn_kv.", "attn_kv_a_mqa.");
    renamed("attn_compressor_", "attn_compress_");
    renamed("indexer_compressor_", "indexer.compress_");
    renamed("exp_probs_b.bias", "exp_probs_b.weight");

    auto grouped = usual;
    const auto groups = nlohmann::json::parse(test::contents(v4 / "config.json")).at("o_groups").get<std::int64_t>();
    for (auto& tensor : grouped.tensors) {
        if (tensor.name.ends_with("attn_output_a.weight")) tensor.shape = {groups, tensor.shape[0] / groups, tensor.shape[1]};
    }
    CHECK(logits(grouped) == expected);

    auto announced = usual;  // a block that drafts, which is not there
    announced.keys["deepseek4.nextn_predict_layers"] = test::gguf_u32(1);
    CHECK(logits(announced) == expected);
    auto scalar = usual;
    scalar.keys["deepseek4.swiglu_clamp_exp"] = test::gguf_f32(10);
    CHECK(logits(scalar) == expected);
}

TEST_CASE("GGUF files of DeepSeek-V4 that say what it does not compute are refused by the key", "[families][gguf][hostile]") {
    const auto usual = written(v4);
    const auto refused = [&](const std::string& key, const test::GgufValue& value, Status status) {
        auto model = usual;
        model.keys["deepseek4." + key] = value;
        const auto outcome = opening(model);
        CAPTURE(key, outcome.line);
        CHECK(outcome.status == status);
        CHECK(outcome.says("deepseek4." + key));
    };
    const auto f32s = [](std::vector<float> values) {
        return [values = std::move(values)](io::GgufHeader& header, const std::string& key) { header.f32s(key, values); };
    };
    const auto i32s = [](std::vector<std::int32_t> values) {
        return [values = std::move(values)](io::GgufHeader& header, const std::string& key) { header.i32s(key, values); };
    };
    refused("attention.compress_ratios", i32s({0, 4, 128}), Status::corrupt);
    refused("attention.compress_ratios", i32s({0, 0, 4, 128, 4, 64, 0}), Status::unsupported);
    refused("attention.compress_ratios", test::gguf_u32(4), Status::corrupt);
    refused("attention.value_length", test::gguf_u32(32), Status::unsupported);
    refused("attention.sliding_window", test::gguf_u32(0), Status::corrupt);
    refused("attention.indexer.top_k", test::gguf_u32(0), Status::corrupt);
    refused("expert_gating_func", test::gguf_u32(2), Status::unsupported);
    refused("swiglu_clamp_exp", f32s({10, 10, 10, 7, 10, 10}), Status::unsupported);
    refused("swiglu_clamp_exp", f32s({std::numeric_limits<float>::quiet_NaN()}), Status::corrupt);
    refused("swiglu_clamp_shexp", f32s({7}), Status::unsupported);
    refused("hyper_connection.count", test::gguf_u32(0), Status::corrupt);
    refused("rope.scaling.yarn_attn_factor", test::gguf_f32(2), Status::unsupported);

    for (const char* name : {"blk.0.attn_sinks.weight", "blk.2.ffn_up_exps.weight", "output_hc_fn.weight", "blk.1.ffn_gate_tid2eid.weight", "output.weight"}) {
        auto model = usual;
        model.remove(name);
        const auto outcome = opening(model);
        CAPTURE(outcome.line);
        CHECK(outcome.status == Status::not_found);
        CHECK(outcome.says(std::string(name) + ": missing"));
    }
}
