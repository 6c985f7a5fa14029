#include "prompts/format.hpp"

#include <algorithm>
#include <string>

#include "io/printable.hpp"

namespace rorqual::prompts {

#define RQ_PROMPT_FORMAT(format) extern const Format format;
#include "prompts/formats.inc"
#undef RQ_PROMPT_FORMAT

namespace {

constexpr const Format* all[] = {
#define RQ_PROMPT_FORMAT(format) &format,
#include "prompts/formats.inc"
#undef RQ_PROMPT_FORMAT
};

std::string names_of_all() {
    std::string names;
    for (const Format* format : all) names += (names.empty() ? "" : ", ") + std::string(format->name);
    return names;
}

[[noreturn]] void refuse_option(const char* option, const Format& format, const char* what) {
    throw Error(Status::invalid_argument, std::string(option) + ": format " + std::string(format.name) + what);
}

}  // namespace

std::span<const Format* const> formats() noexcept { return all; }

const Format& format_named(std::string_view name) {
    for (const Format* format : all) {
        if (format->name == name) return *format;
    }
    if (name == jinja_format.name) return jinja_format;
    throw Error(Status::not_found, "prompt format \"" + io::printable(name) + "\": expected one of " + names_of_all() + ", jinja");
}

const Format jinja_format = {"jinja", Format::Thinking::as_asked, true, false, false, {}, nullptr, any_completion};

bool supports(const Tokenizer& tokenizer, const Format& format) {
    return std::all_of(format.tokens.begin(), format.tokens.end(), [&](std::string_view text) { return tokenizer.find(text).has_value(); });
}

const Format& newest_format(const Tokenizer& tokenizer) {
    for (std::size_t i = std::size(all); i-- > 0;) {
        if (supports(tokenizer, *all[i])) return *all[i];
    }
    throw Error(Status::unsupported, "the tokenizer has the special tokens of no prompt format, and there is no chat template: name one of " + names_of_all());
}

void check_options(const Format& format, const RenderOptions& options) {
    if (options.thinking && format.thinking == Format::Thinking::never) refuse_option("thinking", format, " does not know it");
    if (!options.generation && !format.optional_generation) refuse_option("generation", format, " always ends where the answer begins");
    if (options.keep_thinking && !format.keeps_thinking) refuse_option("keep_thinking", format, " never keeps reasoning of earlier turns");
    if (options.max_effort && !format.has_effort) refuse_option("effort", format, " does not know it");
}

void refuse_developer_messages(const Format& format, std::span<const Message> messages) {
    for (const Message& message : messages) {
        if (message.role != Role::developer && message.role != Role::latest_reminder) continue;
        refuse(message, "role", "format " + std::string(format.name) + " has no " + std::string(name_of(message.role)) + " messages", Status::unsupported);
    }
}

void refuse_tools(const Format& format, std::span<const Message> messages) {
    for (const Message& message : messages) {
        if (message.tools.empty()) continue;
        refuse(message, "tools", "format " + std::string(format.name) + " has no way to define tools", Status::unsupported);
    }
}

}  // namespace rorqual::prompts
