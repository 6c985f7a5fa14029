// Whole networks against reference outputs of the authors' mathematics.
#include <catch2/catch.hpp>

#include <set>

#include "families/golden_run.hpp"
#include "support/checkpoint_copy.hpp"
#include "support/effort.hpp"
#include "support/temp_folder.hpp"
#include "tolerance.hpp"

using namespace rorqual;
using test::Golden;
using test::GoldenRun;

namespace {

constexpr int prompts = 5;

std::string numbered(const char* name, int n) { return std::string(name) + "." + std::to_string(n); }

double largest(std::span<const float> values) {
    double most = 0;
    for (const float v : values) most = std::max(most, std::abs(double{v}));
    return most;
}

// The largest difference, relative to the largest magnitude expected.
double difference(std::span<const float> got, std::span<const float> expected) {
    REQUIRE(got.size() == expected.size());
    double most = 0;
    for (std::size_t i = 0; i < got.size(); ++i) most = std::max(most, std::abs(double{got[i]} - expected[i]));
    return most / largest(expected);
}

// The same of each row, and of those the median.
double median_difference(std::span<const float> got, std::span<const float> expected, std::size_t rows) {
    const auto cols = expected.size() / rows;
    std::vector<double> all;
    for (std::size_t t = 0; t < rows; ++t) all.push_back(difference(got.subspan(t * cols, cols), expected.subspan(t * cols, cols)));
    std::ranges::nth_element(all, all.begin() + static_cast<std::ptrdiff_t>(rows / 2));
    return all[rows / 2];
}

void check_hidden(const GoldenRun::Result& result, const std::vector<float>& expected) {
    const auto size = result.embedding.size();
    REQUIRE(expected.size() == size * (result.layers.size() + 1));
    CHECK(difference(result.embedding, std::span(expected).first(size)) == 0);
    for (std::size_t i = 0; i < result.layers.size(); ++i) {
        CAPTURE(i);
        CHECK(difference(result.layers[i].hidden, std::span(expected).subspan((i + 1) * size, size)) <= tolerance::logits());
    }
}

// Where the reference's choice was not a near tie: the same set of experts, each with the same weight.
void check_experts(const GoldenRun::Result& result, const Golden& golden, int n, std::int64_t per_token) {
    const auto ids = golden.int32s(numbered("experts", n));
    const auto weights = golden.floats(numbered("expert_weights", n));
    const auto margins = golden.floats(numbered("expert_margin", n));
    const auto k = static_cast<std::size_t>(per_token);
    std::size_t token = 0;  // over all expert layers
    for (const auto& layer : result.layers) {
        for (std::size_t t = 0; t * k < layer.experts.size(); ++t, ++token) {
            if (margins[token] <= tolerance::expert_margin()) continue;
            std::map<std::int32_t, float> expected;
            for (std::size_t j = 0; j < k; ++j) expected[ids[token * k + j]] = weights[token * k + j];
            for (std::size_t j = 0; j < k; ++j) {
                const auto found = expected.find(layer.experts[t * k + j]);
                REQUIRE(found != expected.end());
                CHECK(std::abs(layer.expert_weights[t * k + j] - found->second) <= tolerance::logits() * largest(weights));
            }
        }
    }
    CHECK(token == margins.size());
}

}  // namespace

TEST_CASE("published checkpoints give the reference's hidden states, experts and logits", "[families][golden]") {
    const auto folders = test::reference_checkpoints();
    REQUIRE(folders.size() >= 3);
    WARN(folders.size() << " reference checkpoints evaluated, " << prompts << " prompts of each");
    for (const auto& folder : folders) {
        const Golden golden(folder / "golden.safetensors");
        const GoldenRun run(folder);
        for (int n = 0; n < prompts; ++n) {
            CAPTURE(folder.filename().string(), n);
            const auto result = run.evaluate(golden.tokens(numbered("input_ids", n)));
            CHECK(difference(result.logits, golden.floats(numbered("logits", n))) <= tolerance::logits());
            if (golden.has(numbered("hidden", n))) check_hidden(result, golden.floats(numbered("hidden", n)));
            check_experts(result, golden, n, run.model().geometry().experts_per_token);
        }
    }
}

TEST_CASE("a network evaluated with naive attention gives the logits of the absorbed form", "[families][golden][mla]") {
    for (const auto& folder : test::reference_checkpoints()) {
        const Golden golden(folder / "golden.safetensors");
        for (const int n : {2, 4}) {
            CAPTURE(folder.filename().string(), n);
            const auto tokens = golden.tokens(numbered("input_ids", n));
            const auto naive = GoldenRun(folder, {.attention = AttentionForm::naive}).evaluate(tokens);
            CHECK(difference(naive.logits, golden.floats(numbered("logits", n))) <= tolerance::logits());
            CHECK(difference(naive.logits, GoldenRun(folder).evaluate(tokens).logits) <= tolerance::attention_forms());
        }
    }
}

TEST_CASE("evaluating a prompt in pieces gives the bits of evaluating it whole", "[families][golden]") {
    const auto cache = GENERATE(from_range(test::variants({CacheFormat::f32, CacheFormat::bf16, CacheFormat::compact})));
    for (const auto& folder : cache == CacheFormat::compact ? test::reference_checkpoints("v4") : test::reference_checkpoints()) {
        const Golden golden(folder / "golden.safetensors");
        const auto tokens = golden.tokens(numbered("input_ids", 4));
        const auto whole = GoldenRun(folder, {.cache = cache}).evaluate(tokens);
        for (const auto chunk : test::variants<std::int64_t>({1, 3, 4, 5, 64, 127, 128, 129})) {
            CAPTURE(folder.filename().string(), chunk);
            const auto pieces = GoldenRun(folder, {.chunk = chunk, .cache = cache}).evaluate(tokens);
            CHECK(pieces.logits == whole.logits);
            CHECK(pieces.layers.back().expert_weights == whole.layers.back().expert_weights);
        }
    }
}

