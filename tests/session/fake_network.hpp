#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <memory_resource>
#include <span>
#include <vector>

#include "families/model_parts.hpp"
#include "families/network.hpp"
#include "rorqual/error.hpp"

/// A network small enough to see through, for testing sessions alone. Each layer turns the numbers that come in into a running
/// hash over the whole timeline, so that logits tell any two timelines apart; its state refuses to be used at a wrong position.
namespace rorqual::test {

inline std::uint64_t mix(std::uint64_t a, std::uint64_t b) noexcept {
    std::uint64_t z = (a ^ (b + 0x9E3779B97F4A7C15)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 29)) * 0x94D049BB133111EB;
    return z ^ (z >> 32);
}

/// Remembers the hash after each token in shared pages of 8: can be cut anywhere.
class PagedState : public layers::LayerState {
 public:
    static constexpr std::int64_t page_tokens = 8;
    using Page = std::array<std::uint64_t, page_tokens>;

    explicit PagedState(std::pmr::memory_resource& memory) : memory_(&memory), pages_(&memory) {}

    [[nodiscard]] std::int64_t position() const noexcept override { return position_; }
    [[nodiscard]] std::size_t bytes() const noexcept override { return pages_.size() * sizeof(Page); }

    void reserve(std::int64_t position) override {
        const auto pages = static_cast<std::size_t>((position + page_tokens - 1) / page_tokens);
        if (pages > pages_.size()) pages_.reserve(pages);
        if (position_ % page_tokens != 0 && position > position_) {  // the page that still grows must be ours alone
            auto& growing = pages_[static_cast<std::size_t>(position_ / page_tokens)];
            if (growing.use_count() > 1) growing = new_page(*growing);
        }
        while (pages_.size() < pages) pages_.push_back(new_page({}));
    }

    std::int64_t rewind(std::int64_t position) override {
        if (position > position_) throw Error(Status::internal, "fake: rewound forwards");
        position_ = position;
        pages_.resize(static_cast<std::size_t>((position + page_tokens - 1) / page_tokens));
        return position;
    }

    [[nodiscard]] std::unique_ptr<layers::LayerState> fork() const override {
        auto copy = std::make_unique<PagedState>(*memory_);
        const auto used = (position_ + page_tokens - 1) / page_tokens;  // pages reserved beyond it are ours
        copy->pages_.assign(pages_.begin(), pages_.begin() + used);
        copy->position_ = position_;
        return copy;
    }

    void save(const layers::SaveBytes& to) const override {
        for (std::int64_t t = 0; t < position_; ++t) to(std::as_bytes(std::span(&pages_[static_cast<std::size_t>(t / page_tokens)]->at(static_cast<std::size_t>(t % page_tokens)), 1)));
    }
    void load(std::int64_t position, const layers::LoadBytes& from) override {
        reserve(position);
        for (std::int64_t t = 0; t < position; ++t) from(std::as_writable_bytes(std::span(&at(t), 1)));
        position_ = position;
    }

    /// The next hash: remembers and returns it. No allocation: reserve() came before.
    virtual std::uint64_t remember(std::uint64_t input) {
        const std::uint64_t hash = mix(position_ == 0 ? 1 : at(position_ - 1), input);
        at(position_) = hash;
        ++position_;
        return hash;
    }

 protected:
    [[nodiscard]] std::shared_ptr<Page> new_page(const Page& content) const {
        return std::allocate_shared<Page>(std::pmr::polymorphic_allocator<Page>(memory_), content);
    }
    [[nodiscard]] std::uint64_t& at(std::int64_t position) {
        return pages_.at(static_cast<std::size_t>(position / page_tokens))->at(static_cast<std::size_t>(position % page_tokens));
    }

    std::pmr::memory_resource* memory_;
    std::pmr::vector<std::shared_ptr<Page>> pages_;
    std::int64_t position_ = 0;
};

/// Keeps the running hash and snapshots of it at multiples of 5: can be cut only there, and else has to be rebuilt.
class RollingState final : public layers::LayerState {
 public:
    static constexpr std::int64_t snapshot_tokens = 5;

    explicit RollingState(std::pmr::memory_resource& memory) : snapshots_(&memory) {}

    [[nodiscard]] std::int64_t position() const noexcept override { return position_; }
    [[nodiscard]] std::size_t bytes() const noexcept override { return snapshots_.size() * sizeof(std::uint64_t); }
    void reserve(std::int64_t position) override { snapshots_.reserve(static_cast<std::size_t>(position / snapshot_tokens + 1)); }

