#include "text/regex.hpp"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <new>
#include <utility>

#include "rorqual/error.hpp"

namespace rorqual::text {
namespace {

// Published splitting patterns need a handful of steps a character; these stop a pattern that explodes.
constexpr std::uint32_t max_steps = 20'000'000;
constexpr std::uint32_t max_heap_kib = 64 * 1024;

template <auto release>
struct Release {
    template <class T>
    void operator()(T* pointer) const noexcept {
        release(pointer);
    }
};

template <class T>
T* allocated(T* pointer) {
    if (pointer == nullptr) throw std::bad_alloc();
    return pointer;
}

std::string pcre2_message(int error) {
    PCRE2_UCHAR text[256] = {};
    pcre2_get_error_message(error, text, sizeof text);
    return reinterpret_cast<const char*>(text);
}

PCRE2_SPTR bytes(std::string_view text) { return reinterpret_cast<PCRE2_SPTR>(text.data()); }

}  // namespace

struct Regex::Code {
    std::unique_ptr<pcre2_code, Release<pcre2_code_free>> pattern;
    std::unique_ptr<pcre2_match_context, Release<pcre2_match_context_free>> limits;
};

struct Regex::Search::Data {
    std::unique_ptr<pcre2_match_data, Release<pcre2_match_data_free>> match;
};

Regex::Regex(const std::string& pattern, Syntax syntax, std::string key) : key_(std::move(key)), code_(std::make_unique<Code>()) {
    const std::unique_ptr<pcre2_compile_context, Release<pcre2_compile_context_free>> context(
        allocated(pcre2_compile_context_create(nullptr)));
    pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);

    // MULTILINE: to Oniguruma, whose patterns these are, $ and ^ always mean the ends of a line.
    const std::uint32_t options =
        syntax == Syntax::literal ? PCRE2_LITERAL | PCRE2_UTF : PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C;
    int error = 0;
    PCRE2_SIZE where = 0;
    code_->pattern.reset(pcre2_compile(bytes(pattern), pattern.size(), options, &error, &where, context.get()));
    if (error == PCRE2_ERROR_HEAP_FAILED && !code_->pattern) throw std::bad_alloc();
    if (!code_->pattern) {
        throw Error(Status::unsupported, key_ + ": PCRE2 cannot compile this pattern: " + pcre2_message(error));
    }
    // Where memory must not be executable this fails, and the interpreter does the same work more slowly.
    pcre2_jit_compile(code_->pattern.get(), PCRE2_JIT_COMPLETE);

    code_->limits.reset(allocated(pcre2_match_context_create(nullptr)));
    pcre2_set_match_limit(code_->limits.get(), max_steps);
    pcre2_set_heap_limit(code_->limits.get(), max_heap_kib);
}

Regex::~Regex() = default;

Regex::Search::Search(const Regex& regex, std::string_view text) : regex_(regex), text_(text), data_(std::make_unique<Data>()) {
    data_->match.reset(allocated(pcre2_match_data_create(1, nullptr)));
}

Regex::Search::~Search() = default;

std::optional<Regex::Match> Regex::Search::find(std::size_t from) {
    const auto match = [&](std::uint32_t options) {
        return pcre2_match(regex_.code_->pattern.get(), bytes(text_), text_.size(), from, options | PCRE2_NO_UTF_CHECK,
                           data_->match.get(), regex_.code_->limits.get());
    };
    int found = match(0);
    if (found == PCRE2_ERROR_JIT_STACKLIMIT) found = match(PCRE2_NO_JIT);  // the interpreter keeps its stack on the heap
    if (found == PCRE2_ERROR_NOMATCH) return std::nullopt;
    if (found == PCRE2_ERROR_NOMEMORY) throw std::bad_alloc();
    if (found < 0) throw Error(Status::unsupported, regex_.key_ + ": splitting text with this pattern: " + pcre2_message(found));
    const PCRE2_SIZE* offsets = pcre2_get_ovector_pointer(data_->match.get());
    return Match{offsets[0], offsets[1]};
}

std::vector<CodepointRange> unknown_to_pcre2(Category category) {
    std::string members;
    for (const CodepointRange range : ranges_of(category)) {
        for (char32_t codepoint = range.first; codepoint <= range.last; ++codepoint) append_utf8(members, codepoint);
    }
    const Regex outside(std::string("\\P{") + static_cast<char>(category) + "}", Regex::Syntax::pcre2, "Unicode category");
    Regex::Search search(outside, members);

    std::vector<CodepointRange> unknown;
    for (auto match = search.find(0); match; match = search.find(match->end)) {
        const char32_t codepoint = codepoint_at(members.data() + match->begin).value;
        if (!unknown.empty() && unknown.back().last + 1 == codepoint) {
            unknown.back().last = codepoint;
        } else {
            unknown.push_back({codepoint, codepoint});
        }
    }
    return unknown;
}

}  // namespace rorqual::text
