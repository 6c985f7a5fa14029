// Opening GGUF models: from anywhere, with their tokenizers.
#include <catch2/catch.hpp>

#include <fcntl.h>
#include <unistd.h>

#include "families/golden_run.hpp"
#include "rorqual/session.hpp"
#include "support/gguf_model.hpp"
#include "support/memory.hpp"
#include "support/outcome.hpp"
#include "support/temp_folder.hpp"

using namespace rorqual;
using test::GgufModel;
using test::TempFolder;

namespace {

const std::filesystem::path checkpoints = std::filesystem::path(RQ_SOURCE_DIR) / "tests/data/checkpoints";
const std::filesystem::path tale = std::filesystem::path(RQ_SOURCE_DIR) / "examples/models/tale";

Source::ReadAt reading(const std::vector<std::byte>& file) {
    return [&file](std::uint64_t offset, std::span<std::byte> out) {
        std::copy_n(file.data() + offset, out.size(), out.data());
        return true;
    };
}

}  // namespace

TEST_CASE("a GGUF model opens from a path, its folder, a descriptor, memory and a callback, under any name", "[families][gguf][open]") {
    const auto file = test::gguf_of(checkpoints / "v2-f16").file();
    const TempFolder folder;
    folder.write("model.gguf", file);
    folder.write("another name", file);
    const auto expected = Model::open(Source::path(folder / "model.gguf"));
    const auto same = [&](const Source& source) {
        const auto model = Model::open(source);
        CHECK(model->identity() == expected->identity());
        CHECK(model->geometry().parameters == Model::open(Source::path(checkpoints / "v2-f16"))->geometry().parameters);
        CHECK(Model::plan(source).weights == expected->plan().weights);
    };
    same(Source::path(folder.path()));
    same(Source::path(folder / "another name"));
    same(Source::files().add_memory("bytes", file));
    same(Source::files().add_callback("called", file.size(), reading(file)));
    const int descriptor = ::open((folder / "model.gguf").c_str(), O_RDONLY);
    same(Source::files().add_descriptor("opened", descriptor));
    ::close(descriptor);
    folder.write("config.json", "{}");  // some publishers put it beside
    same(Source::path(folder.path()));
}

TEST_CASE("a folder with several GGUF models asks for the path of one", "[families][gguf][open][hostile]") {
    const auto file = test::gguf_of(checkpoints / "v2-f16").file();
    const TempFolder folder;
    folder.write("a.gguf", file);
    folder.write("b.gguf", file);
    const auto outcome = test::outcome_of([&] { (void)Model::open(Source::path(folder.path())); });
    CHECK(outcome.status == Status::invalid_argument);
    CHECK(outcome.says("holds several GGUF models (a.gguf, b.gguf), expected one, or the path of one"));
    CHECK(Model::open(Source::path(folder / "b.gguf"))->geometry().layers == 3);
}

TEST_CASE("a published checkpoint with a GGUF file beside it stays one", "[families][gguf][open]") {
    const TempFolder folder;
    for (const char* name : {"config.json", "model.safetensors"}) {
        folder.write(name, test::gguf_model::contents(checkpoints / "v2-f16" / name));
    }
    folder.write("model.gguf", "not even one");
    CHECK(Model::open(Source::path(folder.path()))->identity() == Model::open(Source::path(checkpoints / "v2-f16"))->identity());
}

TEST_CASE("an open GGUF model tells its geometry, its config in the published words, its tensors by their own names and its plan",
          "[families][gguf][open]") {
    const auto file = test::gguf_of(checkpoints / "v2-group-limited").file();
    const auto source = Source::files().add_memory("model", file);
    const auto model = Model::open(source);
    const auto& g = model->geometry();
    const auto expected = Model::open(Source::path(checkpoints / "v2-group-limited"))->geometry();
    CHECK(g.model_type == expected.model_type);
    CHECK(g.vocab_size == expected.vocab_size);
    CHECK(g.dense_layers == expected.dense_layers);
    CHECK(g.context == expected.context);
    CHECK(g.parameters == expected.parameters);
    CHECK(g.active_parameters == expected.active_parameters);
    const auto config = nlohmann::json::parse(model->config());
    CHECK(config.at("hidden_size") == 80);
    CHECK(config.at("topk_method") == "group_limited_greedy");
    CHECK(config.at("rms_norm_eps") == 1e-6);

    std::uint64_t bytes = 0;
    std::map<std::string, std::vector<std::int64_t>> shapes;
    for (const auto& tensor : model->tensors()) {
        shapes[tensor.name] = tensor.shape;
        bytes += tensor.bytes;
    }
    CHECK(shapes.at("blk.1.ffn_down_exps.weight") == std::vector<std::int64_t>{12, 80, 20});
    CHECK(model->plan().weights == bytes);
    CHECK(Model::plan(source).weights == bytes);
    CHECK(Model::plan(source).weights_mapped == model->plan().weights_mapped);
}

TEST_CASE("key and value projections stored apart are joined in memory that the plan counts and the hook gives", "[families][gguf][open][memory]") {
    const auto folder = checkpoints / "v2-f16";
    const auto joined = test::gguf_of(folder).file(), apart = test::gguf_of(folder, {.split_kv_b = true, .new_lengths = true}).file();
    const auto plan = [](const auto& file) { return Model::plan(Source::files().add_memory("model", file)); };
    const std::uint64_t values = 3 * 2 * (16 + 16) * 32;  // layers, heads, nope + v, latent
    CHECK(plan(apart).weights == plan(joined).weights + values * (4 - 2));
    CHECK(plan(apart).weights_mapped == plan(joined).weights_mapped - values * 2);
    test::CountingMemory memory;
    {
        const auto model = Model::open(Source::files().add_memory("model", apart), {.memory = &memory});
        CHECK(memory.bytes() == values * 4);
    }
    CHECK(memory.bytes() == 0);
}

