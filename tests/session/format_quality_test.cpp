// What storing weights in fewer bits costs in predictions, by limits fixed in advance.
#include <catch2/catch.hpp>

#include "families/golden_run.hpp"
#include "rorqual/convert.hpp"
#include "session/divergence.hpp"
#include "support/fp8_checkpoint.hpp"
#include "support/gguf_model.hpp"
#include "support/temp_folder.hpp"
#include "tolerance.hpp"

using namespace rorqual;
using test::divergence;
using test::every_logit;
using test::TempFolder;

namespace {

const std::filesystem::path tale = std::filesystem::path(RQ_SOURCE_DIR) / "examples/models/tale";

struct Stored {
    const char* format;
    double bits;  // a weight's, scales left out
};

}  // namespace

TEST_CASE("the story model in each format predicts what the original predicts, within the format's limit", "[session][quality]") {
    const TempFolder folder;
    const auto original = Model::open(Source::path(tale));
    const auto tokens = original->encode_prompt(
        "There was once a fisherman who lived with his wife in a little hut close by the sea. He went every day to fish, and he fished and "
        "fished. Once, as he was sitting with his line and looking at the clear water, his line suddenly went down, far below.");
    const auto truth = every_logit(*original, tokens, {.mode = Mode::exact});
    const auto vocab = static_cast<std::size_t>(original->geometry().vocab_size);
    for (const auto& [format, bits] : {Stored{"q8_0", 8}, {"q6_k", 6}, {"q5_1", 5}, {"q5_0", 5}, {"q5_k_m", 5}, {"q4_1", 4}, {"q4_0", 4}, {"q4_k_m", 4}, {"iq4_nl", 4}, {"iq4_xs", 4}}) {
        quantize(Source::path(tale), folder / "tale.gguf", {.format = format});
        const auto model = Model::open(Source::path(folder / "tale.gguf"));
        for (const Mode mode : {Mode::exact, Mode::fast}) {
            const auto found = divergence(truth, every_logit(*model, tokens, {.mode = mode}), vocab);
            CAPTURE(format, static_cast<int>(mode), found.nats, found.same_top);
            CHECK(found.nats > 0);
            CHECK(found.nats < tolerance::format_divergence(bits) + (mode == Mode::fast ? tolerance::fast_mode_divergence() : 0));
            CHECK(found.same_top > tolerance::format_agreement(bits));
        }
    }
}

// Weights in e4m3 with a scale for each block of 128 x 128 as they are stored; scales not rounded. Three bits of mantissa are few: it is mode fast that
// is compared with mode exact here, not the model with its original.
TEST_CASE("mode fast predicts what mode exact predicts on the story model in fp8, within the limit of 8 bits", "[session][quality][fp8]") {
    const TempFolder folder;
    test::CheckpointCopy stored(tale);
    test::to_fp8(stored, 128, 128);
    stored.write(folder.path());
    const auto model = Model::open(Source::path(folder.path()));
    CHECK(model->default_mode() == Mode::fast);
    const auto tokens = model->encode_prompt("There was once a fisherman who lived with his wife in a little hut close by the sea. He went every day to fish.");
    const auto vocab = static_cast<std::size_t>(model->geometry().vocab_size);
    const auto found = divergence(every_logit(*model, tokens, {.mode = Mode::exact}), every_logit(*model, tokens, {.mode = Mode::fast}), vocab);
    CAPTURE(found.nats, found.same_top);
    CHECK(found.nats > 0);
    CHECK(found.nats < tolerance::format_divergence(8) + tolerance::fast_mode_divergence());
    CHECK(found.same_top > tolerance::format_agreement(8));
}

TEST_CASE("mode fast predicts what mode exact predicts for most tokens of the reference checkpoints in fp8", "[session][fast][fp8][golden]") {
    for (const char* kind : {"v3-fp8", "v31"}) {
        for (const auto& folder : test::reference_checkpoints(kind)) {
            const auto model = Model::open(Source::path(folder));
            CHECK(model->default_mode() == Mode::fast);
            const auto tokens = test::Golden(folder / "golden.safetensors").tokens("input_ids.4");
            const auto found = divergence(every_logit(*model, tokens, {.mode = Mode::exact}), every_logit(*model, tokens, {.mode = Mode::fast}),
                                          static_cast<std::size_t>(model->geometry().vocab_size));
            CAPTURE(folder, found.nats);
            CHECK(found.nats > 0);
            CHECK(found.median < tolerance::fast_mode_divergence_of_random_models());
        }
    }
}

// Their routers are random, so that experts are often nearly tied, and a rounding may give a token another one: no error, but far from
// nothing. The tokens in the middle have the experts they had.
TEST_CASE("mode fast predicts what mode exact predicts for most tokens of the reference checkpoints, in blocks of 8 and 4 bits", "[session][fast][golden]") {
    for (const auto& folder : test::reference_checkpoints("v2")) {
        for (const DType dtype : {DType::q8_0, DType::q4_0}) {
            const TempFolder written;
            auto stored = test::gguf_of(folder);
            stored.encode(dtype);
            const auto model = Model::open(Source::path(written.write("model.gguf", stored.file())));
            const auto tokens = test::Golden(folder / "golden.safetensors").tokens("input_ids.4");
            const auto found = divergence(every_logit(*model, tokens, {.mode = Mode::exact}), every_logit(*model, tokens, {.mode = Mode::fast}),
                                          static_cast<std::size_t>(model->geometry().vocab_size));
            CAPTURE(folder, name(dtype), found.nats);
            CHECK(found.median < tolerance::fast_mode_divergence_of_random_models());
        }
    }
}
