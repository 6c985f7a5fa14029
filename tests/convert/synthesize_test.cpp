// Models that nobody trained: right in form, sane in size, the same everywhere.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "convert/written_file.hpp"
#include "rorqual/convert.hpp"
#include "rorqual/model.hpp"
#include "rorqual/session.hpp"
#include "rorqual/source.hpp"
#include "support/outcome.hpp"
#include "support/temp_folder.hpp"
#include "tolerance.hpp"

using namespace rorqual;
using test::contents;
using test::header_of;
using test::values_of;

namespace {

struct Moments {
    double mean = 0, deviation = 0;
};

Moments moments_of(const std::vector<float>& values) {
    Moments m;
    for (const float value : values) m.mean += value;
    m.mean /= static_cast<double>(values.size());
    for (const float value : values) m.deviation += (value - m.mean) * (value - m.mean);
    m.deviation = std::sqrt(m.deviation / static_cast<double>(values.size()));
    return m;
}

std::vector<std::string> formats() {
    return {
#define RQ_MIX(name, file_type, dtype) #name,
#include "convert/mixes.inc"
#undef RQ_MIX
    };
}

SynthesizeOptions tiny(const std::string& format = "q4_k_m") {
    SynthesizeOptions options;
    options.geometry = "v2-tiny";
    options.format = format;
    return options;
}

}  // namespace

TEST_CASE("matrices have variance 1 / row length and norms are 1, in every format", "[convert][synth]") {
    const test::TempFolder folder;
    std::set<DType> seen;
    for (const auto& format : formats()) {
        const auto path = folder / (format + ".gguf");
        synthesize(path, tiny(format));
        for (const auto& tensor : header_of(path).tensors) {
            CAPTURE(format, tensor.name, name(tensor.dtype));
            seen.insert(tensor.dtype);
            const auto values = values_of(tensor);
            if (tensor.shape.size() == 1) {
                CHECK(std::all_of(values.begin(), values.end(), [](float value) { return value == 1.0F; }));
                continue;
            }
            const auto count = static_cast<double>(values.size());
            const double bits = 8.0 * static_cast<double>(tensor.bytes) / count;
            const auto [mean, deviation] = moments_of(values);
            const double expected = 1 / std::sqrt(static_cast<double>(tensor.shape.back()));
            CHECK(std::fabs(mean) < tolerance::drawn_mean(count) * expected);
            CHECK(std::fabs(deviation / expected - 1) < tolerance::drawn_deviation(count, bits));
        }
    }
    CHECK(seen.size() == 16);  // f32, f16, bf16 and the 13 block formats that are written
}

TEST_CASE("equal options give equal bytes with any number of threads; another seed gives other weights", "[convert][synth]") {
    const test::TempFolder folder;
    auto options = tiny();
    options.seed = 7;
    options.threads = 1;
    synthesize(folder / "one.gguf", options);
    options.threads = 3;
    synthesize(folder / "three.gguf", options);
    options.seed = 8;
    synthesize(folder / "other.gguf", options);
    const auto one = contents(folder / "one.gguf");
    CHECK(one == contents(folder / "three.gguf"));
    const auto other = contents(folder / "other.gguf");
    REQUIRE(other.size() == one.size());
    std::size_t different = 0;
    for (std::size_t i = 0; i < one.size(); ++i) different += one[i] != other[i];
    CHECK(different > one.size() / 2);
}

TEST_CASE("no two rows of a tensor are alike, nor two experts", "[convert][synth]") {
    const test::TempFolder folder;
    synthesize(folder / "m.gguf", tiny("q8_0"));
    for (const auto& tensor : header_of(folder / "m.gguf").tensors) {
        if (tensor.shape.size() == 1) continue;
        CAPTURE(tensor.name);
        const auto values = values_of(tensor);
        const auto cols = static_cast<std::size_t>(tensor.shape.back());
        std::set<std::vector<float>> rows;
        for (std::size_t begin = 0; begin < values.size(); begin += cols) rows.emplace(values.begin() + static_cast<std::ptrdiff_t>(begin), values.begin() + static_cast<std::ptrdiff_t>(begin + cols));
        CHECK(rows.size() == values.size() / cols);
    }
}

