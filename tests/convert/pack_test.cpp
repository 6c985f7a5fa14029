// Packed files: the same model, ready to be mapped.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cstring>

#include "convert/written_file.hpp"
#include "rorqual/convert.hpp"
#include "rorqual/model.hpp"
#include "rorqual/session.hpp"
#include "support/outcome.hpp"
#include "support/temp_folder.hpp"
#include "support/v4_draft_checkpoint.hpp"

using namespace rorqual;
using test::contents;

namespace {

const std::filesystem::path tale = std::filesystem::path(RQ_SOURCE_DIR) / "examples/models/tale";
const std::filesystem::path checkpoints = std::filesystem::path(RQ_SOURCE_DIR) / "tests/data/checkpoints";

std::vector<float> logits_of(const Model& model, Mode mode) {
    auto session = model.session({.context = 64, .mode = mode});
    std::vector<Token> tokens;
    for (Token token = 0; token < 40; ++token) tokens.push_back(token * 7 % static_cast<Token>(model.geometry().vocab_size));
    session.append(tokens);
    const auto logits = session.logits();
    return {logits.begin(), logits.end()};
}

// Packs and opens: both are to be one and the same model.
void check_same(const std::filesystem::path& original, const std::filesystem::path& packed) {
    CAPTURE(original);
    pack(Source::path(original), packed);
    const auto a = Model::open(Source::path(original)), b = Model::open(Source::path(packed));
    CHECK(a->identity() == b->identity());
    CHECK(a->config() == b->config());
    CHECK(a->default_mode() == b->default_mode());
    CHECK(a->bos() == b->bos());
    CHECK(a->generation_defaults().stop_tokens == b->generation_defaults().stop_tokens);
    CHECK(a->generation_defaults().sampling.temperature == b->generation_defaults().sampling.temperature);
    REQUIRE(a->has_tokenizer() == b->has_tokenizer());
    if (a->has_tokenizer()) CHECK(a->encode_prompt("There was once a king.") == b->encode_prompt("There was once a king."));
    for (const auto mode : {Mode::exact, Mode::fast}) CHECK(logits_of(*a, mode) == logits_of(*b, mode));
}

SynthesizeOptions tiny(const std::string& format) {
    SynthesizeOptions options;
    options.geometry = "v2-tiny";
    options.format = format;
    options.layers = 2;
    return options;
}

// A quantised model of a few hundred kB, packed.
std::string packed_tiny(const test::TempFolder& folder) {
    synthesize(folder / "tiny.gguf", tiny("q8_0"));
    pack(Source::path(folder / "tiny.gguf"), folder / "tiny.safetensors");
    return contents(folder / "tiny.safetensors");
}

// Opens bytes as a packed model. Throws what opening throws.
std::shared_ptr<const Model> open_bytes(const std::string& bytes) {
    return Model::open(Source::files().add_memory("model.safetensors", std::as_bytes(std::span(bytes))));
}

}  // namespace

TEST_CASE("a packed model computes the same bits and has the same identity as what it was packed from", "[convert][pack]") {
    const test::TempFolder folder;
    const auto packed = folder / "packed.safetensors";
    check_same(tale, packed);
    for (const auto& entry : std::filesystem::directory_iterator(checkpoints)) {
        if (std::filesystem::exists(entry.path() / "config.json")) check_same(entry.path(), packed);
    }
    for (const auto latent : {LatentLayout::joined, LatentLayout::split}) {
        for (const char* format : {"q4_k_m", "q8_0", "q2_k", "iq4_nl"}) {
            QuantizeOptions options;
            options.format = format;
            options.latent = latent;
            quantize(Source::path(tale), folder / "m.gguf", options);
            check_same(folder / "m.gguf", packed);
        }
    }
}

