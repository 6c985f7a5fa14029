#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "cpu/arena.hpp"
#include "families/draft_head.hpp"
#include "families/network.hpp"
#include "rorqual/session.hpp"

namespace rorqual::session {

/// A draft head that follows a timeline. Its position t joins the network's final hidden state of token t with token t + 1: a hidden state whose
/// next token is not certain yet waits. After each evaluation those from position() to the timeline's evaluated tokens wait; none where tokens are
/// evaluated again before anybody asks.
class DraftFollower {
 public:
    /// Rows of logits that the caller wants, one for each token from `first` on; may be none.
    struct Wanted {
        std::span<float> rows;
        std::size_t first;
    };
    /// The evaluation that is followed. `tokens`: those of the timeline that are certain.
    struct Evaluation {
        const ops::Run& run;
        const families::Compute& compute;
        families::Workspace& workspace;
        std::span<const Token> tokens;
    };
    struct Buffers {
        Rows waiting, joined;  // [1 + ahead, H] hidden states that wait, and what the head makes of them
        Rows logits;           // [1, V]
    };
    /// For timelines that run up to `ahead` tokens ahead; `arena` may only count.
    [[nodiscard]] static Buffers cut_buffers(const families::Network& network, std::int64_t ahead, cpu::Arena& arena);

    /// At the beginning of a timeline. Borrows the head and what the buffers lie in.
    DraftFollower(const families::DraftHead& head, std::unique_ptr<layers::LayerState> state, const Buffers& buffers)
        : head_(head), state_(std::move(state)), buffers_(buffers) {}
    /// Where `other` is, with what it remembers. Throws std::bad_alloc.
    DraftFollower(const DraftFollower& other, const Buffers& buffers);
    DraftFollower& operator=(const DraftFollower&) = delete;

    [[nodiscard]] std::size_t position() const noexcept { return position_; }
    [[nodiscard]] const layers::LayerState& state() const noexcept { return *state_; }

    /// Makes room for a timeline of `length` tokens. Throws std::bad_alloc.
    void reserve(std::size_t length) { state_->reserve(static_cast<std::int64_t>(length) - 1); }

    /// hidden [T, H]: final hidden states of tokens first … first+T−1, T ≤ chunk; they are overwritten. On an exception, rewind() is due.
    void follow(const Evaluation& evaluation, std::size_t first, Rows hidden, const Wanted& wanted);

    /// What may follow the last certain token, all others of which were evaluated: the head's most probable tokens, each guessed on the ones
    /// before it. Returns how many; 0 where it does not know the last hidden state. On an exception, rewind() is due.
    std::size_t guess(const Evaluation& evaluation, std::span<Token> guesses);

    /// Where it is, as saved timelines hold it. Hidden states that wait: rows [n, H], one after another.
    struct Place {
        std::unique_ptr<layers::LayerState> state;
        std::size_t position = 0;
        std::vector<float> waiting;
    };
    [[nodiscard]] std::vector<float> waiting() const;
    /// place.waiting has no more rows than there is room for.
    void replace(Place place) noexcept;

    /// Goes back with a timeline whose layers go back to `evaluated`; returns from where tokens have to be evaluated again.
    std::size_t rewind(std::size_t evaluated);

 private:
    void join(const Evaluation& evaluation, ConstRows hidden, std::size_t position, Rows out, const Wanted& wanted);
    void join_waiting(const Evaluation& evaluation, const Wanted& wanted) {
        join(evaluation, buffers_.waiting.slice_rows(0, waits_), position_, buffers_.joined.slice_rows(0, waits_), wanted);
    }

    const families::DraftHead& head_;
    std::unique_ptr<layers::LayerState> state_;
    Buffers buffers_;
    std::int64_t waits_ = 0;    // rows of waiting
    std::size_t position_ = 0;  // of the state, between calls
};

}  // namespace rorqual::session
