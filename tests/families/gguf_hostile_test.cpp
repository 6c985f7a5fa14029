// GGUF models that are broken, incomplete or not what they say: an error that names key or tensor, never a crash.
#include <catch2/catch.hpp>

#include <limits>

#include "rorqual/model.hpp"
#include "support/gguf_model.hpp"
#include "support/outcome.hpp"
#include "support/temp_folder.hpp"

using namespace rorqual;
using test::GgufModel;
using test::Outcome;
using test::TempFolder;

namespace {

const std::filesystem::path checkpoints = std::filesystem::path(RQ_SOURCE_DIR) / "tests/data/checkpoints";

Outcome opening(const std::vector<std::byte>& file) {
    return test::outcome_of([&] { (void)Model::open(Source::files().add_memory("m.gguf", file), {.threads = 1}); });
}
Outcome opening(const GgufModel& model) { return opening(model.file()); }

// A small tokenizer, so that its keys are there to be broken, in a model that takes its ids.
GgufModel with_tokenizer(GgufModel model) {
    nlohmann::json tokenizer = {{"model", {{"vocab", nlohmann::json::object()}, {"merges", {"a b"}}}}, {"added_tokens", nlohmann::json::array()}};
    int id = 0;
    for (const char* letters : {"a", "b", "ab"}) tokenizer["model"]["vocab"][letters] = id++;
    test::put_gguf_tokenizer(tokenizer, "deepseek-v3", model.keys);
    return model;
}

GgufModel small() { return test::gguf_of(checkpoints / "v2-f16", {.split_kv_b = true, .new_lengths = true}); }

}  // namespace

TEST_CASE("every prefix of a GGUF model is refused", "[families][gguf][hostile]") {
    const auto whole = small().file();
    REQUIRE(opening(whole).ok());
    const auto header = static_cast<std::size_t>(whole.size()) - [&] {
        std::size_t data = 0;
        for (const auto& tensor : small().tensors) data += tensor.bytes.size();
        return data;
    }();
    for (std::size_t length = 0; length < whole.size(); length += length < header ? 7 : 997) {
        const auto outcome = opening({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)});
        CAPTURE(length, outcome.line);
        // Without its first bytes it is no GGUF file by name or content; with them it is one that ends too early.
        CHECK(outcome.status == Status::corrupt);
        CHECK(outcome.says("m.gguf: "));
    }
}

TEST_CASE("any byte of a GGUF model's header may take another value: it opens or is refused, and never crashes", "[families][gguf][hostile]") {
    const auto model = with_tokenizer(small());
    const auto original = model.file();
    std::size_t data = 0;
    for (const auto& tensor : model.tensors) data += tensor.bytes.size();
    std::size_t refused = 0;
    for (std::size_t i = 0; i < original.size() - data; ++i) {
        auto file = original;
        for (const int change : {0x01, 0xFF}) {
            file[i] = original[i] ^ static_cast<std::byte>(change);
            const auto outcome = opening(file);
            refused += !outcome.ok();
            if (outcome.status == Status::internal) FAIL("byte " << i << ": " << outcome.line);
        }
    }
    CHECK(refused > original.size() - data);
}