TEST_CASE("a packed model drafts as what it was packed from", "[convert][pack][mtp]") {
    const test::TempFolder folder;
    for (const auto& original : {checkpoints / "v3", test::v4_with_draft_folder()}) {
        check_same(original, folder / "packed.safetensors");
        const auto drafts_of = [](const Source& source) {
            const auto model = Model::open(source);
            REQUIRE(model->has_draft_head());
            auto session = model->session({.drafting = Drafting::head});
            std::vector<Token> tokens;
            for (Token token = 0; token < 40; ++token) tokens.push_back(token * 7);
            std::vector<float> rows(tokens.size() * static_cast<std::size_t>(model->geometry().vocab_size));
            session.append(tokens, {}, rows);
            return rows;
        };
        CHECK(drafts_of(Source::path(folder / "packed.safetensors")) == drafts_of(Source::path(original)));
    }
}

TEST_CASE("a packed quantised model is used where it lies in its mapped file", "[convert][pack]") {
    const test::TempFolder folder;
    packed_tiny(folder);
    const auto plan = Model::plan(Source::path(folder / "tiny.safetensors"));
    const auto model = Model::open(Source::path(folder / "tiny.safetensors"));
    CHECK(model->default_mode() == Mode::fast);
    CHECK(plan.weights == model->plan().weights);
    std::uint64_t vectors = 0;  // small, copied
    for (const auto& tensor : model->tensors()) vectors += tensor.shape.size() == 1 ? tensor.bytes : 0;
    CHECK(plan.weights_mapped + vectors == plan.weights);
    CHECK(Model::plan(Source::path(folder / "tiny.gguf")).weights == plan.weights);
}

TEST_CASE("a packed model opens from memory at any address and through callbacks", "[convert][pack]") {
    const test::TempFolder folder;
    const auto bytes = packed_tiny(folder);
    const auto original = Model::open(Source::path(folder / "tiny.gguf"));
    const auto exact = logits_of(*original, Mode::exact), expected = logits_of(*original, Mode::fast);
    for (const std::size_t shift : {0, 1, 32}) {
        std::string shifted(bytes.size() + 64 + shift, ' ');
        const auto start = 64 - reinterpret_cast<std::uintptr_t>(shifted.data()) % 64 + shift;
        std::memcpy(shifted.data() + start, bytes.data(), bytes.size());
        const auto source = Source::files().add_memory("model.safetensors", std::as_bytes(std::span(shifted)).subspan(start, bytes.size()));
        const auto model = Model::open(source);
        CHECK(logits_of(*model, Mode::exact) == exact);
        if (shift % 4 == 0) CHECK(logits_of(*model, Mode::fast) == expected);  // libraries of matrix products want floats aligned
    }
    const auto read = [&](std::uint64_t offset, std::span<std::byte> out) {
        std::memcpy(out.data(), bytes.data() + offset, out.size());
        return true;
    };
    const auto model = Model::open(Source::files().add_callback("model.safetensors", bytes.size(), read));
    CHECK(logits_of(*model, Mode::fast) == expected);
    CHECK(model->plan().weights_mapped == 0);
}

TEST_CASE("packing gives the same bytes for any number of threads", "[convert][pack]") {
    const test::TempFolder folder;
    const auto expected = packed_tiny(folder);
    for (const std::size_t threads : {1, 3}) {
        pack(Source::path(folder / "tiny.gguf"), folder / "again.safetensors", {.threads = threads});
        CHECK(contents(folder / "again.safetensors") == expected);
    }
}

TEST_CASE("a packed file that is cut short is refused", "[convert][pack]") {
    const test::TempFolder folder;
    const auto bytes = packed_tiny(folder);
    for (std::size_t length = 0; length < bytes.size(); length += length < 200 ? 1 : 997) {
        CAPTURE(length);
        const auto cut = bytes.substr(0, length);
        CHECK_FALSE(test::outcome_of([&] { static_cast<void>(open_bytes(cut)); }).ok());
    }
}

