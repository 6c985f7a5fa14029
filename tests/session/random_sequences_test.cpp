// Ten thousand ways of reaching a state, each against a fresh session.
#include <catch2/catch.hpp>

#include <array>
#include <exception>
#include <random>
#include <string>
#include <vector>

#include "rorqual/error.hpp"
#include "rorqual/session.hpp"
#include "support/temp_folder.hpp"

using namespace rorqual;

namespace {

constexpr std::size_t context = 400;

std::vector<float> copy(std::span<const float> values) { return {values.begin(), values.end()}; }

/// Two sessions and the texts they should hold, under random operations.
class Sequence {
 public:
    Sequence(const Model& model, Mode mode, std::uint64_t seed, const std::filesystem::path& file) : model_(model), file_(file), random_(seed) {
        constexpr std::array chunks = {1, 3, 4, 5, 127, 128, 129, 400};
        constexpr std::array caches = {CacheFormat::f32, CacheFormat::bf16, CacheFormat::compact};
        options_ = {.context = context, .chunk = chunks[below(chunks.size())], .cache = caches[below(model.has_compact_cache() ? 3 : 2)], .mode = mode};
        sessions_.push_back(model.session(options_));
        sessions_.push_back(model.session(options_));
        for (std::size_t which : {0, 1}) append(which);
    }

    void step() {
        const auto which = below(2), other = 1 - which;
        switch (below(8)) {
            case 0: return cut(which), sessions_[which].rewind(texts_[which].size());
            case 1: return cut(which), (void)grow(which), (void)sessions_[which].sync(texts_[which]);
            case 2:
                sessions_[other] = sessions_[which].fork();
                texts_[other] = texts_[which];
                return;
            case 3:
                sessions_[which].save(file_);
                sessions_[other].load(Source::path(file_));
                texts_[other] = texts_[which];
                return;
            case 4: return write(which, false);
            case 5: return evaluate_both();
            case 6: return write(which, true);
            default: return append(which);
        }
    }

    void check() {
        for (std::size_t which : {0, 1}) {
            CAPTURE(which, texts_[which].size(), options_.chunk);
            REQUIRE(std::ranges::equal(sessions_[which].tokens(), texts_[which]));
            if (texts_[which].empty()) continue;
            auto fresh = model_.session({.context = context, .chunk = context, .cache = options_.cache, .mode = options_.mode});
            fresh.append(texts_[which]);
            REQUIRE(copy(sessions_[which].logits()) == copy(fresh.logits()));
        }
    }

 private:
    std::size_t below(std::size_t n) { return static_cast<std::size_t>(random_() % n); }

    std::vector<Token> grow(std::size_t which) {
        auto& text = texts_[which];
        const std::size_t most = below(4) == 0 ? 160 : 9;
        std::vector<Token> added(std::min(1 + below(most), context - text.size()));
        for (Token& token : added) token = static_cast<Token>(below(static_cast<std::size_t>(model_.geometry().vocab_size)));
        text.insert(text.end(), added.begin(), added.end());
        return added;
    }
    void cut(std::size_t which) {
        auto& text = texts_[which];
        text.resize(text.size() - below(std::min<std::size_t>(text.size(), below(3) == 0 ? 300 : 9) + 1));
    }
    void append(std::size_t which) { sessions_[which].append(grow(which)); }
    /// What it writes is what a fresh session writes, whether or not it was stopped once.
    void write(std::size_t which, bool cancelled) {
        auto& text = texts_[which];
        if (text.empty() || text.size() + 3 > context) return;
        if (cancelled) sessions_[which].cancel();
        auto generation = sessions_[which].generate({.limit = 3, .ignore_eos = true});
        for (int left = 3; left > 0;) {
            try {
                text.push_back(generation.next()->token);
                --left;
            } catch (const Error& error) {
                REQUIRE(error.status() == Status::cancelled);
            }
        }
    }
    void evaluate_both() {
        if (texts_[0].empty() || texts_[1].empty()) return;
        const std::array<Session*, 2> batch = {&sessions_[0], &sessions_[1]};
        std::array<std::exception_ptr, 2> failures;
        Session::evaluate_batch(batch, failures);
    }

    const Model& model_;
    const std::filesystem::path& file_;
    std::mt19937_64 random_;
    SessionOptions options_;
    std::vector<Session> sessions_;
    std::array<std::vector<Token>, 2> texts_;
};

}  // namespace

TEST_CASE("ten thousand random sequences of operations give the bits of a fresh session", "[session][slow]") {
    const auto [name, mode] = GENERATE(table<const char*, Mode>({{"v2-group-limited", Mode::exact}, {"v3", Mode::exact}, {"v32", Mode::exact}, {"v4", Mode::exact}, {"v4", Mode::fast}}));
    const auto model = Model::open(Source::path(std::filesystem::path(RQ_SOURCE_DIR) / "tests/data/checkpoints" / name), {.threads = 1});
    const test::TempFolder folder;
    const auto file = folder / "session.safetensors";
    for (std::uint64_t seed = 0; seed < 2000; ++seed) {
        CAPTURE(name, static_cast<int>(mode), seed);
        Sequence sequence(*model, mode, seed, file);
        for (int step = 0; step < 12; ++step) sequence.step();
        sequence.check();
    }
}
