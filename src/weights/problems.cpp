#include "weights/problems.hpp"

#include <algorithm>
#include <utility>

namespace rorqual::weights {

void Problems::add(Status status, std::string line) {
    if (lines_.empty()) first_ = status;
    lines_.push_back(std::move(line));
}

void Problems::throw_if_any() const {
    if (lines_.empty()) return;
    constexpr std::size_t shown = 8;
    std::string text = lines_.front();
    for (std::size_t i = 1; i < std::min(lines_.size(), shown); ++i) text += "; " + lines_[i];
    if (lines_.size() > shown) text += "; and " + std::to_string(lines_.size() - shown) + " more problems";
    throw Error(first_, text);
}

}  // namespace rorqual::weights
