#include "grammar/automaton.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "rorqual/error.hpp"

namespace rorqual::grammar {
namespace {

using Edge = Automaton::Edge;

constexpr std::size_t most_states = std::size_t{1} << 20;

struct ByteRange {
    std::uint8_t first, last;
};

/// A set of characters of equal length in UTF-8 whose bytes vary independently: [first byte][second byte]…
struct ByteSequence {
    std::array<ByteRange, 4> bytes;
    int length;
};

int encode(char32_t c, std::array<std::uint8_t, 4>& to) {
    const auto tail = [&](int shift) { return static_cast<std::uint8_t>(0x80 | (c >> shift & 0x3f)); };
    if (c < 0x80) return to = {static_cast<std::uint8_t>(c)}, 1;
    if (c < 0x800) return to = {static_cast<std::uint8_t>(0xc0 | c >> 6), tail(0)}, 2;
    if (c < 0x10000) return to = {static_cast<std::uint8_t>(0xe0 | c >> 12), tail(6), tail(0)}, 3;
    return to = {static_cast<std::uint8_t>(0xf0 | c >> 18), tail(12), tail(6), tail(0)}, 4;
}

/// Cuts first…last where the length of UTF-8 changes, and where the bytes behind a varying one do not take all their values.
void byte_sequences(char32_t first, char32_t last, std::vector<ByteSequence>& to) {
    for (const char32_t end : {0x7fU, 0x7ffU, 0xffffU}) {
        if (first > end || last <= end) continue;
        byte_sequences(first, end, to);
        return byte_sequences(end + 1, last, to);
    }
    for (int shift = 6; shift <= 18 && first >= 0x80; shift += 6) {
        const char32_t low = (char32_t{1} << shift) - 1;
        if ((first & ~low) == (last & ~low)) break;  // they differ in the last bytes only
        if (first & low) {
            byte_sequences(first, first | low, to);
            return byte_sequences((first | low) + 1, last, to);
        }
        if ((last & low) != low) {
            byte_sequences(first, (last & ~low) - 1, to);
            return byte_sequences(last & ~low, last, to);
        }
    }
    std::array<std::uint8_t, 4> a{}, b{};
    ByteSequence sequence{{}, encode(first, a)};
    encode(last, b);
    for (std::size_t i = 0; i < 4; ++i) sequence.bytes[i] = {a[i], b[i]};
    to.push_back(sequence);
}

/// Thompson's construction, with calls.
class Builder {
 public:
    explicit Builder(const Rules& rules) : rules_(rules) {}

    State state() {
        if (edges.size() == most_states) throw Error(Status::invalid_argument, "grammar: too large once repetitions are written out");
        edges.emplace_back();
        return static_cast<State>(edges.size() - 1);
    }
    void silent(State from, State to) { edges[from].push_back({Edge::Kind::silent, 0, 0, to}); }

    /// States of an expression that is entered at `from`: returns where it ends.
    State add(Index index, State from) {
        const Expression& e = rules_[index];
        switch (e.kind) {
            case Expression::Kind::text: return text(e.text, from);
            case Expression::Kind::characters: return characters(e.ranges, from);
            case Expression::Kind::sequence:
                for (const Index part : e.parts) from = add(part, from);
                return from;
            case Expression::Kind::choice: return choice(e.parts, from);
            case Expression::Kind::repeat: return repeat(e, from);
            default: break;
        }
        if (!rules_.rules()[e.rule].defined) throw Error(Status::invalid_argument, "grammar: there is no rule " + rules_.rules()[e.rule].name);
        const State to = state();
        edges[from].push_back({Edge::Kind::call, 0, 0, to, e.rule});
        return to;
    }

    std::vector<std::vector<Edge>> edges;  // of each state

 private:
    State text(const std::string& bytes, State from) {
        for (const char c : bytes) {
            const State to = state();
            const auto byte = static_cast<std::uint8_t>(c);
            edges[from].push_back({Edge::Kind::bytes, byte, byte, to});
            from = to;
        }
        return from;
    }
    State characters(const std::vector<CodeRange>& ranges, State from) {
        std::vector<ByteSequence> sequences;
        for (const auto& range : ranges) byte_sequences(range.first, range.last, sequences);
        const State to = state();
        for (const auto& s : sequences) {
            State at = from;
            for (int i = 0; i < s.length; ++i) {
                const State next = i + 1 == s.length ? to : state();
                const auto& byte = s.bytes[static_cast<std::size_t>(i)];
                edges[at].push_back({Edge::Kind::bytes, byte.first, byte.last, next});
                at = next;
            }
        }
        return to;
    }
    State choice(const std::vector<Index>& parts, State from) {
        const State to = state();
        for (const Index part : parts) {
            const State own = state();
            silent(from, own);
            silent(add(part, own), to);
        }
        return to;
    }
    State repeat(const Expression& e, State from) {
        for (std::uint32_t i = 0; i < e.min; ++i) from = add(e.parts[0], from);
        const State to = state();
        if (e.max == Expression::endless) {
            const State again = state();
            silent(from, again);
            silent(add(e.parts[0], again), again);
            silent(again, to);
            return to;
        }
        for (std::uint32_t i = e.min; i < e.max; ++i) {
            silent(from, to);
            const State own = state();
            silent(from, own);
            from = add(e.parts[0], own);
        }
        silent(from, to);
        return to;
    }