TEST_CASE("tensors that are missing, unexpected, or of another shape or type are named as the file names them", "[families][gguf][hostile]") {
    const auto refused = [](const GgufModel& model, Status status, const std::string& line) {
        const auto outcome = opening(model);
        CAPTURE(outcome.line);
        CHECK(outcome.status == status);
        CHECK(outcome.line == line);
    };
    const auto original = small();
    for (const auto& tensor : original.tensors) {
        auto model = original;
        model.remove(tensor.name);
        const auto outcome = opening(model);
        CAPTURE(tensor.name, outcome.line);
        if (tensor.name == "output.weight") {
            CHECK(outcome.ok());  // a model whose head is its embedding
            continue;
        }
        CHECK(outcome.status == Status::not_found);
        CHECK(outcome.says("m.gguf: " + tensor.name + ": missing, expected shape "));
    }
    auto model = original;
    model.tensor("blk.0.attn_q_a.weight").name = "blk.0.attn_q_z.weight";
    refused(model, Status::not_found,
            "m.gguf: blk.0.attn_q_a.weight: missing, expected shape [32, 64]; m.gguf: blk.0.attn_q_z.weight: unexpected, the config calls for no such "
            "tensor");
    model = original;
    model.tensor("blk.1.ffn_up_exps.weight").shape = {32, 4, 64};
    refused(model, Status::corrupt, "m.gguf: blk.1.ffn_up_exps.weight: shape [32, 4, 64], expected [4, 32, 64]");
    model = original;
    model.tensor("blk.1.attn_k_b.weight").shape = {2, 16, 32};
    refused(model, Status::corrupt, "m.gguf: blk.1.attn_k_b.weight: shape [2, 16, 32], expected [2, 32, 16]");
    model = original;
    model.tensor("blk.1.attn_v_b.weight").shape = {64, 16};
    refused(model, Status::corrupt, "m.gguf: blk.1.attn_v_b.weight: shape [64, 16], expected [32, 32]");
    model = original;
    model.tensor("output_norm.weight").dtype = DType::i32;
    refused(model, Status::unsupported, "m.gguf: output_norm.weight: stored as i32, expected f32, f16, bf16");
    model = original;
    model.tensor("token_embd.weight").dtype = DType::i16;
    refused(model, Status::unsupported, "m.gguf: token_embd.weight: stored as i16, expected f32, f16, bf16 or blocks");
    model = original;
    auto& norm = model.tensor("blk.0.attn_norm.weight");
    norm.dtype = DType::q8_0;
    norm.bytes.resize(64 / 32 * 34);
    refused(model, Status::unsupported, "m.gguf: blk.0.attn_norm.weight: stored as q8_0, expected f32, f16, bf16");
}

TEST_CASE("each key of a GGUF model that is missing, of another type or absurd is named", "[families][gguf][hostile]") {
    const auto original = test::gguf_of(checkpoints / "v2-group-limited");
    const std::set<std::string> may_be_missing = {
        "deepseek2.vocab_size", "deepseek2.attention.head_count_kv", "deepseek2.expert_gating_func", "deepseek2.expert_weights_norm",
        "deepseek2.rope.scaling.yarn_log_multiplier", "deepseek2.expert_weights_scale", "tokenizer.ggml.bos_token_id",
        "tokenizer.ggml.eos_token_id"};
    const std::map<std::string, std::string> shows_elsewhere = {
        {"deepseek2.attention.q_lora_rank", "blk.0.attn_q.weight"},  // the model would have other tensors
        {"deepseek2.expert_count", "blk.1.ffn_gate.weight"},         // every layer would be dense
        {"deepseek2.expert_shared_count", "blk.1.ffn_gate_shexp.weight"},
        {"deepseek2.expert_group_count", ""},  // another model, and a possible one
    };
    for (const auto& [key, value] : original.keys) {
        const auto refused = [&, name = key](const test::GgufValue& changed, bool must = true) {
            auto model = original;
            model.keys.erase(name);
            if (changed) model.keys[name] = changed;
            const auto outcome = opening(model);
            CAPTURE(name, outcome.line);
            const auto elsewhere = shows_elsewhere.find(name);
            if (changed == nullptr && elsewhere != shows_elsewhere.end()) {
                CHECK(outcome.says(elsewhere->second));
                return;
            }
            if (must) CHECK_FALSE(outcome.ok());
            if (!outcome.ok()) CHECK(outcome.says("m.gguf: " + name));
        };
        refused(nullptr, !may_be_missing.contains(key));
        refused(test::gguf_texts({"x"}));
        refused(key == "general.architecture" ? test::gguf_u32(1) : test::gguf_text("x"));
        if (key == "general.architecture" || key == "deepseek2.rope.scaling.type") continue;
        refused(test::gguf_u64(std::numeric_limits<std::uint64_t>::max()));
        refused(test::gguf_i32(-1));
        refused(test::gguf_f32(std::numeric_limits<float>::quiet_NaN()));
        refused(test::gguf_f32(std::numeric_limits<float>::infinity()));
    }
}

