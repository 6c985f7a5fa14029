#include "grammar/matcher.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "rorqual/error.hpp"

namespace rorqual::grammar {
namespace {

using Edge = Automaton::Edge;
constexpr std::size_t most_threads = std::size_t{1} << 16;

}  // namespace

Matcher::Matcher(std::shared_ptr<const Automaton> automaton, Index root) : automaton_(std::move(automaton)), root_(root) {
    start_ = settle({{automaton_->entry(root_), 0}});
}

Matcher::Stack Matcher::call(State back, Stack below) {
    if (automaton_->only_ends(back)) return below;  // there is nothing to come back for
    const auto [at, added] = call_index_.try_emplace({back, below}, static_cast<Stack>(calls_.size()));
    if (!added) return at->second;
    try {
        calls_.push_back({back, below, calls_[below].depth + 1});
    } catch (...) {
        call_index_.erase(at);
        throw;
    }
    return at->second;
}

// The threads that all of `todo` become before the next byte, as a place.
Matcher::Place Matcher::settle(std::vector<Thread> todo) {
    Known found;
    const auto key = [](Thread thread) { return std::uint64_t{thread.state} << 32 | thread.stack; };
    std::unordered_set<std::uint64_t> seen;
    for (const Thread thread : todo) seen.insert(key(thread));
    const auto add = [&](Thread thread) {
        if (!seen.insert(key(thread)).second) return;
        if (seen.size() > most_threads) throw Error(Status::unsupported, "grammar: the text so far can be read in too many ways");
        todo.push_back(thread);
    };
    while (!todo.empty()) {
        const Thread thread = todo.back();
        todo.pop_back();
        bool reads = false;
        for (const Edge& edge : automaton_->edges(thread.state)) {
            if (edge.kind == Edge::Kind::bytes) reads = true;
            if (edge.kind == Edge::Kind::silent) add({edge.target, thread.stack});
            if (edge.kind == Edge::Kind::call && calls_[thread.stack].depth < most_depth) add({automaton_->entry(edge.rule), call(edge.target, thread.stack)});
        }
        if (reads) found.threads.push_back(thread);
        if (!automaton_->is_end(thread.state)) continue;
        if (thread.stack == 0)
            found.whole = true;
        else
            add({calls_[thread.stack].back, calls_[thread.stack].below});
    }
    if (found.threads.empty() && !found.whole) return nowhere;
    std::ranges::sort(found.threads);
    const auto [at, added] = place_index_.try_emplace({found.threads, found.whole}, static_cast<Place>(places_.size()));
    if (!added) return at->second;
    try {
        places_.push_back(std::move(found));
    } catch (...) {
        place_index_.erase(at);
        throw;
    }
    return at->second;
}

Matcher::Place Matcher::after(Place place, std::uint8_t byte) {
    if (place == nowhere) return nowhere;
    const auto index = static_cast<std::size_t>(place);
    if (!places_[index].next) {
        auto next = std::make_unique<std::array<Place, 256>>();
        next->fill(unknown);
        places_[index].next = std::move(next);
    }
    if (const Place known = (*places_[index].next)[byte]; known != unknown) return known;
    std::vector<Thread> targets;
    for (const Thread& thread : places_[index].threads) {
        for (const Edge& edge : automaton_->edges(thread.state)) {
            if (edge.kind == Edge::Kind::bytes && edge.first <= byte && byte <= edge.last) targets.push_back({edge.target, thread.stack});
        }
    }
    std::ranges::sort(targets);
    targets.erase(std::unique(targets.begin(), targets.end()), targets.end());
    const Place next = targets.empty() ? nowhere : settle(std::move(targets));
    (*places_[index].next)[byte] = next;
    return next;
}

Matcher::Place Matcher::after(Place place, std::string_view bytes) {
    for (const char byte : bytes) place = after(place, static_cast<std::uint8_t>(byte));
    return place;
}

Matcher::Place Matcher::forget_all_but(Place place) {
    Matcher fresh(automaton_, root_);
    std::vector<Thread> threads;
    for (const Thread& thread : places_[static_cast<std::size_t>(place)].threads) {
        std::vector<State> backs;
        for (Stack s = thread.stack; s != 0; s = calls_[s].below) backs.push_back(calls_[s].back);
        Stack stack = 0;
        for (auto back = backs.rbegin(); back != backs.rend(); ++back) stack = fresh.call(*back, stack);
        threads.push_back({thread.state, stack});
    }
    // These threads read bytes already; whether the text may end here is not theirs to tell.
    Known kept;
    kept.threads = std::move(threads);
    std::ranges::sort(kept.threads);
    kept.whole = places_[static_cast<std::size_t>(place)].whole;
    const auto [at, added] = fresh.place_index_.try_emplace({kept.threads, kept.whole}, static_cast<Place>(fresh.places_.size()));
    if (added) fresh.places_.push_back(std::move(kept));
    const Place again = at->second;
    *this = std::move(fresh);
    return again;
}

}  // namespace rorqual::grammar