TEST_CASE("the number of threads does not change a bit of the logits", "[families][golden][threads]") {
    for (const auto& folder : test::reference_checkpoints()) {
        const Golden golden(folder / "golden.safetensors");
        const auto tokens = golden.tokens(numbered("input_ids", 3));
        for (const auto form : {AttentionForm::absorbed, AttentionForm::naive}) {
            const auto alone = GoldenRun(folder, {.threads = 1, .attention = form}).evaluate(tokens);
            for (const auto threads : test::variants<std::size_t>({5, 3, 2})) {
                for (const auto chunk : test::variants<std::int64_t>({1, 512})) {
                    CAPTURE(folder.filename().string(), threads, chunk);
                    CHECK(GoldenRun(folder, {.chunk = chunk, .threads = threads, .attention = form}).evaluate(tokens).logits == alone.logits);
                }
            }
        }
    }
}

TEST_CASE("a bf16 cache stays close to an f32 cache", "[families][golden][cache]") {
    const test::TempFolder everything;
    for (auto folder : test::reference_checkpoints()) {
        const Golden golden(folder / "golden.safetensors");
        test::CheckpointCopy model(folder);
        const bool selects = model.config.contains("index_topk");
        if (selects) {  // random weights make near ties, where rounded index keys select other tokens: that is no error of sums
            model.config["index_topk"] = model.config["max_position_embeddings"];
            model.write(everything.path());
            folder = everything.path();
        }
        CAPTURE(folder.filename().string());
        const auto tokens = golden.tokens(numbered("input_ids", 4));
        const auto exact = GoldenRun(folder).evaluate(tokens), rounded = GoldenRun(folder, {.cache = CacheFormat::bf16}).evaluate(tokens);
        CHECK(difference(rounded.layers.front().hidden, exact.layers.front().hidden) <= tolerance::bf16_cache());
        CHECK(difference(rounded.layers.front().hidden, exact.layers.front().hidden) > tolerance::logits());             // it does round
        if (!selects) CHECK(median_difference(rounded.logits, exact.logits, tokens.size()) <= tolerance::bf16_cache());  // that one amplifies roundings: 1.2 % of the largest logit
    }
}

TEST_CASE("a compact cache stays close to an f32 cache", "[families][golden][cache]") {
    const test::TempFolder everything;
    for (const auto& folder : test::reference_checkpoints("v4")) {
        test::CheckpointCopy model(folder);
        model.config["index_topk"] = model.config["max_position_embeddings"];  // as above: which entries are chosen is another matter
        model.write(everything.path());
        const auto tokens = Golden(folder / "golden.safetensors").tokens(numbered("input_ids", 4));
        const auto exact = GoldenRun(everything.path()).evaluate(tokens), compact = GoldenRun(everything.path(), {.cache = CacheFormat::compact}).evaluate(tokens);
        CAPTURE(folder.filename().string());
        const double first = difference(compact.layers.front().hidden, exact.layers.front().hidden);
        CHECK(first <= tolerance::compact_cache());
        CHECK(first > tolerance::bf16_cache() / 4);  // three bits of mantissa, not seven
        CHECK(median_difference(compact.logits, exact.logits, tokens.size()) <= tolerance::compact_cache());
    }
}

TEST_CASE("greedy continuations of the reference are reproduced", "[families][golden]") {
    for (const auto& folder : test::reference_checkpoints()) {
        const Golden golden(folder / "golden.safetensors");
        const GoldenRun run(folder);
        const auto vocab = static_cast<std::size_t>(run.model().geometry().vocab_size);
        for (int n = 0; n < prompts; ++n) {
            if (!golden.has(numbered("greedy", n))) continue;
            CAPTURE(folder.filename().string(), n);
            // One evaluation of prompt and continuation: the logits before each token must put it first.
            auto tokens = golden.tokens(numbered("input_ids", n));
            const auto greedy = golden.tokens(numbered("greedy", n));
            const auto first = tokens.size() - 1;
            tokens.insert(tokens.end(), greedy.begin(), greedy.end());
            const auto logits = run.evaluate(tokens).logits;
            std::vector<Token> chosen;
            for (std::size_t i = 0; i < greedy.size(); ++i) {
                const auto row = std::span(logits).subspan((first + i) * vocab, vocab);
                chosen.push_back(static_cast<Token>(std::ranges::max_element(row) - row.begin()));
            }
            CHECK(chosen == greedy);
        }
    }
}

TEST_CASE("the story model gives the reference's logits", "[families][golden]") {
    const auto folder = std::filesystem::path(RQ_SOURCE_DIR) / "examples/models/tale";
    const Golden golden(folder / "golden.safetensors");
    const GoldenRun run(folder);
    for (int n = 0; n < 3; ++n) {
        CAPTURE(n);
        const auto expected = golden.floats(numbered("logits", n));  // of the last tokens
        const auto logits = run.evaluate(golden.tokens(numbered("input_ids", n))).logits;
        CHECK(difference(std::span(logits).last(expected.size()), expected) <= tolerance::logits());
    }
}
