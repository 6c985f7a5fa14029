// Mode fast on quantised models: near mode exact, by limits fixed in advance, and reproducible where it promises to be.
#include <catch2/catch.hpp>

#include "families/golden_run.hpp"
#include "rorqual/session.hpp"
#include "session/divergence.hpp"
#include "support/gguf_model.hpp"
#include "support/outcome.hpp"
#include "support/temp_folder.hpp"
#include "tolerance.hpp"

using namespace rorqual;
using test::divergence;
using test::every_logit;
using test::Golden;
using test::TempFolder;

namespace {

const std::filesystem::path tale = std::filesystem::path(RQ_SOURCE_DIR) / "examples/models/tale";

/// The story model in q8_0, where its rows are whole blocks.
std::filesystem::path quantised_tale(const TempFolder& folder, DType dtype = DType::q8_0) {
    auto model = test::gguf_of(tale);
    model.encode(dtype);
    return folder.write("tale.gguf", model.file());
}

std::vector<Token> story(const Model& model) {
    return model.encode_prompt(
        "Once upon a time there was a king who had three sons, and the youngest of them was called simple. One day the king fell ill, "
        "and no one believed that he would come out of it with his life.");
}

}  // namespace

TEST_CASE("mode fast predicts what mode exact predicts, by a divergence within the limit", "[session][fast]") {
    for (const DType dtype : {DType::q8_0, DType::q4_k, DType::q6_k, DType::q5_0}) {
        const TempFolder folder;
        const auto model = Model::open(Source::path(quantised_tale(folder, dtype)));
        CAPTURE(name(dtype));
        CHECK(model->default_mode() == Mode::fast);
        const double nats = divergence(*model, story(*model));
        CHECK(nats > 0);  // int8 activations are not f32 ones
        CHECK(nats < tolerance::fast_mode_divergence());
    }
}

TEST_CASE("mode fast gives the same bits with one worker as with many", "[session][fast]") {
    const TempFolder folder;
    const auto file = quantised_tale(folder, DType::q4_k);
    const auto alone = Model::open(Source::path(file), {.threads = 1}), three = Model::open(Source::path(file), {.threads = 3});
    CHECK(every_logit(*alone, story(*alone), {}) == every_logit(*three, story(*three), {}));
}

TEST_CASE("mode fast computes with every instruction set of this machine, to the same choice of tokens", "[session][fast]") {
    const TempFolder folder;
    const auto file = quantised_tale(folder);
    std::vector<std::vector<Token>> written;
    for (const cpu::Isa isa : cpu::all_isas()) {
        if (!cpu::runs_on(isa, cpu::detect())) continue;
        const auto model = Model::open(Source::path(file), {.isa = std::string(cpu::name(isa))});
        auto session = model->session();
        session.append(story(*model));
        auto generation = session.generate({.limit = 12, .ignore_eos = true});
        auto& tokens = written.emplace_back();
        while (const auto piece = generation.next()) tokens.push_back(piece->token);
        CAPTURE(cpu::name(isa));
        CHECK(tokens.size() == 12);
        CHECK(tokens == written.front());
    }
    CHECK(written.size() >= 1);
}

TEST_CASE("models without quantised weights are computed exactly unless fast is asked for", "[session][fast]") {
    const auto model = Model::open(Source::path(tale));
    CHECK(model->default_mode() == Mode::exact);
    const auto tokens = story(*model);
    CHECK(every_logit(*model, tokens, {}) == every_logit(*model, tokens, {.mode = Mode::exact}));
    CHECK(divergence(*model, tokens) < tolerance::fast_mode_divergence());
}

TEST_CASE("a cache in int8 predicts what one in f32 predicts, in either mode, by a divergence within the limit", "[session][fast][golden]") {
    int tried = 0;
    for (const auto& folder : test::reference_checkpoints("v2")) {
        const auto model = Model::open(Source::path(folder));
        const auto tokens = Golden(folder / "golden.safetensors").tokens("input_ids.4");
        if (!model->has_int8_cache()) {
            const auto outcome = test::outcome_of([&] { (void)model->session({.cache = CacheFormat::int8}); });
            CHECK(outcome.status == Status::unsupported);
            CHECK(outcome.says("cache"));
            continue;
        }
        ++tried;
        for (const Mode mode : {Mode::exact, Mode::fast}) {
            const double nats = divergence(*model, tokens, {.cache = CacheFormat::f32, .mode = Mode::exact}, {.cache = CacheFormat::int8, .mode = mode});
            CAPTURE(folder, static_cast<int>(mode));
            CHECK(nats > 0);
            CHECK(nats < tolerance::int8_cache_divergence());
        }
        CHECK(model->plan({.mode = Mode::fast}).cache_per_token == model->plan({.cache = CacheFormat::int8}).cache_per_token);
        CHECK(model->plan({.mode = Mode::exact}).cache_per_token > 3 * model->plan({.mode = Mode::fast}).cache_per_token);
    }
    if (!test::reference_checkpoints("v2").empty()) CHECK(tried > 0);
}

TEST_CASE("a plan counts packed weights before they are read as after", "[session][fast][plan]") {
    const TempFolder folder;
    const auto file = quantised_tale(folder);
    const auto model = Model::open(Source::path(file));
    const Plan before = Model::plan(Source::path(file)), after = model->plan();
    CHECK(before.weights == after.weights);
    CHECK(before.weights_mapped == after.weights_mapped);
    CHECK(before.weights_mapped < before.weights);
    CHECK(before.peak == after.peak);
}

TEST_CASE("a model opened by its headers alone can be looked at and tokenizes, and refuses sessions", "[session][model]") {
    const auto model = Model::open(Source::path(tale), {.headers_only = true});
    CHECK(model->geometry().hidden_size == Model::open(Source::path(tale))->geometry().hidden_size);
    CHECK(model->encode_prompt("Once upon a time").size() > 3);
    CHECK(model->plan().peak > 0);
    CHECK_THROWS_AS(model->session(), Error);
}
