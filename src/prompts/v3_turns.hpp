#pragma once

#include "prompts/format.hpp"
#include "prompts/markers.hpp"

/// What the templates of V3 and R1 share: those of January 2025, and those of March and May, in which the user's turn opens the answer.
namespace rorqual::prompts {

/// What becomes of "…</think>" in an earlier answer.
enum class EarlierThinking { kept,
                             cut };

/// All system messages, joined by empty lines: they stand in front, wherever they came.
void render_system(std::span<const Message> messages, Pieces& out);

/// `opening` begins an answer that is asked for.
void render_january(const Format& format, std::span<const Message> messages, const RenderOptions& options, EarlierThinking thinking,
                    std::string_view opening, Pieces& out);
void render_march(const Format& format, std::span<const Message> messages, const RenderOptions& options, EarlierThinking thinking, Pieces& out);

/// What follows the last "</think>"; all where there is none.
[[nodiscard]] std::string_view after_thinking(std::string_view content, EarlierThinking thinking) noexcept;

/// The special tokens of these formats, without those for thinking.
inline constexpr std::string_view v3_tokens[] = {
    marker::begin_of_sentence, marker::end_of_sentence, marker::user, marker::assistant,
    marker::tool_calls_begin, marker::tool_calls_end, marker::tool_call_begin, marker::tool_call_end, marker::tool_sep,
    marker::tool_outputs_begin, marker::tool_outputs_end, marker::tool_output_begin, marker::tool_output_end};
/// With them.
inline constexpr std::string_view r1_tokens[] = {
    marker::begin_of_sentence, marker::end_of_sentence, marker::user, marker::assistant, marker::think, marker::end_think,
    marker::tool_calls_begin, marker::tool_calls_end, marker::tool_call_begin, marker::tool_call_end, marker::tool_sep,
    marker::tool_outputs_begin, marker::tool_outputs_end, marker::tool_output_begin, marker::tool_output_end};

}  // namespace rorqual::prompts
