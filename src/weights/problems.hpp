#pragma once

#include <string>
#include <vector>

#include "rorqual/error.hpp"

namespace rorqual::weights {

/// Collects everything that is wrong with a checkpoint, so that one failed opening tells all of it.
class Problems {
 public:
    /// `line` names file, key or tensor and what was expected.
    void add(Status status, std::string line);

    [[nodiscard]] bool empty() const noexcept { return lines_.empty(); }
    [[nodiscard]] const std::vector<std::string>& lines() const noexcept { return lines_; }

    /// Throws one Error with the status of the first problem, if there is any; its text joins the lines with "; " and,
    /// beyond the first eight, says how many more there are.
    void throw_if_any() const;

 private:
    Status first_ = Status::ok;
    std::vector<std::string> lines_;
};

}  // namespace rorqual::weights
