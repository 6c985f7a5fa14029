#include "session/draft_follower.hpp"

#include <algorithm>
#include <utility>

namespace rorqual::session {

DraftFollower::Buffers DraftFollower::cut_buffers(const families::Network& network, std::int64_t ahead, cpu::Arena& arena) {
    const auto waiting = arena.take_rows(1 + ahead, network.hidden_width()), joined = arena.take_rows(1 + ahead, network.hidden_width());
    return {waiting, joined, arena.take_rows(1, network.geometry().vocab_size)};
}

DraftFollower::DraftFollower(const DraftFollower& other, const Buffers& buffers)
    : head_(other.head_), state_(other.state_->fork()), buffers_(buffers), waits_(other.waits_), position_(other.position_) {
    for (std::int64_t t = 0; t < waits_; ++t) std::ranges::copy(other.buffers_.waiting.row(t), buffers_.waiting.row(t).begin());
}

void DraftFollower::follow(const Evaluation& evaluation, std::size_t first, Rows hidden, const Wanted& wanted) {
    const auto vocab = static_cast<std::size_t>(buffers_.logits.cols);
    if (first == 0 && wanted.first == 0 && !wanted.rows.empty()) std::ranges::fill(wanted.rows.first(vocab), 0.0F);
    if (waits_ > 0) join_waiting(evaluation, wanted);
    // The last one waits: what follows it may be drawn yet.
    const auto certain = std::min(static_cast<std::int64_t>(evaluation.tokens.size() - first), hidden.rows) - 1;
    const auto followed = hidden.slice_rows(0, certain);
    if (certain > 0) join(evaluation, followed, first, followed, wanted);
    waits_ = hidden.rows - certain;
    for (std::int64_t t = 0; t < waits_; ++t) std::ranges::copy(hidden.row(certain + t), buffers_.waiting.row(t).begin());
    position_ = first + static_cast<std::size_t>(certain);
}

std::size_t DraftFollower::guess(const Evaluation& evaluation, std::span<Token> guesses) {
    if (waits_ == 0 || guesses.empty()) return 0;
    const std::size_t last = evaluation.tokens.size() - 1;
    reserve(last + 1 + guesses.size());
    const auto x = buffers_.joined.slice_rows(waits_ - 1, 1);  // what the head makes of the last hidden state
    join_waiting(evaluation, {});
    position_ = last;
    waits_ = 0;
    const auto ahead = state_->room_ahead();  // which it can be taken back from
    if (std::cmp_less(ahead, guesses.size() - 1)) guesses = guesses.first(1 + static_cast<std::size_t>(ahead));
    for (std::size_t i = 0; i < guesses.size(); ++i) {
        if (i > 0) {  // its own hidden state and guess instead of what the network will make of them
            head_.forward(evaluation.run, evaluation.compute, x, guesses.subspan(i - 1, 1), static_cast<std::int64_t>(last + i - 1), *state_, evaluation.workspace, x);
        }
        head_.logits(evaluation.run, evaluation.workspace, x, buffers_.logits);
        guesses[i] = static_cast<Token>(std::ranges::max_element(buffers_.logits.row(0)) - buffers_.logits.row(0).begin());
    }
    (void)state_->rewind(static_cast<std::int64_t>(last));
    return guesses.size();
}

std::vector<float> DraftFollower::waiting() const {
    std::vector<float> values;
    for (std::int64_t t = 0; t < waits_; ++t) {
        const auto row = buffers_.waiting.row(t);
        values.insert(values.end(), row.begin(), row.end());
    }
    return values;
}

void DraftFollower::replace(Place place) noexcept {
    state_ = std::move(place.state);
    position_ = place.position;
    std::ranges::copy(place.waiting, buffers_.waiting.data);
    waits_ = static_cast<std::int64_t>(place.waiting.size()) / buffers_.waiting.cols;
}

std::size_t DraftFollower::rewind(std::size_t evaluated) {
    const std::size_t wanted = std::min(position_, evaluated);
    position_ = static_cast<std::size_t>(state_->rewind(static_cast<std::int64_t>(wanted)));
    const auto missing = static_cast<std::int64_t>(evaluated - position_);
    if (position_ == wanted && waits_ >= missing) {
        waits_ = missing;
        return evaluated;
    }
    waits_ = 0;  // what would have to be joined is gone
    return position_;
}

/// hidden [T, H] of tokens `position` …, and the tokens after them.
void DraftFollower::join(const Evaluation& evaluation, ConstRows hidden, std::size_t position, Rows out, const Wanted& wanted) {
    const auto vocab = buffers_.logits.cols;
    const auto count = static_cast<std::size_t>(hidden.rows), next = position + 1;
    head_.forward(evaluation.run, evaluation.compute, hidden, evaluation.tokens.subspan(next, count), static_cast<std::int64_t>(position), *state_, evaluation.workspace, out);
    const std::size_t from = std::max(next, wanted.first), end = next + count;
    if (wanted.rows.empty() || from >= end) return;
    const auto rows = static_cast<std::int64_t>(end - from);
    const Rows logits(wanted.rows.data() + static_cast<std::int64_t>(from - wanted.first) * vocab, rows, vocab);
    head_.logits(evaluation.run, evaluation.workspace, out.slice_rows(static_cast<std::int64_t>(from - next), rows), logits);
}

}  // namespace rorqual::session
