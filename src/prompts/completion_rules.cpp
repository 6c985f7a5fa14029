#include "prompts/completion_rules.hpp"

#include "prompts/markers.hpp"

namespace rorqual::prompts {
namespace {

using enum Step;
using Steps = std::array<StepRule, step_count>;

constexpr void set(Steps& steps, Step step, StepRule rule) { steps[static_cast<std::size_t>(step)] = rule; }

// ---- V2 to V3.1 ----

constexpr Exit open_think[] = {{marker::think, reasoning}};
constexpr Exit v2_space[] = {{" ", content}};  // the template has it behind "Assistant:"
constexpr Exit end_reasoning[] = {{marker::end_think, content}, {marker::begin_of_sentence, wrong}, {marker::end_of_sentence, wrong}, {marker::think, wrong}};
constexpr Exit end_plain[] = {{marker::end_of_sentence, ended}, {marker::begin_of_sentence, wrong}};
constexpr Exit end_v3[] = {{marker::end_of_sentence, ended}, {marker::tool_calls_begin, calls}, {marker::begin_of_sentence, wrong}};
constexpr Exit end_r1[] = {{marker::end_of_sentence, ended}, {marker::tool_calls_begin, calls}, {marker::begin_of_sentence, wrong}, {marker::think, wrong}, {marker::end_think, wrong}};
constexpr Exit end_answer[] = {{marker::end_of_sentence, ended}};

// V3 as first published does not close a single call.
constexpr Exit v3_calls[] = {{"<｜tool▁call▁begin｜>function<｜tool▁sep｜>", name}, {"\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>", name}, {marker::tool_calls_end, after_calls}, {marker::end_of_sentence, ended}};
constexpr Exit v3_name[] = {{"\n```json\n", json_value, Does::begin_call}};
constexpr Exit v3_arguments[] = {{"\n```<｜tool▁call▁end｜>", calls}};
constexpr Exit v3_1_calls[] = {{marker::tool_call_begin, name}, {marker::tool_calls_end, after_calls}};
constexpr Exit v3_1_name[] = {{marker::tool_sep, json_value, Does::begin_call}};
constexpr Exit v3_1_arguments[] = {{marker::tool_call_end, calls}};

constexpr Steps json_calls(std::span<const Exit> opening_exits, std::span<const Exit> content_exits, std::span<const Exit> calls_exits,
                           std::span<const Exit> name_exits, std::span<const Exit> arguments_exits) {
    Steps steps{};
    set(steps, opening, {Takes::nothing, opening_exits, content});
    set(steps, reasoning, {Takes::reasoning, end_reasoning});
    set(steps, content, {Takes::content, content_exits});
    set(steps, calls, {Takes::nothing, calls_exits});
    set(steps, name, {Takes::name, name_exits});
    set(steps, json_value, {Takes::arguments, arguments_exits});
    set(steps, after_calls, {Takes::nothing, end_answer, wrong, ""});
    set(steps, ended, {Takes::nothing, {}, wrong, ""});
    return steps;
}

constexpr CompletionRules plain = {opening, opening, json_calls(v2_space, end_plain, {}, {}, {})};
constexpr CompletionRules v3_rules = {content, content, json_calls(open_think, end_v3, v3_calls, v3_name, v3_arguments)};
constexpr CompletionRules r1_rules = {reasoning, reasoning, json_calls(open_think, end_r1, v3_calls, v3_name, v3_arguments)};
constexpr CompletionRules r1_0528_rules = {opening, opening, json_calls(open_think, end_r1, v3_calls, v3_name, v3_arguments)};
constexpr CompletionRules v3_1_rules = {content, reasoning, json_calls(open_think, end_r1, v3_1_calls, v3_1_name, v3_1_arguments)};

// ---- of a template that comes with a model ----

constexpr Exit end_any_reasoning[] = {{marker::end_think, content}, {marker::think, reasoning}};

constexpr Steps any_steps() {
    Steps steps{};
    set(steps, opening, {Takes::nothing, open_think, content, ""});
    set(steps, reasoning, {Takes::reasoning, end_any_reasoning});
    set(steps, content, {Takes::content, {}, wrong, ""});
    return steps;
}

constexpr CompletionRules any_rules = {opening, reasoning, any_steps()};

// ---- V3.2 and V4: calls in DSML ----

constexpr std::string_view no_markup = "";

struct DsmlMarkers {
    std::array<Exit, 6> reasoning_exits, content_exits;
    std::array<Exit, 2> calls_exits;
};

// `open`: "\n\n<｜DSML｜tool_calls", the rest of whose tag is read with what follows; `close`: ">\n</｜DSML｜tool_calls>".
constexpr DsmlMarkers dsml_markers(std::string_view open, std::string_view close) {
    return {{{{marker::end_think, content}, {open, wrong}, {marker::begin_of_sentence, wrong}, {marker::end_of_sentence, wrong}, {marker::think, wrong}, {marker::dsml, wrong}}},
            {{{marker::end_of_sentence, ended}, {open, calls}, {marker::begin_of_sentence, wrong}, {marker::think, wrong}, {marker::end_think, wrong}, {marker::dsml, wrong}}},
            {{{">\n<｜DSML｜invoke", name}, {close, after_calls}}}};
}

constexpr DsmlMarkers v3_2_markers = dsml_markers("\n\n<｜DSML｜function_calls", ">\n</｜DSML｜function_calls>");
constexpr DsmlMarkers v4_markers = dsml_markers("\n\n<｜DSML｜tool_calls", ">\n</｜DSML｜tool_calls>");

constexpr Exit dsml_name[] = {{"<｜DSML｜parameter", parameter, Does::begin_dsml_call}, {"</｜DSML｜invoke", calls, Does::empty_dsml_call}};
constexpr Exit dsml_parameter[] = {{"\" string=\"true\">", string_value, Does::string_parameter},
                                   {"\" string=\"false\">", json_value, Does::json_parameter},
                                   {"/｜DSML｜parameter", wrong}};
// The published parser takes a newline behind "<".
constexpr Exit dsml_string[] = {{"</｜DSML｜parameter", after_value, Does::end_string}, {"<\n/｜DSML｜parameter", after_value, Does::end_string}, {"/｜DSML｜parameter", wrong}};
constexpr Exit dsml_json[] = {{"</｜DSML｜parameter", after_value}, {"<\n/｜DSML｜parameter", after_value}, {"/｜DSML｜parameter", wrong}};
constexpr Exit dsml_after_value[] = {{">\n<｜DSML｜parameter", parameter}, {">\n</｜DSML｜invoke", calls, Does::end_dsml_call}};

constexpr Steps dsml_steps(const DsmlMarkers& markers) {
    Steps steps{};
    set(steps, reasoning, {Takes::reasoning, markers.reasoning_exits});
    set(steps, content, {Takes::content, markers.content_exits});
    set(steps, calls, {Takes::nothing, markers.calls_exits, wrong, no_markup});
    set(steps, name, {Takes::name, dsml_name, wrong, no_markup, Does::empty_dsml_call});
    set(steps, parameter, {Takes::name, dsml_parameter});
    set(steps, string_value, {Takes::escaped_arguments, dsml_string});
    set(steps, json_value, {Takes::arguments, dsml_json});
    set(steps, after_value, {Takes::nothing, dsml_after_value, wrong, ">\n", Does::end_dsml_call});
    set(steps, after_calls, {Takes::nothing, end_answer, wrong, no_markup});
    set(steps, ended, {Takes::nothing, {}, wrong, no_markup});
    return steps;
}

constexpr CompletionRules v3_2_rules = {content, reasoning, dsml_steps(v3_2_markers)};
constexpr CompletionRules v4_rules = {content, reasoning, dsml_steps(v4_markers)};

}  // namespace

const CompletionRules& any_completion() noexcept { return any_rules; }
const CompletionRules& plain_completion() noexcept { return plain; }
const CompletionRules& v3_completion() noexcept { return v3_rules; }
const CompletionRules& r1_completion() noexcept { return r1_rules; }
const CompletionRules& r1_0528_completion() noexcept { return r1_0528_rules; }
const CompletionRules& v3_1_completion() noexcept { return v3_1_rules; }
const CompletionRules& v3_2_completion() noexcept { return v3_2_rules; }
const CompletionRules& v4_completion() noexcept { return v4_rules; }

}  // namespace rorqual::prompts
