#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "text/splitter.hpp"

namespace rorqual::text {

/// Divides text into the pieces that BPE merges within: the steps of a file in order, each on what the one before left.
/// Immutable: any number of threads may use it at once.
class Pretokenizer {
 public:
    enum class Matchers {
        fastest,     ///< hand-written where the list of steps is a published one
        regex_only,  ///< regular expressions throughout: what the hand-written ones are compared with
    };
    /// Throws Error(unsupported) that names the step's key.
    explicit Pretokenizer(std::span<const SplitStep> steps, Matchers matchers = Matchers::fastest);

    /// The pieces of valid UTF-8, in order; joined they are the text (but for spaces that `space_in_front` adds).
    void split(std::string_view text, PieceSink out) const { split_from(0, text, out); }

 private:
    void split_from(std::size_t step, std::string_view piece, PieceSink out) const;

    std::vector<std::unique_ptr<Splitter>> splitters_;
};

}  // namespace rorqual::text
