#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <span>
#include <vector>

#include "cpu/arena.hpp"
#include "cpu/workers.hpp"
#include "families/model_parts.hpp"
#include "families/network.hpp"
#include "ops/run.hpp"
#include "rorqual/session.hpp"

namespace rorqual::session {

/// The tokens of a session and what the layers remember of them.
///
/// The tokens are the truth. The states of the layers stand at evaluated() ≤ length() and follow when somebody needs logits:
/// they lag after a token was drawn, or after a rewind that a layer could not follow exactly. So rewinding and drawing cannot
/// fail, and an evaluation that was given up leaves nothing to repair.
class Timeline {
 public:
    /// Empty. `options` come from families::resolve(). Allocates everything that evaluating will need except the pages of the layers' states.
    Timeline(std::shared_ptr<const Model> model, const SessionOptions& options);
    /// An independent timeline with the same tokens and states that share what they can; no observer, no counters, no cancel.
    Timeline(const Timeline& other);
    Timeline& operator=(const Timeline&) = delete;

    [[nodiscard]] const std::shared_ptr<const Model>& model() const noexcept { return model_; }
    [[nodiscard]] std::span<const Token> tokens() const noexcept { return tokens_; }
    [[nodiscard]] std::size_t length() const noexcept { return tokens_.size(); }
    [[nodiscard]] std::size_t capacity() const noexcept { return static_cast<std::size_t>(options_.context); }
    [[nodiscard]] std::size_t evaluated() const noexcept { return evaluated_; }
    [[nodiscard]] SessionMetrics metrics() const noexcept;

    /// Adds tokens and evaluates all that is not evaluated. `every_logit` is empty or takes the logits after each of `added`, which
    /// have been checked. On an exception, those of `added` that were evaluated in whole pieces stay.
    void append(std::span<const Token> added, std::span<float> every_logit);

    /// Adds a token without evaluating it; length() < capacity().
    void push(Token token) noexcept { tokens_.push_back(token); }

    /// Forgets all tokens from `length` on, length ≤ length().
    void cut(std::size_t length);

    /// Logits after the last token [vocab_size], evaluating what that takes; length() > 0.
    std::span<const float> logits();

    /// Any thread, also from a signal handler.
    void cancel() const noexcept { cancel_.store(1); }

    void observe(SessionObserver* observer) noexcept;

 private:
    /// The network speaks to its own kind of observer; this passes it on to the caller's.
    struct Onlooker final : families::Observer {
        void hidden(std::int64_t layer, std::int64_t position, ConstRows x) override { to->hidden(layer, position, x); }
        void experts(std::int64_t layer, std::int64_t position, std::int64_t per_token, std::span<const std::int32_t> ids,
                     std::span<const float> weights) override {
            to->experts(layer, position, per_token, ids, weights);
        }
        SessionObserver* to = nullptr;
    };

    /// Buffers of an evaluation.
    struct Buffers {
        std::unique_ptr<families::Workspace> workspace;
        Rows hidden;              // [chunk, D] final hidden states of one piece
        std::span<float> logits;  // [V] after the token at position logits_length_ − 1
    };

    Timeline(std::shared_ptr<const Model> model, const SessionOptions& options, families::States states);

    [[nodiscard]] const families::Network& network() const noexcept { return *model_->parts().network; }
    [[nodiscard]] families::States forked_states() const;
    [[nodiscard]] Buffers cut_buffers(cpu::Arena& arena) const;

    void evaluate(std::span<float> every_logit, std::size_t& stays);
    void evaluate_piece(std::size_t count, std::span<float> every_logit);
    [[nodiscard]] std::size_t rewind_states(std::size_t length);

    std::shared_ptr<const Model> model_;
    SessionOptions options_;
    mutable cpu::CancelFlag cancel_ = 0;
    ops::Run run_;
    families::Compute compute_;
    Onlooker onlooker_;
    families::States states_;  // all at position evaluated_
    cpu::Arena arena_;
    Buffers buffers_;
    std::pmr::vector<Token> tokens_;  // capacity = context, reserved once: adding a token cannot fail
    std::size_t evaluated_ = 0;
    std::size_t logits_length_ = 0;  // length of the timeline that the buffered logits belong to; 0 = none
    SessionMetrics metrics_;
};

}  // namespace rorqual::session