TEST_CASE("a GGUF model's missing, foreign and repeated parts are named", "[families][gguf][hostile]") {
    const auto model = small();
    const auto parts = model.parts(3);
    const auto refused = [&](const std::vector<const std::vector<std::byte>*>& files, Status status, const std::string& part) {
        const TempFolder folder;
        for (std::size_t i = 0; i < files.size(); ++i) {
            if (files[i] != nullptr) folder.write(GgufModel::part_name(i, 3), *files[i]);
        }
        const auto outcome = test::outcome_of([&] { (void)Model::open(Source::path(folder.path())); });
        CAPTURE(outcome.line);
        CHECK(outcome.status == status);
        CHECK(outcome.says(part));
    };
    refused({&parts[0], nullptr, &parts[2]}, Status::not_found, "model-00002-of-00003.gguf");
    refused({nullptr, &parts[1], &parts[2]}, Status::not_found, "model-00001-of-00003.gguf");
    refused({&parts[0], &parts[2], &parts[1]}, Status::corrupt, "split.no");
    refused({&parts[0], &parts[1], &parts[1]}, Status::corrupt, "split.no");
    const auto others = test::gguf_of(checkpoints / "v2-norm-tied").parts(3);
    refused({&parts[0], &parts[1], &others[2]}, Status::corrupt, "split.tensors.count: found 51 tensors in all parts, expected 50");
    const auto fewer = model.parts(2);
    refused({&parts[0], &parts[1], &fewer[1]}, Status::corrupt, "model-00003-of-00003.gguf: split.");
}

TEST_CASE("the tokenizer's and the ids' keys of a GGUF model are named with all other problems", "[families][gguf][hostile]") {
    auto model = with_tokenizer(small());
    model.keys["tokenizer.ggml.eos_token_id"] = test::gguf_u32(320);  // the first that is none
    model.remove("blk.2.attn_norm.weight");
    const auto outcome = opening(model);
    CHECK(outcome.says("m.gguf: blk.2.attn_norm.weight: missing"));
    CHECK(outcome.says("m.gguf: tokenizer.ggml.tokens: no entry for byte 0"));
    CHECK(outcome.says("m.gguf: tokenizer.ggml.eos_token_id: expected an integer in [0, 319], found 320"));
    model = test::gguf_of(std::filesystem::path(RQ_SOURCE_DIR) / "examples/models/tale");
    model.keys.erase("tokenizer.ggml.bos_token_id");
    CHECK(opening(model).says("m.gguf: tokenizer.ggml.add_bos_token: expected a tokenizer.ggml.bos_token_id"));
}

TEST_CASE("a model that scores experts by sigmoid needs the bias, one a layer, in f32 or shorter", "[families][gguf][hostile]") {
    auto model = small();
    model.keys["deepseek2.expert_gating_func"] = test::gguf_u32(2);
    CHECK(opening(model).status == Status::not_found);
    CHECK(opening(model).says("m.gguf: blk.1.exp_probs_b.bias: missing, expected shape ["));
    model.keys.erase("deepseek2.expert_gating_func");  // then the bias tells
    model.tensors.push_back({"blk.1.exp_probs_b.bias", DType::f32, {3}, std::vector<std::byte>(12)});
    CHECK(opening(model).says("m.gguf: blk.1.exp_probs_b.bias: shape [3], expected ["));
    model.tensors.back() = {"blk.1.exp_probs_b.bias", DType::i32, {3}, std::vector<std::byte>(12)};
    CHECK(opening(model).says("m.gguf: blk.1.exp_probs_b.bias: stored as i32, expected f32, f16, bf16"));
    model.keys["deepseek2.expert_gating_func"] = test::gguf_u32(1);
    CHECK(opening(model).says("m.gguf: blk.1.exp_probs_b.bias: unexpected"));
}
