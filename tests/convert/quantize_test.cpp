// Models in other formats: what is written says what was read, as exactly as the format can.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <thread>

#include <nlohmann/json.hpp>

#include "convert/written_file.hpp"
#include "quant/encode.hpp"
#include "rorqual/convert.hpp"
#include "rorqual/model.hpp"
#include "rorqual/session.hpp"
#include "support/outcome.hpp"
#include "support/temp_folder.hpp"
#include "tolerance.hpp"

using namespace rorqual;
using nlohmann::json;
using test::contents;
using test::header_of;
using test::values_of;

namespace {

const std::filesystem::path tale = std::filesystem::path(RQ_SOURCE_DIR) / "examples/models/tale";
const std::filesystem::path checkpoints = std::filesystem::path(RQ_SOURCE_DIR) / "tests/data/checkpoints";

QuantizeOptions as(const std::string& format, LatentLayout latent = LatentLayout::joined) {
    QuantizeOptions options;
    options.format = format;
    options.latent = latent;
    return options;
}

std::vector<float> logits_of(const std::filesystem::path& path) {
    const auto model = Model::open(Source::path(path));
    auto session = model->session({.context = 64, .mode = Mode::exact});
    std::vector<Token> tokens;
    for (Token token = 0; token < 40; ++token) tokens.push_back(token * 7 % static_cast<Token>(model->geometry().vocab_size));
    session.append(tokens);
    const auto logits = session.logits();
    return {logits.begin(), logits.end()};
}

const io::TensorInfo& find(const io::Gguf& gguf, const std::string& name) {
    const auto found = std::find_if(gguf.tensors.begin(), gguf.tensors.end(), [&](const auto& tensor) { return tensor.name == name; });
    REQUIRE(found != gguf.tensors.end());
    return *found;
}

// The tale in a folder of its own, of which a test may change single files.
struct Tale {
    test::TempFolder folder;
    Tale() {
        for (const auto& entry : std::filesystem::directory_iterator(tale)) {
            if (entry.is_regular_file()) std::filesystem::create_symlink(entry.path(), folder.path() / entry.path().filename());
        }
    }
    template <class Change>
    void change(const char* name, const Change& change) const {
        auto value = json::parse(contents(folder.path() / name));
        change(value);
        std::filesystem::remove(folder.path() / name);
        folder.write(name, value.dump());
    }
};

}  // namespace

TEST_CASE("a model written in the format it is stored in gives the same logits, bit for bit, in both layouts of the latent", "[convert][quantize]") {
    const test::TempFolder folder;
    const auto expected = logits_of(tale);
    for (const char* format : {"bf16", "f32"}) {
        for (const auto latent : {LatentLayout::joined, LatentLayout::split}) {
            CAPTURE(format, static_cast<int>(latent));
            quantize(Source::path(tale), folder / "m.gguf", as(format, latent));
            CHECK(logits_of(folder / "m.gguf") == expected);
        }
    }
}

TEST_CASE("DeepSeek-V3 in f32 and in fp8, and V3.2, give the same logits from a file of their values, bit for bit, and open in blocks", "[convert][quantize][fp8]") {
    const test::TempFolder folder;
    for (const char* name : {"v3", "v31-fp8-e8m0", "v32"}) {
        const auto expected = logits_of(checkpoints / name);
        for (const auto latent : {LatentLayout::joined, LatentLayout::split}) {
            CAPTURE(name, static_cast<int>(latent));
            quantize(Source::path(checkpoints / name), folder / "m.gguf", as("f32", latent));
            CHECK(logits_of(folder / "m.gguf") == expected);
        }
        quantize(Source::path(checkpoints / name), folder / "m.gguf", as("q8_0"));
        const auto model = Model::open(Source::path(folder / "m.gguf"));
        CHECK(model->geometry().model_type == (std::string(name) == "v32" ? "deepseek_v32" : "deepseek_v3"));
        CHECK(model->default_mode() == Mode::fast);
    }
}