    std::int64_t rewind(std::int64_t position) override {
        if (position > position_) throw Error(Status::internal, "fake: rewound forwards");
        if (position == position_) return position;
        const std::int64_t kept = position / snapshot_tokens;
        snapshots_.resize(static_cast<std::size_t>(kept));
        hash_ = kept == 0 ? 1 : snapshots_.back();
        return position_ = kept * snapshot_tokens;
    }

    [[nodiscard]] std::unique_ptr<layers::LayerState> fork() const override {
        auto copy = std::make_unique<RollingState>(*snapshots_.get_allocator().resource());
        copy->snapshots_ = snapshots_;
        copy->position_ = position_;
        copy->hash_ = hash_;
        return copy;
    }

    void save(const layers::SaveBytes& to) const override {
        to(std::as_bytes(std::span(snapshots_)));
        to(std::as_bytes(std::span(&hash_, 1)));
    }
    void load(std::int64_t position, const layers::LoadBytes& from) override {
        snapshots_.resize(static_cast<std::size_t>(position / snapshot_tokens));
        from(std::as_writable_bytes(std::span(snapshots_)));
        from(std::as_writable_bytes(std::span(&hash_, 1)));
        position_ = position;
    }

    std::uint64_t remember(std::uint64_t input) {
        hash_ = mix(hash_, input);
        if (++position_ % snapshot_tokens == 0) snapshots_.push_back(hash_);
        return hash_;
    }

 private:
    std::pmr::vector<std::uint64_t> snapshots_;
    std::int64_t position_ = 0;
    std::uint64_t hash_ = 1;
};

/// Layers of both kinds in turn, or of the first only. Context 200.
class FakeNetwork final : public families::Network {
 public:
    static constexpr std::int64_t width = 4;  // a hash as four 16-bit numbers

    explicit FakeNetwork(bool rolling, std::int64_t vocab_size = 50) : rolling_(rolling) {
        geometry_.model_type = "fake";
        geometry_.vocab_size = vocab_size;
        geometry_.hidden_size = width;
        geometry_.layers = 4;
        geometry_.context = 200;
    }

    /// Called before each token of each layer (and before logits) while something is evaluated; may throw or cancel.
    std::function<void()> on_step;
    /// Logits after a timeline; empty = numbers made from the hash.
    std::function<void(std::span<float>, std::uint64_t hash)> make_logits;
    /// Tokens evaluated so far, counted once each time they are.
    mutable std::atomic<std::size_t> evaluated = 0;

    [[nodiscard]] const Geometry& geometry() const noexcept override { return geometry_; }
    void list_tensors(weights::TensorTable&) override {}
    [[nodiscard]] bool has_int8_cache() const noexcept override { return false; }
    [[nodiscard]] std::size_t cache_bytes_per_token(CacheFormat) const noexcept override { return 8 * 4; }

    [[nodiscard]] families::States new_states(CacheFormat, std::pmr::memory_resource& memory) const override {
        families::States states;
        for (std::int64_t layer = 0; layer < geometry_.layers; ++layer) {
            if (rolling_ && layer % 2 == 1) {
                states.push_back(std::make_unique<RollingState>(memory));
            } else {
                states.push_back(std::make_unique<PagedState>(memory));
            }
        }
        return states;
    }

    struct Scratch final : families::Workspace {
        std::span<std::uint64_t> hashes;  // [chunk]
    };
    [[nodiscard]] std::unique_ptr<families::Workspace> new_workspace(cpu::Arena& arena, std::int64_t chunk, std::int64_t,
                                                                     std::size_t) const override {
        auto scratch = std::make_unique<Scratch>();
        scratch->hashes = arena.take<std::uint64_t>(chunk);
        return scratch;
    }