TEST_CASE("a file that has the projections joined and apart is read as joined", "[families][gguf][open]") {
    auto model = test::gguf_of(checkpoints / "v2-f16");
    for (auto& tensor : test::gguf_of(checkpoints / "v2-f16", {.split_kv_b = true}).tensors) {
        if (tensor.name.find("attn_k_b") != std::string::npos || tensor.name.find("attn_v_b") != std::string::npos) model.tensors.push_back(tensor);
    }
    const auto file = model.file(), without = test::gguf_of(checkpoints / "v2-f16").file();
    CHECK(Model::plan(Source::files().add_memory("model", file)).weights == Model::plan(Source::files().add_memory("model", without)).weights);
}

TEST_CASE("a GGUF model brings its tokenizer, its first token and where to stop", "[families][gguf][open]") {
    const TempFolder folder;
    auto gguf = test::gguf_of(tale);
    folder.write("tale.gguf", gguf.file());
    const auto model = Model::open(Source::path(folder / "tale.gguf")), published = Model::open(Source::path(tale));
    CHECK(model->bos() == published->bos());
    CHECK(model->generation_defaults().stop_tokens == published->generation_defaults().stop_tokens);
    CHECK(model->generation_defaults().sampling.temperature == 0);  // a GGUF file recommends none
    for (const std::string text : {"Once upon a time there was a king, and 1234567 whales.\n\n", "<｜end▁of▁sentence｜> naïve 鲸鱼 🐋  "}) {
        CAPTURE(text);
        for (const auto added : {AddedTokens::ignore, AddedTokens::recognise}) {
            CHECK(model->encode_prompt(text, added) == published->encode_prompt(text, added));
        }
        CHECK(model->tokenizer().decode(model->tokenizer().encode(text)) == text);
    }
    auto a = model->session({.context = 64}), b = published->session({.context = 64});
    a.sync(model->encode_prompt("Once upon a time"));
    b.sync(published->encode_prompt("Once upon a time"));
    auto left = a.generate({.limit = 30}), right = b.generate({.sampling = SamplingOptions{}, .limit = 30});
    std::string told, expected;
    while (const auto piece = left.next()) told += piece->text;
    while (const auto piece = right.next()) expected += piece->text;
    CHECK(told == expected);
    CHECK_FALSE(told.empty());

    gguf.keys["tokenizer.ggml.add_bos_token"] = test::gguf_boolean(false);
    gguf.keys["tokenizer.ggml.eot_token_id"] = test::gguf_u32(7);
    gguf.keys["tokenizer.ggml.eom_token_id"] = test::gguf_u32(1);
    folder.write("tale.gguf", gguf.file());
    const auto changed = Model::open(Source::path(folder.path()));
    CHECK(changed->encode_prompt("Once") == changed->tokenizer().encode("Once"));
    CHECK(changed->generation_defaults().stop_tokens == std::vector<Token>{1, 7});
    CHECK(changed->identity() != model->identity());
}

TEST_CASE("the tokenizer of a GGUF model opens without the model, from the first part of a split alone", "[families][gguf][open]") {
    const auto model = test::gguf_of(tale);
    const TempFolder folder;
    folder.write(GgufModel::part_name(0, 3), model.parts(3)[0]);
    const std::string text = "Once upon a time";
    const auto expected = Tokenizer::open(Source::path(tale)).encode(text);
    CHECK(Tokenizer::open(Source::path(folder.path())).encode(text) == expected);
    CHECK(Tokenizer::open(Source::path(folder / GgufModel::part_name(0, 3))).encode(text) == expected);
    const auto file = model.file();
    CHECK(Tokenizer::open(Source::files().add_memory("any", file)).encode(text) == expected);
}

TEST_CASE("a GGUF model without a tokenizer opens and answers text calls with an error", "[families][gguf][open]") {
    auto gguf = test::gguf_of(checkpoints / "v2-f16");
    const bool said = GENERATE(false, true);
    if (said) gguf.keys["tokenizer.ggml.model"] = test::gguf_text("none");
    const auto file = gguf.file();
    const auto model = Model::open(Source::files().add_memory("model", file));
    CHECK_FALSE(model->has_tokenizer());
    CHECK(test::outcome_of([&] { (void)model->encode_prompt("x"); }).status == Status::wrong_state);
}

TEST_CASE("of identity, what a GGUF file says about the model and its tokens plays a part, its other keys and its name do not",
          "[families][gguf][open]") {
    const auto identity = [](const GgufModel& model, const char* name = "model") {
        const auto file = model.file();
        return Model::open(Source::files().add_memory(name, file))->identity();
    };
    const auto original = test::gguf_of(checkpoints / "v2-f16");
    auto scaled = original, named = original, stopped = original;
    scaled.keys["deepseek2.expert_weights_scale"] = test::gguf_f32(2);
    named.keys["general.name"] = test::gguf_text("Somebody's V2");
    CHECK(identity(original, "other") == identity(original));
    CHECK(identity(named) == identity(original));
    CHECK(identity(scaled) != identity(original));
    auto told = test::gguf_of(tale), retold = told;
    retold.keys["tokenizer.ggml.pre"] = test::gguf_text("deepseek-llm");
    CHECK(identity(told) != identity(retold));
}
