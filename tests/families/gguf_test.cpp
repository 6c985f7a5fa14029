// GGUF models against the published checkpoints they are made from.
#include <catch2/catch.hpp>

#include <set>

#include "families/golden_run.hpp"
#include "support/gguf_model.hpp"
#include "support/outcome.hpp"
#include "support/quant_formats.hpp"
#include "support/temp_folder.hpp"

using namespace rorqual;
using test::GgufForm;
using test::GgufModel;
using test::Golden;
using test::GoldenRun;
using test::TempFolder;

namespace {

constexpr int prompts = 3;

// A checkpoint as GGUF files can say it: they have no room for an mscale that is not mscale_all_dim.
class Published {
 public:
    explicit Published(const std::filesystem::path& original) {
        for (const auto& entry : std::filesystem::directory_iterator(original)) {
            folder_.write(entry.path().filename().string(), test::gguf_model::contents(entry.path()));
        }
        auto config = nlohmann::json::parse(test::gguf_model::contents(path() / "config.json"));
        if (!config["rope_scaling"].is_object() || !config["rope_scaling"].contains("mscale")) return;
        config["rope_scaling"]["mscale"] = config["rope_scaling"]["mscale_all_dim"];
        folder_.write("config.json", config.dump());
    }
    [[nodiscard]] std::filesystem::path path() const { return folder_.path(); }
    [[nodiscard]] std::vector<Token> tokens(int n) const {
        return Golden(path() / "golden.safetensors").tokens("input_ids." + std::to_string(n));
    }

 private:
    TempFolder folder_;
};

std::vector<float> logits(const std::filesystem::path& model, const std::vector<Token>& tokens, AttentionForm form = AttentionForm::absorbed) {
    return GoldenRun(model, {.attention = form}).evaluate(tokens).logits;
}

// Reference checkpoints whose tensors a GGUF file can hold as they are.
std::vector<std::filesystem::path> in_plain_numbers() {
    auto all = test::reference_checkpoints();
    std::erase_if(all, [](const auto& folder) {
        const auto name = folder.filename().string();
        return name.find("fp8") != std::string::npos || name.starts_with("v4");
    });
    return all;
}

}  // namespace

TEST_CASE("a GGUF file of any form gives the logits of the checkpoint it was made from, bit for bit", "[families][gguf][golden]") {
    const std::vector<GgufForm> forms = {{},
                                         {.new_lengths = true},
                                         {.split_kv_b = true},
                                         {.split_kv_b = true, .new_lengths = true},
                                         {.split_kv_b = true, .new_lengths = true, .flat_kv_b = true},
                                         {.fused_experts = true},
                                         {.prediction = true}};
    const auto folders = in_plain_numbers();
    REQUIRE(folders.size() >= 3);
    WARN("reference checkpoints made into GGUF files: " << folders.size() << ", forms of each: " << forms.size() << ", prompts: " << prompts);
    for (const auto& folder : folders) {
        const Published published(folder);
        const TempFolder files;
        std::vector<std::vector<float>> expected;
        for (int n = 0; n < prompts; ++n) expected.push_back(logits(published.path(), published.tokens(n)));
        for (std::size_t form = 0; form < forms.size(); ++form) {
            files.write("model.gguf", test::gguf_of(published.path(), forms[form]).file());
            for (int n = 0; n < prompts; ++n) {
                CAPTURE(folder.filename().string(), form, n);
                CHECK(logits(files / "model.gguf", published.tokens(n)) == expected[static_cast<std::size_t>(n)]);
            }
            const auto naive = AttentionForm::naive;
            CHECK(logits(files / "model.gguf", published.tokens(1), naive) == logits(published.path(), published.tokens(1), naive));
        }
    }
}

