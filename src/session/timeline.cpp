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
    : Timeline(model, options, model->parts().network->new_states(options.cache, *model->parts().memory)) {}

Timeline::Timeline(const Timeline& other) : Timeline(other.model_, other.options_, other.forked_states()) {
    tokens_.assign(other.tokens_.begin(), other.tokens_.end());
    evaluated_ = other.evaluated_;
    std::copy(other.buffers_.logits.begin(), other.buffers_.logits.end(), buffers_.logits.begin());
    logits_length_ = other.logits_length_;
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
    return {network().new_workspace(arena, options_.chunk, options_.context, run_.workers.count()),
            arena.take_rows(options_.chunk, geometry.hidden_size), arena.take<float>(geometry.vocab_size)};
}

SessionMetrics Timeline::metrics() const noexcept {
    SessionMetrics metrics = metrics_;
    for (const auto& state : states_) metrics.cache_bytes += state->bytes();
    metrics.scratch_bytes = arena_.bytes();
    return metrics;
}

void Timeline::observe(SessionObserver* observer) noexcept {
    onlooker_.to = observer;
    compute_.observer = observer ? &onlooker_ : nullptr;
}

void Timeline::append(std::span<const Token> added, std::span<float> every_logit) {
    std::size_t stays = length();
    for (const Token token : added) tokens_.push_back(token);  // one by one: `added` may lie in tokens_ itself
    try {
        evaluate(every_logit, stays);
    } catch (...) {
        tokens_.resize(stays);
        throw;
    }
}

void Timeline::cut(std::size_t length) {
    tokens_.resize(length);
    if (logits_length_ > length) logits_length_ = 0;
    if (evaluated_ > length) evaluated_ = rewind_states(length);
}

std::span<const float> Timeline::logits() {
    if (logits_length_ != length()) {
        if (evaluated_ == length()) evaluated_ = rewind_states(length() - 1);
        std::size_t whole_pieces = 0;
        evaluate({}, whole_pieces);
    }
    return buffers_.logits;
}

/// Evaluates everything from evaluated_ on, in pieces of at most chunk tokens. `stays` is raised to the end of each whole piece:
/// evaluated_ does not tell that after an exception, for a layer may have to be rebuilt from further back.
void Timeline::evaluate(std::span<float> every_logit, std::size_t& stays) {
    const std::size_t end = length();
    if (evaluated_ == end) return;
    if (run_.workers.lost_by_fork()) throw Error(Status::wrong_state, "session: used in a child process after fork()");
    try {
        run_.check_cancelled();
        // All pages first: what cannot be allocated is found out before anything has changed.
        for (const auto& state : states_) state->reserve(static_cast<std::int64_t>(end));
        const bool alone = end - evaluated_ == 1;
        while (evaluated_ < end) {
            const std::size_t count = std::min(end - evaluated_, static_cast<std::size_t>(options_.chunk));
            const auto start = Clock::now();
            evaluate_piece(count, every_logit);
            stays = std::max(stays, evaluated_);
            (alone ? metrics_.decode_tokens : metrics_.prefill_tokens) += count;
            (alone ? metrics_.decode_seconds : metrics_.prefill_seconds) += std::chrono::duration<double>(Clock::now() - start).count();
        }
    } catch (const Error& error) {
        if (error.status() != Status::cancelled) throw;
        cancel_.store(0);  // this evaluation is the one that was to be stopped
        throw Error(Status::cancelled, "session: cancelled in an evaluation up to token " + std::to_string(end));
    }
}

/// Evaluates the next `count` tokens. `every_logit` is for the last tokens of the timeline; rows before them are not asked for.
void Timeline::evaluate_piece(std::size_t count, std::span<float> every_logit) {
    const auto vocab = static_cast<std::int64_t>(buffers_.logits.size());
    const std::size_t first = evaluated_, end = first + count;
    const std::size_t wanted_from = length() - every_logit.size() / buffers_.logits.size();
    const Rows hidden = buffers_.hidden.slice_rows(0, static_cast<std::int64_t>(count));
    const auto rows_from = [&](std::size_t position) { return static_cast<std::int64_t>(position - first); };
    try {
        run_.check_cancelled();
        network().forward(run_, compute_, tokens().subspan(first, count), static_cast<std::int64_t>(first), states_, *buffers_.workspace, hidden);
        if (const std::size_t from = std::max(first, wanted_from); from < end) {
            const auto rows = static_cast<std::int64_t>(end - from);
            const Rows out(every_logit.data() + static_cast<std::int64_t>(from - wanted_from) * vocab, rows, vocab);
            network().logits(run_, *buffers_.workspace, hidden.slice_rows(rows_from(from), rows), out);
        }
        if (end == length()) {
            logits_length_ = 0;
            if (every_logit.empty()) {
                network().logits(run_, *buffers_.workspace, hidden.slice_rows(rows_from(end - 1), 1), Rows(buffers_.logits.data(), 1, vocab));
            } else {
                std::ranges::copy(every_logit.last(buffers_.logits.size()), buffers_.logits.begin());
            }
        }
    } catch (...) {
        evaluated_ = rewind_states(first);
        throw;
    }
    evaluated_ = end;
    if (end == length()) logits_length_ = end;
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
    }
    return static_cast<std::size_t>(position);
}

}  // namespace rorqual::session
