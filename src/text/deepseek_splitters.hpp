#pragma once

#include <memory>
#include <span>

#include "text/splitter.hpp"

namespace rorqual::text {

/// A hand-written splitter that does all of `steps` at once, an order of magnitude faster than the regular expressions it
/// stands for; nullptr unless `steps` is exactly one of the published lists:
///  - DeepSeek-V3, R1, V3.1, V3.2, V4: three patterns;
///  - DeepSeek-LLM, V2, V2.5: five patterns and single digits.
/// A carriage return or line feed may be written as itself or as an escape: published files do both.
[[nodiscard]] std::unique_ptr<Splitter> hand_written_splitter(std::span<const SplitStep> steps);

/// Whether two lists divide text alike, as far as their patterns tell: escapes for line ends aside, they are spelled the same.
[[nodiscard]] bool same_steps(std::span<const SplitStep> a, std::span<const SplitStep> b);

/// The published lists, for tests and benchmarks that compare with regular expressions.
[[nodiscard]] std::span<const SplitStep> deepseek_v3_steps();
[[nodiscard]] std::span<const SplitStep> deepseek_v2_steps();

}  // namespace rorqual::text
