#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <memory_resource>
#include <optional>
#include <span>
#include <vector>

#include "cpu/arena.hpp"
#include "cpu/workers.hpp"
#include "families/model_parts.hpp"
#include "families/network.hpp"
#include "ops/run.hpp"
#include "rorqual/error.hpp"
#include "rorqual/session.hpp"
#include "session/draft_follower.hpp"

namespace rorqual::session {

/// The tokens of a session and what the layers remember of them.
///
/// The tokens are the truth. The states of the layers stand at evaluated() ≤ length() and follow when somebody needs logits:
/// they lag after a token was drawn, or after a rewind that a layer could not follow exactly. So rewinding and drawing cannot
/// fail, and an evaluation that was given up leaves nothing to repair.
/// They may also have run ahead, on guesses of what will be drawn: those that come true are there already, the others never were.
class Timeline {
 public:
    /// Empty. `options` come from families::resolve(). Allocates everything that evaluating will need except the pages of the layers' states.
    Timeline(std::shared_ptr<const Model> model, const SessionOptions& options);
    /// An independent timeline with the same tokens and states that share what they can; no observer, no counters, no cancel.
    Timeline(const Timeline& other);
    Timeline& operator=(const Timeline&) = delete;

    [[nodiscard]] const std::shared_ptr<const Model>& model() const noexcept { return model_; }
    [[nodiscard]] std::span<const Token> tokens() const noexcept { return std::span(tokens_).first(length_); }
    [[nodiscard]] std::size_t length() const noexcept { return length_; }
    [[nodiscard]] std::size_t capacity() const noexcept { return static_cast<std::size_t>(options_.context); }
    [[nodiscard]] std::size_t evaluated() const noexcept { return std::min(evaluated_, length_); }
    [[nodiscard]] SessionMetrics metrics() const noexcept;

    /// Adds tokens and evaluates all that is not evaluated. `every_logit` is empty or takes the logits after each of `added`, which
    /// have been checked. On an exception, those of `added` that were evaluated in whole pieces stay.
    /// `every_draft` likewise, where drafts().
    void append(std::span<const Token> added, std::span<float> every_logit, std::span<float> every_draft);

    /// Of the guesses so far, how many came true: SessionMetrics::kept_guesses, without adding up what metrics() does.
    [[nodiscard]] std::uint64_t kept_guesses() const noexcept { return metrics_.kept_guesses; }

    /// Adds a token without evaluating it; length() < capacity().
    void push(Token token) noexcept;

    /// Forgets all tokens from `length` on, length ≤ length().
    void cut(std::size_t length);

    /// Logits after the last token [vocab_size], evaluating what that takes; length() > 0.
    std::span<const float> logits() { return logits({}); }

    /// The same, where `guesses` may follow: as many of them as there is room for are evaluated along, each as if it were alone, so that after
    /// pushing those that come true the next logits are there already.
    std::span<const float> logits(std::span<const Token> guesses);

    /// Evaluates what logits() of each of several timelines takes, those of one model and mode together: every weight is then read once for all of
    /// them. Gives the bits that logits() gives. failures [n]: what went wrong with each, which is then as it was.
    static void evaluate_batch(std::span<Timeline* const> timelines, std::span<std::exception_ptr> failures);

    /// Are these logits there already?
    [[nodiscard]] bool has_logits() const noexcept { return logits_from_ <= length_ && length_ - logits_from_ < logits_count_; }

    /// Guesses of the draft head that follows, if one does: see DraftFollower::guess.
    std::size_t guess(std::span<Token> guesses);

    /// Does a draft head follow?
    [[nodiscard]] bool drafts() const noexcept { return draft_.has_value(); }

    /// What it consists of, to be saved; without guesses. Borrowed until the next call that is not const.
    struct Contents {
        std::span<const Token> tokens;
        const families::States* states;
        std::size_t evaluated;
        const DraftFollower* draft;     // nullptr: none
        std::span<const float> logits;  // after the last token; empty: not evaluated
    };
    [[nodiscard]] Contents contents() const noexcept;

    /// The same, loaded: states at position `evaluated`, made by new_states() and new_draft_state(); no more tokens than capacity().
    struct Loaded {
        std::vector<Token> tokens;
        families::States states;
        std::size_t evaluated;
        DraftFollower::Place draft;
        std::vector<float> logits;
    };
    void replace(Loaded&& loaded) noexcept;
    [[nodiscard]] families::States new_states() const { return network().new_states(options_.cache, *model_->parts().memory); }
    [[nodiscard]] std::unique_ptr<layers::LayerState> new_draft_state() const { return network().draft_head()->new_state(options_.cache, *model_->parts().memory); }

    [[nodiscard]] const SessionOptions& options() const noexcept { return options_; }

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
        Rows hidden;  // [chunk, D] final hidden states of one piece
        Rows logits;  // [1 + draft_tokens, V] after the tokens at logits_from_ − 1 …
        Rows shared;  // [batch, some of V] logits of several timelines, on their way to them
        std::optional<DraftFollower::Buffers> draft;
    };

    /// Logits asked for: rows for the tokens from `first` on.
    struct Wanted {
        std::span<float> every_logit, every_draft;
        std::size_t first;
    };

    Timeline(std::shared_ptr<const Model> model, const SessionOptions& options, families::States states);

    [[nodiscard]] const families::Network& network() const noexcept { return *model_->parts().network; }
    [[nodiscard]] families::States forked_states() const;
    [[nodiscard]] Buffers cut_buffers(cpu::Arena& arena) const;

    /// Of a batch, and where to tell what went wrong.
    struct Member {
        Timeline* timeline;
        std::exception_ptr* failure;
    };
    [[nodiscard]] bool computes_as(const Timeline& other) const noexcept;
    void stand_before_last();
    void lead(std::span<const Member> members);
    void share_logits(const ops::Run& run, ConstRows hidden, std::span<const Member> members);
    void finish_batch(const ops::Run& run, const families::Compute& compute, Rows hidden, std::chrono::steady_clock::time_point start);

    void reserve(std::size_t end);
    void evaluate(const Wanted& wanted, std::size_t& stays);
    void evaluate_piece(std::size_t count, const Wanted& wanted);
    void keep_logits(Rows hidden, const Wanted& wanted);
    /// Runs what evaluates; a cancel ends it with an error that says where.
    template <class Body>
    void cancellable(const Body& body) {
        check_process();
        try {
            run_.check_cancelled();
            body();
        } catch (const Error& error) {
            if (error.status() != Status::cancelled) throw;
            end_cancel();
        }
    }
    void check_process() const;
    [[noreturn]] void end_cancel();
    void forget_from(std::size_t length) noexcept;
    [[nodiscard]] std::size_t rewind_states(std::size_t length);
    [[nodiscard]] std::size_t room_for_guesses(std::size_t lag) const noexcept;

    std::shared_ptr<const Model> model_;
    SessionOptions options_;
    mutable cpu::CancelFlag cancel_ = 0;
    ops::Run run_;
    families::Compute compute_;
    Onlooker onlooker_;
    families::States states_;  // all at position evaluated_
    cpu::Arena arena_;
    Buffers buffers_;
    std::optional<DraftFollower> draft_;
    std::pmr::vector<Token> tokens_;  // and guesses behind them. Capacity = context, reserved once: adding a token cannot fail
    std::size_t length_ = 0;          // without guesses
    std::size_t evaluated_ = 0;
    std::size_t logits_from_ = 0, logits_count_ = 0;  // lengths of the timeline that the buffered logits belong to
    SessionMetrics metrics_;
};

}  // namespace rorqual::session
