// Sessions whose model has a layer that predicts further tokens.
#include <catch2/catch.hpp>

#include <array>

#include "families/golden_run.hpp"
#include "families/session_options.hpp"
#include "rorqual/session.hpp"
#include "session/timeline.hpp"
#include "support/difference.hpp"
#include "support/outcome.hpp"
#include "support/temp_folder.hpp"
#include "support/v4_draft_checkpoint.hpp"
#include "tolerance.hpp"

using namespace rorqual;
using test::Golden;

namespace {

const std::filesystem::path checkpoints = std::filesystem::path(RQ_SOURCE_DIR) / "tests/data/checkpoints";
const std::filesystem::path v3 = checkpoints / "v3";

constexpr std::size_t vocab = 320;

std::shared_ptr<const Model> open(const std::filesystem::path& folder = v3, std::size_t threads = 2) { return Model::open(Source::path(folder), {.threads = threads}); }

// Every family that drafts with a layer of its own.
std::vector<std::filesystem::path> drafters() { return {v3, test::v4_with_draft_folder()}; }

std::vector<Token> prompt(int n) { return Golden(v3 / "golden.safetensors").tokens("input_ids." + std::to_string(n)); }

std::vector<float> append(Session& session, std::span<const Token> tokens) {
    std::vector<float> drafts(tokens.size() * vocab);
    session.append(tokens, {}, drafts);
    return drafts;
}

std::vector<float> copy(std::span<const float> values) { return {values.begin(), values.end()}; }

std::vector<float> whole(const Model& model, std::span<const Token> tokens) {
    auto session = model.session({.drafting = Drafting::head});
    return append(session, tokens);
}

// Throws after so many looks.
struct Impatient final : SessionObserver {
    int left = 0;
    void hidden(std::int64_t, std::int64_t, ConstRows) override {
        if (left-- == 0) throw Error(Status::callback, "had enough");
    }
};

}  // namespace

TEST_CASE("the draft head gives the reference's logits after every token but the first", "[session][mtp][golden]") {
    const Golden golden(v3 / "golden.safetensors");
    const auto model = open();
    CHECK(model->has_draft_head());
    int prompts = 0;
    for (int n = 0; n < 5; ++n) {
        const auto name = "mtp_logits." + std::to_string(n);
        if (!golden.has(name)) continue;
        auto session = model->session({.drafting = Drafting::head});
        const auto tokens = golden.tokens("input_ids." + std::to_string(n));
        std::vector<float> logits(tokens.size() * vocab), drafts(logits.size());
        session.append(tokens, logits, drafts);
        const auto expected = golden.floats(name), plain = golden.floats("logits." + std::to_string(n));
        CAPTURE(n);
        CHECK(test::difference(std::span(drafts).subspan(vocab), expected) <= tolerance::logits());
        CHECK(test::difference(logits, plain) <= tolerance::logits());
        CHECK(std::ranges::all_of(std::span(drafts).first(vocab), [](float v) { return v == 0; }));
        ++prompts;
    }
    CHECK(prompts >= 4);
}

TEST_CASE("drafts are the same bits however a prompt is cut, and for any number of threads", "[session][mtp]") {
    const auto folder = GENERATE(from_range(drafters()));
    const auto tokens = prompt(3);
    const auto expected = whole(*open(folder), tokens);
    for (const std::int64_t chunk : {1, 3, 64, 128}) {
        for (const std::size_t threads : {1U, 3U}) {
            CAPTURE(chunk, threads);
            auto session = open(folder, threads)->session({.chunk = chunk, .drafting = Drafting::head});
            std::vector<float> drafts;
            for (std::size_t t = 0, piece = 1; t < tokens.size(); t += piece, piece = piece % 7 + 1) {
                piece = std::min(piece, tokens.size() - t);
                const auto rows = append(session, std::span(tokens).subspan(t, piece));
                drafts.insert(drafts.end(), rows.begin(), rows.end());
            }
            CHECK(drafts == expected);
        }
    }
}

TEST_CASE("drafts after a rewind, a fork, a look at the logits or drawn tokens are those of a fresh session", "[session][mtp]") {
    const auto model = open(GENERATE(from_range(drafters())));
    const auto tokens = prompt(4);
    const auto expected = whole(*model, tokens);
    const auto rest_of = [&](Session& session) {
        const auto from = session.length();
        return append(session, std::span(tokens).subspan(from)) == copy(std::span(expected).subspan(from * vocab));
    };
    for (const std::size_t length : {0, 1, 2, 17, 32, 127, 128, 129, 130, 255, 256, 257, 299}) {
        CAPTURE(length);
        auto session = model->session({.chunk = 8, .drafting = Drafting::head});
        session.append(tokens);
        session.rewind(length);
        auto fork = session.fork();
        if (length > 0) (void)fork.logits();
        CHECK(rest_of(session));
        CHECK(rest_of(fork));
    }
    auto session = model->session({.drafting = Drafting::head});
    session.append(std::span(tokens).first(5));
    {
        auto generation = session.generate({.limit = 6, .ignore_eos = true});
        while (generation.next()) {
        }
    }
    session.rewind(9);
    std::vector<Token> all(session.tokens().begin(), session.tokens().end());
    all.insert(all.end(), tokens.begin(), tokens.begin() + 4);
    const auto fresh = whole(*model, all);
    CHECK(append(session, std::span(all).subspan(9)) == copy(std::span(fresh).subspan(9 * vocab)));
}