TEST_CASE("the made-up vocabulary defines every id once, every byte, and only merges that join tokens into a token", "[convert][synth]") {
    const test::TempFolder folder;
    synthesize(folder / "m.gguf", tiny());
    const auto metadata = header_of(folder / "m.gguf").metadata;
    const auto tokens = metadata.texts("tokenizer.ggml.tokens");
    REQUIRE(tokens.size() == 387);
    CHECK(static_cast<std::int64_t>(tokens.size()) == metadata.integer("deepseek2.vocab_size", 0, 1 << 20));
    CHECK(metadata.integers("tokenizer.ggml.token_type", 0, 10).size() == tokens.size());
    std::set<std::string_view> known;
    for (std::size_t i = 0; i < tokens.size(); ++i) known.insert(tokens[i]);
    CHECK(known.size() == tokens.size());
    const auto merges = metadata.texts("tokenizer.ggml.merges");
    CHECK(merges.size() == 387 - 256 - 2);
    for (std::size_t i = 0; i < merges.size(); ++i) {
        const auto space = merges[i].find(' ');
        REQUIRE(space != std::string_view::npos);
        const std::string left(merges[i].substr(0, space)), right(merges[i].substr(space + 1));
        CAPTURE(left, right);
        CHECK((known.contains(left) && known.contains(right) && known.contains(left + right)));
    }
    CHECK(tokens[static_cast<std::size_t>(metadata.integer("tokenizer.ggml.bos_token_id", 0, 386))] == "<｜begin▁of▁sentence｜>");
}

TEST_CASE("a geometry may have more or fewer layers than it was made for", "[convert][synth]") {
    const test::TempFolder folder;
    for (const std::int64_t layers : {1, 2, 5}) {
        auto options = tiny("q8_0");
        options.layers = layers;
        synthesize(folder / "m.gguf", options);
        const auto gguf = header_of(folder / "m.gguf");
        CHECK(gguf.metadata.integer("deepseek2.block_count", 0, 100) == layers);
        const auto last = "blk." + std::to_string(layers - 1) + ".attn_norm.weight", beyond = "blk." + std::to_string(layers) + ".attn_norm.weight";
        const auto has = [&](const std::string& name) {
            return std::any_of(gguf.tensors.begin(), gguf.tensors.end(), [&](const io::TensorInfo& tensor) { return tensor.name == name; });
        };
        CHECK(has(last));
        CHECK_FALSE(has(beyond));
    }
}

TEST_CASE("v32-tiny and v4-tiny compute in both modes beyond what their indexers select", "[convert][synth]") {
    const auto [geometry, type] = GENERATE(std::pair("v32-tiny", "deepseek_v32"), std::pair("v4-tiny", "deepseek_v4"));
    const test::TempFolder folder;
    auto options = tiny("q8_0");
    options.geometry = geometry;
    synthesize(folder / "m.gguf", options);
    const auto model = Model::open(Source::path(folder / "m.gguf"));
    CHECK(model->geometry().model_type == type);
    std::vector<Token> tokens;
    for (Token token = 0; token < 200; ++token) tokens.push_back(token * 7 % 387);
    for (const auto mode : {Mode::exact, Mode::fast}) {
        auto session = model->session({.context = 256, .mode = mode});
        session.append(tokens);
        const auto logits = session.logits();
        CHECK(std::ranges::all_of(logits, [](float logit) { return std::isfinite(logit); }));
    }
}

