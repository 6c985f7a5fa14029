#include <algorithm>
#include <array>
#include <chrono>

#include "session/timeline.hpp"

// Several timelines in one evaluation, in the buffers of one of them: the leader.
namespace rorqual::session {
namespace {

using Clock = std::chrono::steady_clock;

template <class Body>
void attempt(std::exception_ptr& failure, const Body& body) {
    try {
        body();
    } catch (...) {
        failure = std::current_exception();
    }
}

}  // namespace

void Timeline::evaluate_batch(std::span<Timeline* const> timelines, std::span<std::exception_ptr> failures) {
    for (std::size_t i = 0; i < timelines.size(); ++i) attempt(failures[i], [&] { timelines[i]->stand_before_last(); });
    const auto waits = [&](std::size_t i) { return failures[i] == nullptr && !timelines[i]->has_logits(); };
    for (;;) {
        Timeline* leader = nullptr;  // with the longest context: its buffers have to do for all
        for (std::size_t i = 0; i < timelines.size(); ++i) {
            if (waits(i) && (leader == nullptr || timelines[i]->capacity() > leader->capacity())) leader = timelines[i];
        }
        if (leader == nullptr) return;
        std::array<Member, families::most_batched> members;
        const auto most = std::min(members.size(), static_cast<std::size_t>(leader->options_.chunk));
        std::size_t count = 0;
        for (std::size_t i = 0; i < timelines.size() && count < most; ++i) {
            if (waits(i) && timelines[i]->computes_as(*leader)) members[count++] = {timelines[i], &failures[i]};
        }
        leader->lead(std::span(members).first(count));
    }
}

bool Timeline::computes_as(const Timeline& other) const noexcept { return model_ == other.model_ && options_.mode == other.options_.mode; }

/// Evaluates all but the last token, and makes room for that one. All of it where nobody else can take part.
void Timeline::stand_before_last() {
    if (has_logits()) return;
    cut(length_);
    if (evaluated_ == length_) evaluated_ = rewind_states(length_ - 1);
    if (length_ - evaluated_ > 1 || compute_.observer != nullptr) {
        (void)logits();
    } else {
        cancellable([&] { reserve(length_); });
    }
}

/// Evaluates the last token of each of the members.
void Timeline::lead(std::span<const Member> members) {
    if (members.size() == 1) return attempt(*members.front().failure, [&] { (void)members.front().timeline->logits(); });
    const auto start = Clock::now();
    ops::Run run = run_;
    run.cancel = nullptr;  // a cancel is about one of them
    run.gemm = ops::Gemm::own;
    const families::Compute compute{AttentionForm::absorbed, nullptr};  // as each would be computed alone
    const auto hidden = buffers_.hidden.slice_rows(0, static_cast<std::int64_t>(members.size()));
    try {
        std::array<Token, families::most_batched> tokens{};
        std::array<families::Sequence, families::most_batched> sequences;
        for (std::size_t i = 0; i < members.size(); ++i) {
            auto& member = *members[i].timeline;
            member.logits_count_ = 0;
            tokens[i] = member.tokens_.back();
            sequences[i] = {1, static_cast<std::int64_t>(member.evaluated_), &member.states_};
        }
        network().forward(run, compute, std::span(tokens).first(members.size()), std::span(sequences).first(members.size()), *buffers_.workspace, hidden);
        share_logits(run, hidden, members);
    } catch (...) {
        for (const auto& [timeline, failure] : members) {
            timeline->evaluated_ = timeline->rewind_states(timeline->length_ - 1);
            *failure = std::current_exception();
        }
        return;
    }
    for (std::size_t i = 0; i < members.size(); ++i) {
        const auto row = hidden.slice_rows(static_cast<std::int64_t>(i), 1);
        attempt(*members[i].failure, [&] { members[i].timeline->finish_batch(run, compute, row, start); });
    }
}

/// Logits of all members, some of the vocabulary at a time: the matrix that makes them is read once.
void Timeline::share_logits(const ops::Run& run, ConstRows hidden, std::span<const Member> members) {
    const auto vocab = buffers_.logits.cols, width = buffers_.shared.cols;
    for (std::int64_t first = 0; first < vocab; first += width) {
        const auto some = buffers_.shared.slice_rows(0, hidden.rows).slice_cols(0, std::min(width, vocab - first));
        network().logits(run, *buffers_.workspace, hidden, first, some);
        for (std::int64_t i = 0; i < hidden.rows; ++i) {
            std::ranges::copy(some.row(i), members[static_cast<std::size_t>(i)].timeline->buffers_.logits.row(0).begin() + first);
        }
    }
}

/// The last token has been evaluated, by a leader: hidden [1, D]. Not so, if this timeline was cancelled meanwhile.
void Timeline::finish_batch(const ops::Run& run, const families::Compute& compute, Rows hidden, Clock::time_point start) {
    try {
        cancellable([&] {
            if (drafts()) draft_->follow({run, compute, *buffers_.workspace, tokens()}, evaluated_, hidden, {{}, length_});
        });
    } catch (...) {
        evaluated_ = rewind_states(length_ - 1);
        throw;
    }
    evaluated_ = length_;
    logits_from_ = length_, logits_count_ = 1;
    ++metrics_.decode_tokens;
    metrics_.decode_seconds += std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace rorqual::session