TEST_CASE("drafts behind guesses that were made and others that came true are those of a fresh session", "[session][mtp]") {
    const auto model = open(GENERATE(from_range(drafters())));
    const auto tokens = prompt(4);
    const auto expected = whole(*model, tokens);
    const auto options = families::resolve({.drafting = Drafting::head, .draft_tokens = 15}, *model->parts().network, Mode::exact);
    for (const std::size_t length : {5, 64, 118, 126, 127, 128, 129, 250, 255}) {  // also over the ends of pages
        session::Timeline timeline(model, options);
        timeline.append(std::span(tokens).first(length - 1), {}, {});
        timeline.push(tokens[length - 1]);
        std::array<Token, 15> guesses{};
        CAPTURE(length);
        CHECK(timeline.guess(guesses) > 0);
        (void)timeline.logits(std::span(tokens).subspan(length, 3));
        for (std::size_t t = length; t < length + 3; ++t) timeline.push(tokens[t]);
        std::vector<float> rows((tokens.size() - length - 3) * vocab);
        timeline.append(std::span(tokens).subspan(length + 3), {}, rows);
        CHECK(rows == copy(std::span(expected).subspan((length + 3) * vocab)));
    }
}

TEST_CASE("an evaluation that is given up leaves drafts as they would have been", "[session][mtp]") {
    const auto model = open(GENERATE(from_range(drafters())));
    const auto tokens = prompt(2);
    const auto expected = whole(*model, tokens);
    for (int looks = 0; looks < 24; ++looks) {
        auto session = model->session({.chunk = 4, .drafting = Drafting::head});
        session.append(std::span(tokens).first(6));
        Impatient observer;
        observer.left = looks;
        session.observe(&observer);
        CHECK_THROWS_AS(session.append(std::span(tokens).subspan(6)), Error);
        session.observe(nullptr);
        const auto from = session.length();
        CAPTURE(looks, from);
        CHECK(append(session, std::span(tokens).subspan(from)) == copy(std::span(expected).subspan(from * vocab)));
    }
}

TEST_CASE("a session with drafts that is saved and loaded goes on with the same drafts", "[session][mtp]") {
    const auto model = open(GENERATE(from_range(drafters())));
    const auto tokens = prompt(4);
    const auto expected = whole(*model, tokens);
    const test::TempFolder folder;
    for (const std::size_t length : {1, 17, 127, 128, 129, 256, 299}) {
        auto session = model->session({.drafting = Drafting::head});
        session.append(std::span(tokens).first(length));
        session.save(folder / "session");
        auto loaded = model->session({.drafting = Drafting::head});
        loaded.load(Source::path(folder / "session"));
        CAPTURE(length);
        CHECK(append(loaded, std::span(tokens).subspan(length)) == copy(std::span(expected).subspan(length * vocab)));
    }
}

TEST_CASE("a session with drafts plans and counts what the draft head remembers", "[session][mtp]") {
    const auto model = open();
    const auto plain = model->plan({.context = 128}), drafting = model->plan({.context = 128, .drafting = Drafting::head});
    CHECK(drafting.cache_per_token * 4 == plain.cache_per_token * 5);
    const auto tokens = prompt(4);
    for (const auto& folder : drafters()) {
        const auto each = open(folder);
        for (const auto cache : {CacheFormat::f32, each->has_compact_cache() ? CacheFormat::compact : CacheFormat::bf16}) {
            const SessionOptions options{.context = 128, .cache = cache, .drafting = Drafting::head};
            const auto plan = each->plan(options);
            auto session = each->session(options);
            session.append(std::span(tokens).first(128));
            CAPTURE(folder);
            CHECK(session.metrics().cache_bytes == plan.cache);
            CHECK(session.metrics().scratch_bytes == plan.scratch);
        }
    }
}

TEST_CASE("drafts are refused where there is nothing to draft with", "[session][mtp]") {
    const auto without = Model::open(Source::path(checkpoints / "v2-f16"));
    CHECK_FALSE(without->has_draft_head());
    const auto asked = test::outcome_of([&] { (void)without->session({.drafting = Drafting::head}); });
    CHECK(asked.status == Status::unsupported);
    CHECK(asked.says("drafting: "));
    auto session = open()->session();
    std::vector<float> drafts(2 * vocab);
    const std::vector<Token> tokens = {1, 2};
    const auto unprepared = test::outcome_of([&] { session.append(tokens, {}, drafts); });
    CHECK(unprepared.status == Status::wrong_state);
    CHECK(unprepared.says("every_draft_logit: "));
    CHECK(session.length() == 0);
    auto drafting = open()->session({.drafting = Drafting::head});
    CHECK(test::outcome_of([&] { drafting.append(tokens, {}, std::span(drafts).first(vocab)); }).says("every_draft_logit: 320 values, expected none or 640"));
}
