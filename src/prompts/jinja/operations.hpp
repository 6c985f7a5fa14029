#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "prompts/jinja/value.hpp"

/// What Python does with values, as far as templates ask for it. All of it is metered; what Python refuses is an Error.
namespace rorqual::prompts::jinja {

[[nodiscard]] bool truth(const Value& value) noexcept;
[[nodiscard]] bool equal(Context& context, const Value& left, const Value& right);
/// Numbers with numbers, strings with strings.
[[nodiscard]] bool less(Context& context, const Value& left, const Value& right);
/// `name`: + - * / // % ** ~
[[nodiscard]] Value binary(Context& context, std::string_view name, const Value& left, const Value& right);
[[nodiscard]] Value negative(Context& context, const Value& value);
/// `name`: == != < > <= >= in, not in
[[nodiscard]] bool compare(Context& context, std::string_view name, const Value& left, const Value& right);

/// Characters of a string, entries of a list or a dict.
[[nodiscard]] std::size_t length(Context& context, const Value& value);
/// What a loop runs over: entries of a list, keys of a dict, characters of a string, nothing of what is undefined.
[[nodiscard]] std::shared_ptr<const List> items(Context& context, const Value& value);
/// value[key]: what is not there is undefined.
[[nodiscard]] Value item(Context& context, const Value& value, const Value& key);
/// value.name: a method or an entry.
[[nodiscard]] Value attribute(Context& context, const Value& value, std::string_view name);
/// value[begin:end:step]; what is undefined or none is left out.
[[nodiscard]] Value slice(Context& context, const Value& value, const Value& begin, const Value& end, const Value& step);

/// A number as an integer. Nothing for what is none.
[[nodiscard]] std::optional<std::int64_t> integer(const Value& value) noexcept;
[[nodiscard]] std::optional<double> real(const Value& value) noexcept;

/// Where `part` begins in `text` from `from` on, metered for the worst case.
[[nodiscard]] std::size_t find(Context& context, std::string_view text, std::string_view part, std::size_t from = 0);
/// The bytes of a character that begin at `at`.
[[nodiscard]] std::size_t character_size(std::string_view text, std::size_t at) noexcept;

}  // namespace rorqual::prompts::jinja
