#pragma once

#include <array>
#include <optional>
#include <span>
#include <string_view>

/// How answers of a format are read: steps, each with the markers that end it. Read by Completion.
namespace rorqual::prompts {

enum class Step { opening,
                  reasoning,
                  content,
                  calls,
                  name,
                  parameter,
                  string_value,
                  json_value,
                  after_value,
                  after_calls,
                  ended,
                  wrong };
inline constexpr std::size_t step_count = static_cast<std::size_t>(Step::wrong);

/// What happens to the text of a step.
enum class Takes { nothing,
                   reasoning,
                   content,
                   arguments,
                   escaped_arguments,
                   name };

/// What a marker does beyond ending a step. `name` is the text that the step has gathered.
enum class Does {
    nothing,
    begin_call,        ///< V3: name is that of the function; its arguments follow as JSON
    begin_dsml_call,   ///< V3.2: ` name="…">`; its parameters follow, one by one
    empty_dsml_call,   ///< the same of a call without parameters
    string_parameter,  ///< ` name="…`
    json_parameter,
    end_string,  ///< of a string parameter
    end_dsml_call,
};

/// A marker that ends a step.
struct Exit {
    std::string_view marker;
    Step to;
    Does does = Does::nothing;
};

struct StepRule {
    Takes takes = Takes::nothing;
    std::span<const Exit> exits{};
    Step otherwise = Step::wrong;            ///< of a step that takes nothing: where text leads that is no marker
    std::optional<std::string_view> rest{};  ///< the answer may end in this step, with no more than this left of it
    Does at_end = Does::nothing;             ///< and then this is done
};

struct CompletionRules {
    Step begin;           ///< where the model does not reason, or is not asked to
    Step begin_thinking;  ///< where it is
    std::array<StepRule, step_count> steps;

    [[nodiscard]] const StepRule& operator[](Step step) const noexcept { return steps[static_cast<std::size_t>(step)]; }
};

[[nodiscard]] const CompletionRules& any_completion() noexcept;      ///< of a format that is not known: text, and reasoning before it
[[nodiscard]] const CompletionRules& plain_completion() noexcept;    ///< V2: text
[[nodiscard]] const CompletionRules& v3_completion() noexcept;       ///< text and calls in JSON
[[nodiscard]] const CompletionRules& r1_completion() noexcept;       ///< the same behind reasoning that the prompt has opened
[[nodiscard]] const CompletionRules& r1_0528_completion() noexcept;  ///< the same where the model opens it
[[nodiscard]] const CompletionRules& v3_1_completion() noexcept;
[[nodiscard]] const CompletionRules& v3_2_completion() noexcept;  ///< as the parser published with it accepts them
[[nodiscard]] const CompletionRules& v4_completion() noexcept;    ///< the same

}  // namespace rorqual::prompts