TEST_CASE("what weighs an indexer's heads stays in f32 in every mix of blocks, as routers do", "[convert][quantize]") {
    const test::TempFolder folder;
    for (const char* format : {"q8_0", "q4_k_m", "mxfp4"}) {
        quantize(Source::path(checkpoints / "v32"), folder / "m.gguf", as(format));
        const auto gguf = header_of(folder / "m.gguf");
        CAPTURE(format);
        CHECK(find(gguf, "blk.1.indexer.proj.weight").dtype == DType::f32);
        CHECK(find(gguf, "blk.1.indexer.k_norm.bias").dtype == DType::f32);
        CHECK(block_length(find(gguf, "blk.1.indexer.attn_k.weight").dtype) > 1);
    }
}

TEST_CASE("each matrix is what the encoder makes of the published values", "[convert][quantize]") {
    const test::TempFolder folder;
    quantize(Source::path(tale), folder / "whole.gguf", as("f32"));
    const auto whole = header_of(folder / "whole.gguf");
    for (const char* format : {"q8_0", "q4_k_m", "q5_k_s", "q3_k_l", "iq4_xs", "mxfp4"}) {
        quantize(Source::path(tale), folder / "m.gguf", as(format));
        const auto gguf = header_of(folder / "m.gguf");
        REQUIRE(gguf.tensors.size() == whole.tensors.size());
        for (const auto& tensor : gguf.tensors) {
            CAPTURE(format, tensor.name, name(tensor.dtype));
            const auto values = values_of(find(whole, tensor.name));
            std::vector<std::byte> expected(tensor.bytes), stored(tensor.bytes);
            quant::encode(tensor.dtype, values, expected);
            tensor.file->read(tensor.offset, stored);
            CHECK(stored == expected);
        }
    }
}

TEST_CASE("the tokenizer goes along: the same ids, the same marks at begin and end", "[convert][quantize]") {
    const test::TempFolder folder;
    quantize(Source::path(tale), folder / "m.gguf", as("q8_0"));
    const auto published = Model::open(Source::path(tale)), written = Model::open(Source::path(folder / "m.gguf"));
    REQUIRE(written->has_tokenizer());
    CHECK(written->tokenizer().vocab_size() == published->tokenizer().vocab_size());
    CHECK(written->bos() == published->bos());
    CHECK(written->generation_defaults().stop_tokens == published->generation_defaults().stop_tokens);
    for (const char* text : {"", "Once upon a time", "a king  had 1234567 sons\r\n\n", "\u00e9t\u00e9 \U0001F98A <\uff5cend\u2581of\u2581sentence\uff5c>", "...!?\t  x"}) {
        CAPTURE(text);
        CHECK(written->encode_prompt(text) == published->encode_prompt(text));
        CHECK(written->encode_prompt(text, AddedTokens::recognise) == published->encode_prompt(text, AddedTokens::recognise));
    }
}

TEST_CASE("a chat template goes along; ids that nothing defines become unused tokens", "[convert][quantize]") {
    const Tale copy;
    copy.change("tokenizer_config.json", [](json& config) { config["chat_template"] = "{{ messages }}"; });
    quantize(Source::path(copy.folder.path()), copy.folder / "m.gguf", as("q8_0"));
    const auto metadata = header_of(copy.folder / "m.gguf").metadata;
    CHECK(metadata.text("tokenizer.chat_template") == "{{ messages }}");
    const ChatTemplate written = Model::open(Source::path(copy.folder / "m.gguf"))->chat_template();
    CHECK(written.text == "{{ messages }}");
    CHECK(json::parse(written.tokens).at("bos_token") == "<\uff5cbegin\u2581of\u2581sentence\uff5c>");
    CHECK(metadata.texts("tokenizer.ggml.tokens").size() == 4096);
    const auto defined = static_cast<std::size_t>(Model::open(Source::path(tale))->tokenizer().vocab_size());
    const auto kinds = metadata.integers("tokenizer.ggml.token_type", 0, 10);
    REQUIRE(kinds.size() == 4096);
    CHECK(std::count(kinds.begin(), kinds.end(), 5) == static_cast<std::ptrdiff_t>(4096 - defined));
}

TEST_CASE("a checkpoint without a tokenizer becomes a file without one", "[convert][quantize]") {
    const Tale copy;
    for (const char* name : {"tokenizer.json", "tokenizer_config.json"}) std::filesystem::remove(copy.folder / name);
    quantize(Source::path(copy.folder.path()), copy.folder / "m.gguf", as("q4_0"));
    CHECK_FALSE(Model::open(Source::path(copy.folder / "m.gguf"))->has_tokenizer());
}

