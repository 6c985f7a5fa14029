#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "rorqual/tensor.hpp"

namespace rorqual::sampling {

/// The tokens of a draw from the largest logit to the smallest, equal ones by ascending id; −∞ and NaN are not among them.
/// Sorted only as far as somebody looks: a draw rarely goes beyond the first few of a hundred thousand.
class Candidates {
    // A total order, so that the sequence does not depend on how the heap is built.
    struct Later {
        std::span<const float> logits;
        bool operator()(Token a, Token b) const noexcept {
            const float la = logits[static_cast<std::size_t>(a)], lb = logits[static_cast<std::size_t>(b)];
            return la < lb || (la == lb && a > b);
        }
    };

 public:
    /// Borrows logits [vocab] and room for as many ids; `room` must have capacity for them.
    Candidates(std::span<const float> logits, std::vector<Token>& room) : logits_(logits), ids_(room) {
        ids_.clear();
        for (std::size_t id = 0; id < logits.size(); ++id) {
            if (logits[id] > -std::numeric_limits<float>::infinity()) ids_.push_back(static_cast<Token>(id));
        }
        heap_end_ = ids_.end();
        std::make_heap(ids_.begin(), heap_end_, Later{logits_});
    }
    Candidates(const Candidates&) = delete;
    Candidates& operator=(const Candidates&) = delete;

    [[nodiscard]] std::size_t size() const noexcept { return ids_.size(); }

    /// The i-th largest, i < size().
    Token operator[](std::size_t i) {
        while (static_cast<std::size_t>(ids_.end() - heap_end_) <= i) std::pop_heap(ids_.begin(), heap_end_--, Later{logits_});
        return ids_[ids_.size() - 1 - i];  // what was popped lies behind the heap, the first one last
    }

    [[nodiscard]] float logit(Token token) const noexcept { return logits_[static_cast<std::size_t>(token)]; }

 private:
    std::span<const float> logits_;
    std::vector<Token>& ids_;
    std::vector<Token>::iterator heap_end_;  // [begin, heap_end_) is a heap, the rest is sorted
};

}  // namespace rorqual::sampling