TEST_CASE("a layer that predicts further tokens is found where a GGUF file counts it among its blocks, and missed by nobody", "[families][gguf][mtp]") {
    for (const auto& folder : test::reference_checkpoints("v3")) {
        if (!Model::open(Source::path(folder), {.headers_only = true})->parts().network->draft_head()) continue;
        const Published published(folder);
        const auto opened = [&](const GgufModel& model) {
            const TempFolder files;
            return Model::open(Source::path(files.write("model.gguf", model.file())));
        };
        const auto whole = test::gguf_of(published.path(), {.prediction = true});
        const auto layers = Model::open(Source::path(folder))->geometry().layers;
        CHECK(opened(whole)->parts().network->draft_head() != nullptr);
        CHECK(opened(whole)->geometry().layers == layers);

        auto unannounced = whole;  // by early files
        unannounced.keys.erase("deepseek2.nextn_predict_layers");
        CHECK(opened(unannounced)->parts().network->draft_head() != nullptr);
        auto without_copies = whole;  // of embedding and head
        const auto block = "blk." + std::to_string(layers) + ".";
        for (const char* copy : {"nextn.embed_tokens.weight", "nextn.shared_head_head.weight"}) without_copies.remove(block + copy);
        CHECK(opened(without_copies)->parts().network->draft_head() != nullptr);
        auto kept_key = test::gguf_of(published.path());  // the key, but neither layer nor count
        kept_key.keys["deepseek2.nextn_predict_layers"] = test::gguf_u32(1);
        CHECK(opened(kept_key)->parts().network->draft_head() == nullptr);
        auto kept_count = kept_key;
        kept_count.keys["deepseek2.block_count"] = whole.keys.at("deepseek2.block_count");
        CHECK(opened(kept_count)->geometry().layers == layers);
        auto half = whole;  // a part of it is no layer
        half.remove(block + "attn_q_b.weight");
        const auto outcome = test::outcome_of([&] { opened(half); });
        CHECK(outcome.status == Status::not_found);
        CHECK(outcome.says(block + "attn_q_b.weight: missing"));
    }
}

TEST_CASE("the parts of a split are the model of the single file, whichever part is named", "[families][gguf]") {
    for (const auto& folder : in_plain_numbers()) {
        const Published published(folder);
        const auto model = test::gguf_of(published.path());
        const TempFolder whole, split;
        whole.write("model.gguf", model.file());
        const auto parts = model.parts(3);
        for (std::size_t i = 0; i < parts.size(); ++i) split.write(GgufModel::part_name(i, parts.size()), parts[i]);
        const auto expected = logits(whole.path(), published.tokens(1));
        const auto identity = Model::open(Source::path(whole.path()))->identity();
        for (const auto& path : {split.path(), split / GgufModel::part_name(0, 3), split / GgufModel::part_name(2, 3)}) {
            CAPTURE(folder.filename().string(), path.filename().string());
            CHECK(logits(path, published.tokens(1)) == expected);
            CHECK(Model::open(Source::path(path))->identity() == identity);
        }
    }
}

TEST_CASE("a GGUF file in blocks of any format gives the logits of the values that the blocks stand for", "[families][gguf][quant]") {
    std::size_t models = 0;
    for (const auto& folder : in_plain_numbers()) {
        const Published published(folder);
        for (const DType dtype : test::written_formats()) {
            const GgufForm form{.split_kv_b = models % 2 == 1, .new_lengths = models % 2 == 1};
            auto model = test::gguf_of(published.path(), form);
            model.encode(dtype);
            const auto blocks = std::ranges::count_if(model.tensors, [&](const auto& tensor) { return tensor.dtype == dtype; });
            if (blocks == 0) continue;  // no row is a whole number of blocks
            ++models;
            const TempFolder files;
            files.write("blocks.gguf", model.file());
            files.write("values.gguf", model.decoded().file());
            CAPTURE(folder.filename().string(), test::upper_name(dtype), blocks);
            const auto tokens = published.tokens(1);
            CHECK(logits(files / "blocks.gguf", tokens) == logits(files / "values.gguf", tokens));
            CHECK(logits(files / "blocks.gguf", tokens, AttentionForm::naive) == logits(files / "values.gguf", tokens, AttentionForm::naive));
        }
    }
    CHECK(models >= 5);
}

TEST_CASE("a GGUF file in a mix of block formats, as people have them, gives the logits of its values", "[families][gguf][quant]") {
    auto model = test::gguf_of(std::filesystem::path(RQ_SOURCE_DIR) / "examples/models/tale", {.split_kv_b = true, .new_lengths = true});
    const auto is = [](const char* part) { return [=](const std::string& name) { return name.find(part) != std::string::npos; }; };
    model.encode(DType::q5_0);  // for rows that are no multiple of 256
    model.encode(DType::q4_k);
    model.encode(DType::q8_0, is("attn_k_b"));
    model.encode(DType::q6_k, is("ffn_down.weight"));
    model.encode(DType::q6_k, is("output.weight"));
    model.encode(DType::f32, is("ffn_gate_inp"));
    std::set<DType> formats;
    for (const auto& tensor : model.tensors) formats.insert(tensor.dtype);
    CHECK(formats == std::set<DType>{DType::f32, DType::q5_0, DType::q8_0, DType::q4_k, DType::q6_k});
    const TempFolder files;
    files.write("blocks.gguf", model.file());
    files.write("values.gguf", model.decoded().file());
    const std::vector<Token> tokens = {0, 300, 17, 2048, 4095, 5, 5, 5, 999};
    CHECK(logits(files / "blocks.gguf", tokens) == logits(files / "values.gguf", tokens));
}
