#pragma once

#include "text/regex.hpp"
#include "text/splitter.hpp"

namespace rorqual::text {

/// Matches of a pattern and the gaps between them, in order ("Isolated").
class RegexSplitter final : public Splitter {
 public:
    /// `step` is a regex or a literal. Throws Error(unsupported) that names its key.
    explicit RegexSplitter(const SplitStep& step);
    void split(std::string_view piece, PieceSink out) const override;

 private:
    Regex regex_;
};

}  // namespace rorqual::text