TEST_CASE("from one GGUF file to another all keys go along, and what is in the wanted format is copied", "[convert][quantize]") {
    const test::TempFolder folder;
    quantize(Source::path(tale), folder / "f16.gguf", as("f16", LatentLayout::split));
    quantize(Source::path(folder / "f16.gguf"), folder / "q8.gguf", as("q8_0"));
    quantize(Source::path(folder / "q8.gguf"), folder / "again.gguf", as("q8_0"));
    CHECK(contents(folder / "q8.gguf") == contents(folder / "again.gguf"));
    const auto before = header_of(folder / "f16.gguf"), after = header_of(folder / "q8.gguf");
    CHECK(after.metadata.size() == before.metadata.size());
    for (std::size_t i = 0; i < before.metadata.size(); ++i) {
        const auto key = before.metadata[i].key;
        CAPTURE(key);
        if (key == "general.file_type") continue;
        const auto copied = after.metadata.entry(key);
        CHECK(std::equal(copied.value.begin(), copied.value.end(), before.metadata[i].value.begin(), before.metadata[i].value.end()));
    }
    CHECK(after.metadata.integer("general.file_type", 0, 100) == 7);
    CHECK(find(after, "blk.2.attn_k_b.weight").shape == find(before, "blk.2.attn_k_b.weight").shape);
}

TEST_CASE("a file of f16 and a checkpoint of bf16 become the same where f16 holds the values", "[convert][quantize]") {
    const test::TempFolder folder;
    quantize(Source::path(tale), folder / "f32.gguf", as("f32"));
    quantize(Source::path(folder / "f32.gguf"), folder / "by_way.gguf", as("q5_k_m"));
    quantize(Source::path(tale), folder / "direct.gguf", as("q5_k_m"));
    const auto by_way = header_of(folder / "by_way.gguf"), direct = header_of(folder / "direct.gguf");
    for (const auto& tensor : direct.tensors) {
        CAPTURE(tensor.name);
        CHECK(find(by_way, tensor.name).dtype == tensor.dtype);
        CHECK(values_of(find(by_way, tensor.name)) == values_of(tensor));
    }
}

TEST_CASE("a quantised model says nearly what the original says, the nearer the more bits it has", "[convert][quantize]") {
    const test::TempFolder folder;
    const auto expected = logits_of(tale);
    double largest = 0;
    for (const float logit : expected) largest = std::max(largest, static_cast<double>(std::fabs(logit)));
    double before = std::numeric_limits<double>::max();
    for (const char* format : {"q4_0", "q5_0", "q8_0"}) {
        quantize(Source::path(tale), folder / "m.gguf", as(format));
        const auto logits = logits_of(folder / "m.gguf");
        double square = 0;
        for (std::size_t i = 0; i < logits.size(); ++i) square += (logits[i] - expected[i]) * (logits[i] - expected[i]);
        const double error = std::sqrt(square / static_cast<double>(logits.size())) / largest;
        CAPTURE(format, error);
        CHECK(error < before);
        before = error;
    }
    CHECK(before < tolerance::q8_0_logits());
}

TEST_CASE("any number of threads writes the same bytes", "[convert][quantize]") {
    const test::TempFolder folder;
    auto options = as("q4_k_m", LatentLayout::split);
    options.threads = 1;
    quantize(Source::path(tale), folder / "one.gguf", options);
    options.threads = 3;
    quantize(Source::path(tale), folder / "three.gguf", options);
    CHECK(contents(folder / "one.gguf") == contents(folder / "three.gguf"));
}

TEST_CASE("a checkpoint behind callbacks is read by the calling thread alone, and gives the same file", "[convert][quantize]") {
    const test::TempFolder folder;
    quantize(Source::path(tale), folder / "mapped.gguf", as("q8_0"));
    auto source = Source::files();
    std::map<std::string, std::string> files;
    const auto caller = std::this_thread::get_id();
    bool only_caller = true;
    for (const char* name : {"config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json", "model.safetensors"}) files[name] = contents(tale / name);
    for (const auto& [name, bytes] : files) {
        source.add_callback(name, bytes.size(), [&, &stored = bytes](std::uint64_t offset, std::span<std::byte> out) {
            only_caller = only_caller && std::this_thread::get_id() == caller;
            std::memcpy(out.data(), stored.data() + offset, out.size());
            return true;
        });
    }
    quantize(source, folder / "callbacks.gguf", as("q8_0"));
    CHECK(only_caller);
    // The name is the folder's, and a set of files has another.
    const auto mapped = header_of(folder / "mapped.gguf"), read = header_of(folder / "callbacks.gguf");
    for (const auto& tensor : mapped.tensors) {
        CAPTURE(tensor.name);
        CHECK(values_of(find(read, tensor.name)) == values_of(tensor));
    }
}