    void forward(const ops::Run& run, const families::Compute& compute, std::span<const Token> tokens, std::span<const families::Sequence> sequences,
                 families::Workspace& workspace, Rows hidden) const override {
        const auto hashes = dynamic_cast<Scratch&>(workspace).hashes;
        if (tokens.size() > hashes.size()) throw Error(Status::internal, "fake: more tokens than the chunk");
        if (hidden.rows != static_cast<std::int64_t>(tokens.size())) throw Error(Status::internal, "fake: hidden has the wrong rows");
        std::copy(tokens.begin(), tokens.end(), hashes.begin());
        std::int64_t last = 0;
        for (const auto& sequence : sequences) last += sequence.count;
        if (last != hidden.rows) throw Error(Status::internal, "fake: sequences of other lengths");
        for (std::size_t layer = 0; layer < sequences.front().states->size(); ++layer) {
            auto sequence = sequences.begin();
            std::int64_t left = 0;
            for (std::size_t t = 0; t < tokens.size(); ++t) {
                if (t > 0 && left == 0) ++sequence;
                auto& state = *(*sequence->states)[layer];
                if (left == 0) {
                    left = sequence->count;
                    if (state.position() != sequence->position) throw Error(Status::internal, "fake: a state stands elsewhere");
                }
                --left;
                if (on_step) on_step();
                run.check_cancelled();
                // A few tasks, so that workers and cancelling take part.
                std::array<std::uint64_t, 4> parts{};
                run.parallel_for(4, [&](std::int64_t task, std::size_t) {
                    parts[static_cast<std::size_t>(task)] = mix(hashes[t], static_cast<std::uint64_t>(task));
                });
                hashes[t] = remember(state, parts[0] ^ parts[1] ^ parts[2] ^ parts[3]);
            }
            if (compute.observer) {
                for (std::size_t t = 0; t < tokens.size(); ++t) write(hashes[t], hidden.row(static_cast<std::int64_t>(t)));
                compute.observer->hidden(static_cast<std::int64_t>(layer), sequences.front().position, hidden);
            }
        }
        for (std::size_t t = 0; t < tokens.size(); ++t) write(hashes[t], hidden.row(static_cast<std::int64_t>(t)));
        evaluated += tokens.size();
    }

    void logits(const ops::Run& run, families::Workspace&, ConstRows hidden, std::int64_t first, Rows logits) const override {
        if (logits.rows != hidden.rows || first + logits.cols > geometry_.vocab_size) throw Error(Status::internal, "fake: logits have the wrong shape");
        for (std::int64_t t = 0; t < hidden.rows; ++t) {
            if (on_step) on_step();
            run.check_cancelled();
            std::uint64_t hash = 0;
            for (const float part : hidden.row(t)) hash = hash << 16 | static_cast<std::uint64_t>(part);
            if (make_logits) {
                make_logits(logits.row(t), hash);
            } else {
                hash_logits(logits.row(t), hash, static_cast<std::size_t>(first));
            }
        }
    }

    static void hash_logits(std::span<float> logits, std::uint64_t hash, std::size_t first) {
        for (std::size_t v = 0; v < logits.size(); ++v) logits[v] = static_cast<float>(mix(hash, first + v) >> 40) / static_cast<float>(1 << 21);
    }

 private:
    static std::uint64_t remember(layers::LayerState& state, std::uint64_t input) {
        if (auto* rolling = dynamic_cast<RollingState*>(&state)) return rolling->remember(input);
        return dynamic_cast<PagedState&>(state).remember(input);
    }
    static void write(std::uint64_t hash, std::span<float> row) {
        for (std::size_t i = 0; i < 4; ++i) row[i] = static_cast<float>(hash >> (48 - 16 * i) & 0xFFFF);
    }

    bool rolling_;
    Geometry geometry_;
};

/// A model around a fake network, with a hold on it.
struct FakeModel {
    explicit FakeModel(bool rolling = false, std::unique_ptr<cpu::Workers> workers = cpu::Workers::caller(),
                       std::pmr::memory_resource* memory = std::pmr::new_delete_resource(), std::optional<Tokenizer> tokenizer = {}) {
        auto parts = std::make_unique<Model::Parts>();
        auto made = std::make_unique<FakeNetwork>(rolling, tokenizer ? tokenizer->vocab_size() + padding : 50);
        network = made.get();
        parts->network = std::move(made);
        parts->workers = std::move(workers);
        parts->memory = memory;
        parts->tokenizer = std::move(tokenizer);
        parts->defaults.stop_tokens = {0};
        model = Model::Parts::assemble(std::move(parts));
    }

    [[nodiscard]] Session session(std::int64_t chunk = 16, std::int64_t context = 0) const {
        return model->session({.context = context, .chunk = chunk});
    }

    /// Logits of a new session that evaluates `tokens` at once.
    [[nodiscard]] std::vector<float> fresh(std::span<const Token> tokens) const {
        auto session = model->session({.chunk = 1000});
        session.append(tokens);
        const auto logits = session.logits();
        return {logits.begin(), logits.end()};
    }

    static constexpr std::int64_t padding = 3;  // ids that a tokenizer does not have
    FakeNetwork* network = nullptr;
    std::shared_ptr<const Model> model;
};

}  // namespace rorqual::test