    const Rules& rules_;
};

/// Finds a rule that calls itself before it has read a byte: reading it would never begin.
class LeftRecursion {
 public:
    LeftRecursion(const Automaton& automaton, const Rules& rules, std::size_t states) : automaton_(automaton), rules_(rules), seen_(states), empty_(rules.rules().size()), mark_(rules.rules().size()) {
        for (bool grown = true; grown;) {
            grown = false;
            for (Index r = 0; r < empty_.size(); ++r) {
                if (empty_[r] || !can_be_empty(r)) continue;
                grown = empty_[r] = true;
            }
        }
    }
    void refuse() {
        for (Index r = 0; r < mark_.size(); ++r) {
            if (mark_[r] == Mark::unseen) follow(r);
        }
    }

 private:
    enum class Mark : std::uint8_t { unseen,
                                     open,
                                     done };

    /// body(edge) for every call that can happen before a byte is read; true if the end can be reached so.
    template <class Body>
    bool for_first_calls(Index rule, const Body& body) {
        std::vector<State> todo{automaton_.entry(rule)};
        seen_[todo[0]] = ++stamp_;
        bool ends = false;
        while (!todo.empty()) {
            const State at = todo.back();
            todo.pop_back();
            ends = ends || automaton_.is_end(at);
            for (const Edge& edge : automaton_.edges(at)) {
                if (edge.kind == Edge::Kind::bytes) continue;
                if (edge.kind == Edge::Kind::call) body(edge.rule);
                if (edge.kind == Edge::Kind::call && !empty_[edge.rule]) continue;
                if (std::exchange(seen_[edge.target], stamp_) != stamp_) todo.push_back(edge.target);
            }
        }
        return ends;
    }
    bool can_be_empty(Index rule) {
        return for_first_calls(rule, [](Index) {});
    }
    void follow(Index first) {  // depth first, without recursion of our own
        std::vector<std::pair<Index, std::vector<Index>>> path;
        const auto enter = [&](Index rule) {
            mark_[rule] = Mark::open;
            std::vector<Index> calls;
            for_first_calls(rule, [&](Index called) { calls.push_back(called); });
            path.emplace_back(rule, std::move(calls));
        };
        enter(first);
        while (!path.empty()) {
            auto& [rule, calls] = path.back();
            if (calls.empty()) {
                mark_[rule] = Mark::done;
                path.pop_back();
                continue;
            }
            const Index next = calls.back();
            calls.pop_back();
            if (mark_[next] == Mark::open) {
                throw Error(Status::invalid_argument, "grammar: rule " + rules_.rules()[next].name + " calls itself before it has read anything, in " + rules_.rules()[rule].name);
            }
            if (mark_[next] == Mark::unseen) enter(next);
        }
    }

    const Automaton& automaton_;
    const Rules& rules_;
    std::vector<std::uint32_t> seen_;  // by state: the walk that saw it last
    std::uint32_t stamp_ = 0;
    std::vector<bool> empty_;  // rules that can match nothing
    std::vector<Mark> mark_;
};

}  // namespace

Automaton::Automaton(const Rules& rules) {
    Builder builder(rules);
    std::vector<State> ends;
    for (const auto& rule : rules.rules()) {
        entries_.push_back(builder.state());
        ends.push_back(rule.defined ? builder.add(rule.body, entries_.back()) : entries_.back());
    }
    end_.resize(builder.edges.size());
    for (const State end : ends) end_[end] = true;
    for (const auto& edges : builder.edges) {
        first_edge_.push_back(static_cast<std::uint32_t>(edges_.size()));
        edges_.insert(edges_.end(), edges.begin(), edges.end());
    }
    first_edge_.push_back(static_cast<std::uint32_t>(edges_.size()));
    find_what_only_ends();
    LeftRecursion(*this, rules, end_.size()).refuse();
}

// States from which silent edges lead to ends and to nothing else. Begins with those it surely is not, and goes back along the edges.
void Automaton::find_what_only_ends() {
    const auto states = static_cast<State>(end_.size());
    std::vector<std::vector<State>> silently_from(states);
    std::vector<State> todo;
    only_ends_.assign(states, true);
    for (State state = 0; state < states; ++state) {
        bool reads = edges(state).empty() && !end_[state];
        for (const Edge& edge : edges(state)) {
            if (edge.kind == Edge::Kind::silent)
                silently_from[edge.target].push_back(state);
            else
                reads = true;
        }
        if (!reads) continue;
        only_ends_[state] = false;
        todo.push_back(state);
    }
    while (!todo.empty()) {
        const State state = todo.back();
        todo.pop_back();
        for (const State before : silently_from[state]) {
            if (!only_ends_[before]) continue;
            only_ends_[before] = false;
            todo.push_back(before);
        }
    }
}

}  // namespace rorqual::grammar
