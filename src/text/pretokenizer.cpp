#include "text/pretokenizer.hpp"

#include <array>
#include <string>

#include "text/deepseek_splitters.hpp"
#include "text/regex_splitter.hpp"
#include "text/unicode.hpp"

namespace rorqual::text {
namespace {

// Characters of category N: alone, or in runs.
class Digits final : public Splitter {
 public:
    explicit Digits(bool alone) : alone_(alone), numbers_(std::array{number_set()}) {}

    void split(std::string_view piece, PieceSink out) const override {
        std::size_t begin = 0;
        bool in_digits = false;
        for (std::size_t at = 0; at < piece.size();) {
            const Codepoint next = codepoint_at(piece.data() + at);
            const bool digit = numbers_.of(next.value) != 0;
            if (at > begin && (digit != in_digits || (digit && alone_))) {
                out(piece.substr(begin, at - begin));
                begin = at;
            }
            in_digits = digit;
            at += next.length;
        }
        if (begin < piece.size()) out(piece.substr(begin));
    }

 private:
    static CharacterSets::Set number_set() {
        const auto ranges = ranges_of(Category::number);
        return {1, {ranges.begin(), ranges.end()}};
    }

    bool alone_;
    CharacterSets numbers_;
};

class SpaceInFront final : public Splitter {
 public:
    void split(std::string_view piece, PieceSink out) const override {
        if (piece.starts_with(' ')) return out(piece);
        std::string longer;
        longer.reserve(piece.size() + 1);
        longer += ' ';
        longer += piece;
        out(longer);
    }
};

std::unique_ptr<Splitter> splitter(const SplitStep& step) {
    switch (step.kind) {
        case SplitStep::Kind::each_digit: return std::make_unique<Digits>(true);
        case SplitStep::Kind::digit_runs: return std::make_unique<Digits>(false);
        case SplitStep::Kind::space_in_front: return std::make_unique<SpaceInFront>();
        case SplitStep::Kind::regex:
        case SplitStep::Kind::literal: break;
    }
    return std::make_unique<RegexSplitter>(step);
}

}  // namespace

Pretokenizer::Pretokenizer(std::span<const SplitStep> steps, Matchers matchers) {
    if (matchers == Matchers::fastest) {
        if (auto all_at_once = hand_written_splitter(steps)) {
            splitters_.push_back(std::move(all_at_once));
            return;
        }
    }
    for (const SplitStep& step : steps) splitters_.push_back(splitter(step));
}

void Pretokenizer::split_from(std::size_t step, std::string_view piece, PieceSink out) const {
    if (step == splitters_.size()) {
        if (!piece.empty()) out(piece);
        return;
    }
    const auto rest = [&](std::string_view part) { split_from(step + 1, part, out); };
    splitters_[step]->split(piece, rest);
}

}  // namespace rorqual::text