TEST_CASE("a value that is not finite is reported with its tensor, and no file is left", "[convert][quantize][hostile]") {
    const test::TempFolder folder;
    const auto out = folder / "out";
    std::filesystem::create_directory(out);
    SynthesizeOptions tiny;
    tiny.geometry = "v2-tiny";
    tiny.format = "f32";
    synthesize(folder / "m.gguf", tiny);
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 1e30F}) {
        CAPTURE(bad);
        auto bytes = contents(folder / "m.gguf");
        const auto header = header_of(folder / "m.gguf");
        const auto& tensor = find(header, "blk.2.ffn_up_exps.weight");
        std::memcpy(bytes.data() + tensor.offset + 4 * 1000, &bad, sizeof bad);
        folder.write("bad.gguf", bytes);
        const auto outcome = test::outcome_of([&] { quantize(Source::path(folder / "bad.gguf"), out / "q.gguf", as("q8_0")); });
        CHECK(outcome.status == Status::corrupt);
        CHECK(outcome.says("blk.2.ffn_up_exps.weight"));
        CHECK(outcome.says("bad.gguf"));
        CHECK(std::filesystem::is_empty(out));
    }
}

TEST_CASE("what GGUF cannot say of a checkpoint is refused by name, and no file is left", "[convert][quantize][hostile]") {
    const test::TempFolder folder;
    const auto refused = [&](const std::filesystem::path& from, const std::string& says) {
        const auto outcome = test::outcome_of([&] { quantize(Source::path(from), folder / "m.gguf", as("q8_0")); });
        CAPTURE(outcome.line);
        CHECK(outcome.status == Status::unsupported);
        CHECK(outcome.says(says));
        CHECK(std::filesystem::is_empty(folder.path()));
    };
    SECTION("an amplitude") { refused(checkpoints / "v2-group-limited", "mscale"); }
    SECTION("experts in every second layer") { refused(checkpoints / "v2-norm-tied", "moe_layer_freq"); }
    SECTION("a way of dividing text that has no name") {
        const Tale copy;
        copy.change("tokenizer.json", [](json& tokenizer) { tokenizer["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = "\\p{N}{1,4}"; });
        refused(copy.folder.path(), "pre_tokenizer");
    }
    SECTION("more tokens than the model has") {
        const Tale copy;
        copy.change("tokenizer.json", [](json& tokenizer) { tokenizer["added_tokens"].push_back({{"id", 4096}, {"content", "<beyond>"}}); });
        refused(copy.folder.path(), "vocab_size");
    }
}

TEST_CASE("a source that is no model is refused as opening it is, and no file is left", "[convert][quantize][hostile]") {
    const test::TempFolder folder, empty;
    const auto outcome = test::outcome_of([&] { quantize(Source::path(empty.path()), folder / "m.gguf"); });
    CHECK(outcome.status == Status::not_found);
    CHECK(outcome.says("config.json"));
    CHECK(test::outcome_of([&] { quantize(Source::path(tale), folder / "m.gguf", as("q99")); }).says("format: \"q99\""));
    CHECK(test::outcome_of([&] { quantize(Source::path(tale), "/nowhere/at/all.gguf", as("q8_0")); }).status == Status::io);
    CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("a file may be quantised onto itself", "[convert][quantize]") {
    const test::TempFolder folder;
    quantize(Source::path(tale), folder / "m.gguf", as("f16"));
    quantize(Source::path(folder / "m.gguf"), folder / "other.gguf", as("q8_0"));
    quantize(Source::path(folder / "m.gguf"), folder / "m.gguf", as("q8_0"));
    CHECK(contents(folder / "m.gguf") == contents(folder / "other.gguf"));
}
