#include "session/timeline.hpp"

#include <algorithm>
#include <chrono>
#include <string>

#include "rorqual/error.hpp"

namespace rorqual::session {
namespace {

using Clock = std::chrono::steady_clock;

/// The library for products of many rows, where nobody asked for reproducible ones.
ops::Gemm library_gemm() { return ops::has(ops::Gemm::onednn) ? ops::Gemm::onednn : ops::Gemm::eigen; }

bool reproducible(const SessionOptions& options) { return options.mode == Mode::exact && options.reproducible; }

ops::Run make_run(const Model::Parts& parts, const cpu::CancelFlag& cancel, const SessionOptions& options) {
    return {.kernels = parts.kernels,
            .workers = *parts.workers,
            .cancel = &cancel,
            .gemm = reproducible(options) ? ops::Gemm::own : library_gemm(),
            .fast = options.mode == Mode::fast};
}

}  // namespace

Timeline::Timeline(std::shared_ptr<const Model> model, const SessionOptions& options)
    : Timeline(model, options, model->parts().network->new_states(options.cache, *model->parts().memory)) {
    if (options_.drafting == Drafting::head) draft_.emplace(*network().draft_head(), new_draft_state(), *buffers_.draft);
}

Timeline::Timeline(const Timeline& other) : Timeline(other.model_, other.options_, other.forked_states()) {
    if (other.drafts()) draft_.emplace(*other.draft_, *buffers_.draft);
    tokens_.assign(other.tokens_.begin(), other.tokens_.end());
    length_ = other.length_;
    evaluated_ = other.evaluated_;
    logits_from_ = other.logits_from_, logits_count_ = other.logits_count_;
    for (std::size_t i = 0; i < logits_count_; ++i) {
        const auto row = static_cast<std::int64_t>(i);
        std::ranges::copy(other.buffers_.logits.row(row), buffers_.logits.row(row).begin());
    }
}

Timeline::Timeline(std::shared_ptr<const Model> model, const SessionOptions& options, families::States states)
    : model_(std::move(model)),
      options_(options),
      run_(make_run(model_->parts(), cancel_, options)),
      compute_{reproducible(options) ? AttentionForm::absorbed : AttentionForm::automatic, nullptr},
      states_(std::move(states)),
      arena_([this] {
          cpu::Arena counting;
          (void)cut_buffers(counting);
          return cpu::Arena(counting.bytes(), *model_->parts().memory);
      }()),
      buffers_(cut_buffers(arena_)),
      tokens_(model_->parts().memory) {
    tokens_.reserve(static_cast<std::size_t>(options_.context));
}

families::States Timeline::forked_states() const {
    families::States forks;
    forks.reserve(states_.size());
    for (const auto& state : states_) forks.push_back(state->fork());
    return forks;
}

Timeline::Buffers Timeline::cut_buffers(cpu::Arena& arena) const {
    const Geometry& geometry = network().geometry();
    Buffers buffers{network().new_workspace(arena, options_.chunk, options_.context, run_.workers.count()),
                    arena.take_rows(options_.chunk, network().hidden_width()),
                    arena.take_rows(1 + options_.draft_tokens, geometry.vocab_size),
                    arena.take_rows(families::most_batched, families::batched_logits),
                    {}};
    if (options_.drafting == Drafting::head) buffers.draft = DraftFollower::cut_buffers(network(), options_.draft_tokens, arena);
    return buffers;
}

SessionMetrics Timeline::metrics() const noexcept {
    SessionMetrics metrics = metrics_;
    for (const auto& state : states_) metrics.cache_bytes += state->bytes();
    if (drafts()) metrics.cache_bytes += draft_->state().bytes();
    metrics.scratch_bytes = arena_.bytes();
    return metrics;
}

void Timeline::observe(SessionObserver* observer) noexcept {
    onlooker_.to = observer;
    compute_.observer = observer ? &onlooker_ : nullptr;
}

void Timeline::append(std::span<const Token> added, std::span<float> every_logit, std::span<float> every_draft) {
    cut(length_);  // no guesses
    std::size_t stays = length_;
    for (const Token token : added) tokens_.push_back(token);  // one by one: `added` may lie in tokens_ itself
    length_ = tokens_.size();
    try {
        evaluate({every_logit, every_draft, stays}, stays);
    } catch (...) {
        forget_from(stays);
        throw;
    }
}

void Timeline::push(Token token) noexcept {
    if (length_ < tokens_.size() && tokens_[length_] == token) {
        ++length_;
        ++metrics_.kept_guesses;
        return;
    }
    cut(length_);
    tokens_.push_back(token);
    ++length_;
}

void Timeline::cut(std::size_t length) {
    forget_from(length);
    // A draft head that joined the last token with one that is gone needs its hidden state again, which only evaluating it gives.
    const std::size_t stands = drafts() && length > 0 && draft_->position() >= length ? length - 1 : length;
    if (evaluated_ > stands) evaluated_ = rewind_states(stands);
}

/// Forgets tokens and logits, but not yet what the layers remember.
void Timeline::forget_from(std::size_t length) noexcept {
    tokens_.resize(length);
    length_ = length;
    logits_count_ = length < logits_from_ ? 0 : std::min(logits_count_, length - logits_from_ + 1);
}

std::span<const float> Timeline::logits(std::span<const Token> guesses) {
    if (!has_logits()) {
        cut(length_);
        if (evaluated_ == length_) evaluated_ = rewind_states(length_ - 1);
        const std::size_t lag = length_ - evaluated_, chunk = static_cast<std::size_t>(options_.chunk);
        const std::size_t room = std::min({capacity() - length_, chunk - std::min(lag, chunk), room_for_guesses(lag)});  // all in one piece
        const auto ahead = guesses.first(std::min({guesses.size(), room, static_cast<std::size_t>(options_.draft_tokens)}));
        tokens_.insert(tokens_.end(), ahead.begin(), ahead.end());
        const auto vocab = static_cast<std::size_t>(buffers_.logits.cols);
        const std::span<float> rows(buffers_.logits.data, ahead.empty() ? 0 : (1 + ahead.size()) * vocab);
        logits_count_ = 0;
        std::size_t whole_pieces = 0;
        try {
            evaluate({rows, {}, length_ - 1}, whole_pieces);
        } catch (...) {
            forget_from(length_);
            throw;
        }
        metrics_.guesses += ahead.size();
    }
    return buffers_.logits.row(static_cast<std::int64_t>(length_ - logits_from_));
}

/// How many guesses may follow `lag` tokens that are to be evaluated, so that no layer has to be rebuilt where they turn out wrong.
std::size_t Timeline::room_for_guesses(std::size_t lag) const noexcept {
    auto room = INT64_MAX;
    for (const auto& state : states_) room = std::min(room, state->room_ahead());
    const auto certain = static_cast<std::int64_t>(lag);
    return room > certain ? static_cast<std::size_t>(room - certain) : capacity();  // else all of them stand behind what cannot be cut
}

std::size_t Timeline::guess(std::span<Token> guesses) {
    cut(length_);
    if (!drafts() || evaluated_ + 1 != length_) return 0;
    const std::size_t room = std::min(static_cast<std::size_t>(options_.draft_tokens), capacity() - length_);
    std::size_t count = 0;
    cancellable([&] {
        try {
            count = draft_->guess({run_, compute_, *buffers_.workspace, tokens()}, guesses.first(std::min(guesses.size(), room)));
        } catch (...) {
            evaluated_ = rewind_states(evaluated_);
            throw;
        }
    });
    return count;
}

Timeline::Contents Timeline::contents() const noexcept {
    const auto logits = has_logits() ? buffers_.logits.row(static_cast<std::int64_t>(length_ - logits_from_)) : std::span<float>{};
    return {tokens(), &states_, evaluated(), drafts() ? &*draft_ : nullptr, logits};
}

void Timeline::replace(Loaded&& loaded) noexcept {
    tokens_.assign(loaded.tokens.begin(), loaded.tokens.end());
    length_ = tokens_.size();
    states_ = std::move(loaded.states);
    evaluated_ = loaded.evaluated;
    if (drafts()) draft_->replace(std::move(loaded.draft));
    std::ranges::copy(loaded.logits, buffers_.logits.data);
    logits_from_ = length_;
    logits_count_ = loaded.logits.empty() ? 0 : 1;
}

/// All pages of a timeline of `end` tokens: what cannot be allocated is found out before anything has changed.
void Timeline::reserve(std::size_t end) {
    for (const auto& state : states_) state->reserve(static_cast<std::int64_t>(end));
    if (drafts()) draft_->reserve(end);
}

/// Evaluates everything from evaluated_ on, in pieces of at most chunk tokens. `stays` is raised to the end of each whole piece:
/// evaluated_ does not tell that after an exception, for a layer may have to be rebuilt from further back.
void Timeline::evaluate(const Wanted& wanted, std::size_t& stays) {
    const std::size_t end = tokens_.size(), guesses = end - length_;
    if (evaluated_ == end) return;
    cancellable([&] {
        reserve(end);
        const bool alone = length_ - evaluated_ == 1;
        while (evaluated_ < end) {
            const std::size_t count = std::min(end - evaluated_, static_cast<std::size_t>(options_.chunk));
            const auto start = Clock::now();
            evaluate_piece(count, wanted);
            stays = std::max(stays, evaluated_);
            (alone ? metrics_.decode_tokens : metrics_.prefill_tokens) += count - guesses;
            (alone ? metrics_.decode_seconds : metrics_.prefill_seconds) += std::chrono::duration<double>(Clock::now() - start).count();
        }
    });
}

void Timeline::check_process() const {
    if (run_.workers.lost_by_fork()) throw Error(Status::wrong_state, "session: used in a child process after fork()");
}

void Timeline::end_cancel() {
    cancel_.store(0);  // this evaluation is the one that was to be stopped
    throw Error(Status::cancelled, "session: cancelled in an evaluation up to token " + std::to_string(length_));
}

/// Evaluates the next `count` tokens.
void Timeline::evaluate_piece(std::size_t count, const Wanted& wanted) {
    const std::size_t first = evaluated_, end = first + count;
    const Rows hidden = buffers_.hidden.slice_rows(0, static_cast<std::int64_t>(count));
    ops::Run run = run_;
    families::Compute compute = compute_;
    if (end > length_) {  // guesses: as each would be computed alone
        run.gemm = ops::Gemm::own;
        compute.attention = AttentionForm::absorbed;
    }
    try {
        run.check_cancelled();
        const families::Sequence sequence{hidden.rows, static_cast<std::int64_t>(first), &states_};
        network().forward(run, compute, std::span(tokens_).subspan(first, count), std::span(&sequence, 1), *buffers_.workspace, hidden);
        if (const std::size_t from = std::max(first, wanted.first); from < end && !wanted.every_logit.empty()) {
            const auto rows = static_cast<std::int64_t>(end - from), vocab = buffers_.logits.cols;
            const Rows out(wanted.every_logit.data() + static_cast<std::int64_t>(from - wanted.first) * vocab, rows, vocab);
            network().logits(run, *buffers_.workspace, hidden.slice_rows(static_cast<std::int64_t>(from - first), rows), 0, out);
        }
        if (end == tokens_.size()) keep_logits(hidden, wanted);
        if (drafts()) draft_->follow({run, compute, *buffers_.workspace, tokens()}, first, hidden, {wanted.every_draft, wanted.first});
    } catch (...) {
        evaluated_ = rewind_states(first);
        throw;
    }
    evaluated_ = end;
}

/// The logits after the last token, and those after the guesses behind it; hidden [T, D] of the last tokens.
void Timeline::keep_logits(Rows hidden, const Wanted& wanted) {
    const std::size_t guesses = tokens_.size() - length_;
    logits_count_ = 0;
    if (wanted.every_logit.empty()) {
        network().logits(run_, *buffers_.workspace, hidden.slice_rows(hidden.rows - 1, 1), 0, buffers_.logits.slice_rows(0, 1));
    } else if (guesses == 0) {
        std::ranges::copy(wanted.every_logit.last(static_cast<std::size_t>(buffers_.logits.cols)), buffers_.logits.row(0).begin());
    }
    logits_from_ = length_, logits_count_ = 1 + guesses;
}

/// Takes the states back to `length`, or to the earlier position from which a layer has to be rebuilt; returns where they stand then.
std::size_t Timeline::rewind_states(std::size_t length) {
    auto position = static_cast<std::int64_t>(length);
    for (bool again = true; again;) {
        again = false;
        for (const auto& state : states_) {
            const std::int64_t answer = state->rewind(position);
            again = again || answer < position;  // the others have to follow
            position = answer;
        }
        if (!drafts()) continue;
        const auto answer = static_cast<std::int64_t>(draft_->rewind(static_cast<std::size_t>(position)));
        again = again || answer < position;
        position = answer;
    }
    return static_cast<std::size_t>(position);
}

}  // namespace rorqual::session
