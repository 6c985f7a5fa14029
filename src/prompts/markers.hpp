#pragma once

#include <string_view>

/// The special tokens of prompts. U+FF5C and U+2581 stand where other models have "|" and "_".
namespace rorqual::prompts::marker {

inline constexpr std::string_view begin_of_sentence = "<｜begin▁of▁sentence｜>";
inline constexpr std::string_view end_of_sentence = "<｜end▁of▁sentence｜>";
inline constexpr std::string_view user = "<｜User｜>";
inline constexpr std::string_view assistant = "<｜Assistant｜>";
inline constexpr std::string_view think = "<think>";
inline constexpr std::string_view end_think = "</think>";

inline constexpr std::string_view tool_calls_begin = "<｜tool▁calls▁begin｜>";
inline constexpr std::string_view tool_calls_end = "<｜tool▁calls▁end｜>";
inline constexpr std::string_view tool_call_begin = "<｜tool▁call▁begin｜>";
inline constexpr std::string_view tool_call_end = "<｜tool▁call▁end｜>";
inline constexpr std::string_view tool_sep = "<｜tool▁sep｜>";
inline constexpr std::string_view tool_outputs_begin = "<｜tool▁outputs▁begin｜>";
inline constexpr std::string_view tool_outputs_end = "<｜tool▁outputs▁end｜>";
inline constexpr std::string_view tool_output_begin = "<｜tool▁output▁begin｜>";
inline constexpr std::string_view tool_output_end = "<｜tool▁output▁end｜>";

inline constexpr std::string_view dsml = "｜DSML｜";

}  // namespace rorqual::prompts::marker