TEST_CASE("a packed file whose header was changed is refused with its name, or opens", "[convert][pack]") {
    const test::TempFolder folder;
    auto bytes = packed_tiny(folder);
    std::uint64_t header = 0;
    std::memcpy(&header, bytes.data(), sizeof header);
    int refused = 0, opened = 0;
    for (std::size_t at = 56; at < 8 + header; at += 13) {  // behind what tells a packed file from others
        for (const char flip : {1, 4, 64}) {
            bytes[at] = static_cast<char>(bytes[at] ^ flip);
            try {
                static_cast<void>(open_bytes(bytes));
                ++opened;
            } catch (const Error& error) {
                if (std::string_view(error.what()).find("model.safetensors") == std::string_view::npos) FAIL_CHECK(error.what());
                ++refused;
            }
            bytes[at] = static_cast<char>(bytes[at] ^ flip);
        }
    }
    CHECK(refused > opened);
}

TEST_CASE("a file packed in another layout is refused with what to do", "[convert][pack]") {
    const test::TempFolder folder;
    auto bytes = packed_tiny(folder);
    const auto at = bytes.find("rorqual packed 1");
    REQUIRE(at < 64);
    bytes[at + 15] = '9';
    CHECK_THROWS_WITH(open_bytes(bytes), Catch::Contains("rorqual packed 9"));
    CHECK_THROWS_WITH(open_bytes(bytes), Catch::Contains("pack the model again"));
}

TEST_CASE("a packed file is neither packed nor quantised again", "[convert][pack]") {
    const test::TempFolder folder;
    packed_tiny(folder);
    const auto source = Source::path(folder / "tiny.safetensors");
    CHECK_THROWS_WITH(pack(source, folder / "twice.safetensors"), Catch::Contains("packed already"));
    CHECK_THROWS_WITH(quantize(source, folder / "twice.gguf", {.format = "q4_0"}), Catch::Contains("in panels cannot be converted"));
    CHECK_FALSE(std::filesystem::exists(folder / "twice.safetensors"));
    CHECK_FALSE(std::filesystem::exists(folder / "twice.gguf"));
}

TEST_CASE("packing that is asked to stop leaves no file", "[convert][pack]") {
    const test::TempFolder folder;
    synthesize(folder / "tiny.gguf", tiny("q8_0"));
    PackOptions options;
    int calls = 0;
    options.progress = [&](std::uint64_t done, std::uint64_t all, std::string_view tensor) {
        CHECK(done <= all);
        CHECK_FALSE(tensor.empty());
        return ++calls < 3;
    };
    CHECK(test::outcome_of([&] { pack(Source::path(folder / "tiny.gguf"), folder / "m.safetensors", options); }).status == Status::callback);
    CHECK(calls == 3);
    CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("scales that are NaN or infinite are reported with their tensor, when opening and when packing", "[convert][pack]") {
    const test::TempFolder folder;
    synthesize(folder / "tiny.gguf", tiny("q8_0"));
    const auto header = test::header_of(folder / "tiny.gguf");
    const auto tensor = std::ranges::find(header.tensors, "blk.1.ffn_down_exps.weight", &io::TensorInfo::name);
    REQUIRE(tensor != header.tensors.end());
    auto bytes = contents(folder / "tiny.gguf");
    for (const std::uint16_t scale : {0x7E00, 0x7C00, 0xFC00}) {
        const auto expert = tensor->bytes / static_cast<std::size_t>(tensor->shape.front());
        std::memcpy(bytes.data() + tensor->offset + expert + 3 * static_cast<std::size_t>(block_bytes(DType::q8_0)), &scale, sizeof scale);
        folder.write("odd.gguf", bytes);
        const std::string expected = "odd.gguf: blk.1.ffn_down_exps.weight[1]: block 3 stands for weights that are not finite";
        CHECK_THROWS_WITH(Model::open(Source::path(folder / "odd.gguf")), Catch::Contains(expected));
        CHECK_THROWS_WITH(pack(Source::path(folder / "odd.gguf"), folder / "odd.safetensors"), Catch::Contains(expected));
        CHECK_FALSE(std::filesystem::exists(folder / "odd.safetensors"));
    }
}