TEST_CASE("v4-tiny has layers of every kind, experts in MXFP4 and tables that name different experts for a token", "[convert][synth]") {
    const test::TempFolder folder;
    auto options = tiny("q8_0");
    options.geometry = "v4-tiny";
    synthesize(folder / "m.gguf", options);
    const auto gguf = header_of(folder / "m.gguf");
    const auto find = [&](const std::string& name) { return std::ranges::find(gguf.tensors, name, &io::TensorInfo::name); };
    CHECK(gguf.metadata.integers("deepseek4.attention.compress_ratios", 0, 128) == std::vector<std::int64_t>{0, 128, 4, 128, 4});
    CHECK(find("blk.0.attn_compressor_kv.weight") == gguf.tensors.end());
    CHECK(find("blk.2.ffn_gate_tid2eid.weight") == gguf.tensors.end());
    REQUIRE(find("blk.2.exp_probs_b.bias") != gguf.tensors.end());
    REQUIRE(find("blk.0.ffn_up_exps.weight") != gguf.tensors.end());
    CHECK(find("blk.0.ffn_up_exps.weight")->dtype == DType::mxfp4);
    const auto table = find("blk.1.ffn_gate_tid2eid.weight");
    REQUIRE(table != gguf.tensors.end());
    std::vector<std::int32_t> ids(387 * 3);
    REQUIRE(table->bytes == std::as_bytes(std::span(ids)).size());
    table->file->read(table->offset, std::as_writable_bytes(std::span(ids)));
    CHECK(std::set(ids.begin(), ids.end()).size() == 12);
    for (std::size_t row = 0; row < ids.size(); row += 3) CHECK(std::set(ids.begin() + static_cast<std::ptrdiff_t>(row), ids.begin() + static_cast<std::ptrdiff_t>(row + 3)).size() == 3);
}

TEST_CASE("v2-lite has the sizes of the published model", "[convert][synth]") {
    const test::TempFolder folder;
    SynthesizeOptions options;
    options.layers = 1;
    const auto q4_k = [](std::uint64_t rows, std::uint64_t cols) { return rows * cols / 256 * 144; };
    const auto q6_k = [](std::uint64_t rows, std::uint64_t cols) { return rows * cols / 256 * 210; };
    const auto q8_0 = [](std::uint64_t rows, std::uint64_t cols) { return rows * cols / 32 * 34; };
    const std::uint64_t norms = (3 * 2048 + 512) * 4;
    const auto expected = q4_k(102400, 2048) + q6_k(102400, 2048) + q4_k(16 * 192, 2048) + q4_k(576, 2048) + q6_k(16 * 256, 512) +
                          q4_k(2048, 16 * 128) + 2 * q4_k(10944, 2048) + q8_0(2048, 10944) + norms;
    bool stopped = false;  // the header is enough: 350 MB need not be written
    options.progress = [&](std::uint64_t, std::uint64_t all, std::string_view) {
        CHECK(all == expected);
        stopped = true;
        return false;
    };
    CHECK(test::outcome_of([&] { synthesize(folder / "m.gguf", options); }).status == Status::callback);
    CHECK(stopped);
    CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("models of DeepSeek-V3's shape have the sizes of the published ones", "[convert][synth]") {
    const test::TempFolder folder;
    for (const auto& [geometry, expected] : {std::pair("moonlight", 15'960'111'936.0), {"glm-4.7-flash", 29'943'393'024.0}}) {
        SynthesizeOptions options;
        options.geometry = geometry;
        options.format = "bf16";
        double parameters = 0;
        options.progress = [&](std::uint64_t, std::uint64_t all, std::string_view) {
            parameters = static_cast<double>(all) / 2;
            return false;
        };
        CHECK(test::outcome_of([&] { synthesize(folder / "m.gguf", options); }).status == Status::callback);
        CAPTURE(geometry);
        CHECK(parameters == Approx(expected).epsilon(2e-3));  // norms and routers are kept in f32
    }
}

TEST_CASE("options that make no sense are refused by name, and no file is left", "[convert][synth][hostile]") {
    const test::TempFolder folder;
    auto options = tiny();
    Status status = Status::invalid_argument;
    std::string says;
    SECTION("geometry") { options.geometry = says = "v9"; }
    SECTION("format") { options.format = says = "q9_9"; }
    SECTION("fewer layers than none") {
        options.layers = -1;
        says = "layers: -1";
    }
    SECTION("more layers than any model") {
        options.layers = 1 << 20;
        says = "num_hidden_layers";
        status = Status::corrupt;
    }
    const auto outcome = test::outcome_of([&] { synthesize(folder / "m.gguf", options); });
    CHECK(outcome.status == status);
    CHECK(outcome.says(says));
    CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("a path that cannot be written is an io error that names it", "[convert][synth][hostile]") {
    const auto outcome = test::outcome_of([] { synthesize("/nowhere/at/all/m.gguf", tiny()); });
    CHECK(outcome.status == Status::io);
    CHECK(outcome.says("/nowhere/at/all/m.gguf"));
}
