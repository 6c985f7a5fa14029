#include "grammar/rules_text.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "rorqual/error.hpp"
#include "text/utf8.hpp"

namespace rorqual::grammar {
namespace {

bool is_name(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; }
bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// By recursive descent: rules = { name "::=" choice }, choice = sequence { "|" sequence }, sequence = { item [ repetition ] }.
class Reader {
 public:
    explicit Reader(std::string_view text) : text_(text) {}

    Rules read() {
        if (const auto broken = text::first_invalid_utf8(text_); broken != std::string_view::npos) refuse(broken, "no UTF-8");
        skip_space();
        while (!at_end()) {
            const auto begin = at_;
            const std::string name(read_name());
            if (name.empty() || !take_definition()) refuse(begin, "expected a rule, \"name ::= …\"");
            const Index rule = rule_of(name);
            if (rules_.rules()[rule].defined) refuse(begin, "rule " + name + " is defined twice");
            const Index body = choice(0);
            rules_.define(rule, body);
            if (!at_end() && !at_rule()) refuse(at_, "expected the end of the rule");
        }
        if (rules_.rules().empty()) refuse(0, "there is no rule");
        const auto root = names_.find("root");
        rules_.root = root != names_.end() ? root->second : 0;
        return std::move(rules_);
    }

 private:
    static constexpr int most_depth = 256;

    [[noreturn]] void refuse(std::size_t at, const std::string& what) const {
        const std::string_view before = text_.substr(0, at);
        const auto line = 1 + std::ranges::count(before, '\n');
        const auto column = at - (before.rfind('\n') + 1) + 1;  // npos + 1 is 0
        throw Error(Status::invalid_argument, "grammar: line " + std::to_string(line) + ", column " + std::to_string(column) + ": " + what);
    }

    [[nodiscard]] bool at_end() const noexcept { return at_ == text_.size(); }
    [[nodiscard]] char next() const noexcept { return at_end() ? '\0' : text_[at_]; }
    bool take(char c) {
        if (next() != c || at_end()) return false;
        ++at_;
        return true;
    }
    void skip_space() {
        while (!at_end()) {
            if (next() == '#')
                at_ = std::min(text_.find('\n', at_), text_.size());
            else if (next() == ' ' || next() == '\t' || next() == '\r' || next() == '\n')
                ++at_;
            else
                return;
        }
    }
    std::string_view read_name() {
        const auto begin = at_;
        while (is_name(next())) ++at_;
        return text_.substr(begin, at_ - begin);
    }
    bool take_definition() {
        skip_space();
        if (!text_.substr(at_).starts_with("::=")) return false;
        at_ += 3;
        skip_space();
        return true;
    }
    /// A name follows that is defined here: the rule before it ends.
    bool at_rule() {
        const auto begin = at_;
        const bool rule = !read_name().empty() && take_definition();
        at_ = begin;
        return rule;
    }
    Index rule_of(const std::string& name) {
        const auto [at, added] = names_.try_emplace(name, 0);
        if (added) at->second = rules_.declare(name);
        return at->second;
    }

    Index choice(int depth) {
        if (depth > most_depth) refuse(at_, "parentheses deeper than " + std::to_string(most_depth));
        std::vector<Index> alternatives{sequence(depth)};
        while (take('|')) {
            skip_space();
            alternatives.push_back(sequence(depth));
        }
        return rules_.choice(std::move(alternatives));
    }
    Index sequence(int depth) {
        std::vector<Index> parts;
        while (!at_end() && next() != '|' && next() != ')' && !at_rule()) {
            parts.push_back(repeated(item(depth)));
            skip_space();
        }
        return parts.empty() ? rules_.text({}) : rules_.sequence(std::move(parts));
    }
    Index item(int depth) {
        const auto begin = at_;
        if (take('"')) return literal(begin);
        if (take('[')) return characters(begin);
        if (take('.')) return rules_.characters(complement({{'\n', '\n'}, {'\r', '\r'}}));
        if (take('(')) {
            skip_space();
            const Index inner = choice(depth + 1);
            if (!take(')')) refuse(begin, "the parenthesis is not closed");
            return inner;
        }
        const std::string name(read_name());
        if (name.empty()) refuse(begin, "expected a literal in quotes, a class in brackets, a parenthesis or the name of a rule");
        return rules_.call(rule_of(name));
    }
    Index repeated(Index item) {
        for (;;) {
            if (take('*'))
                item = rules_.repeat(item, 0);
            else if (take('+'))
                item = rules_.repeat(item, 1);
            else if (take('?'))
                item = rules_.optional(item);
            else if (next() == '{')
                item = counted(item);
            else
                return item;
        }
    }
    Index counted(Index item) {
        const auto begin = at_++;
        const auto number = [&]() -> std::uint32_t {
            if (!is_digit(next())) refuse(at_, "expected a number");
            std::uint32_t n = 0;
            for (; is_digit(next()); ++at_) {
                n = 10 * n + static_cast<std::uint32_t>(next() - '0');
                if (n > Rules::most_expressions) refuse(begin, "more repetitions than " + std::to_string(Rules::most_expressions));
            }
            return n;
        };
        const std::uint32_t min = number();
        std::uint32_t max = min;
        if (take(',')) max = next() == '}' ? Expression::endless : number();
        if (!take('}')) refuse(begin, "expected {n}, {n,} or {n,m}");
        if (max < min) refuse(begin, "fewer repetitions at most than at least");
        return rules_.repeat(item, min, max);
    }

    /// One character as it is written, escapes included.
    char32_t character(std::size_t begin) {
        if (at_end()) refuse(begin, "it does not end");
        if (!take('\\')) {
            const auto read = text::codepoint_at(text_.data() + at_);
            at_ += read.length;
            return read.value;
        }
        const char c = next();
        if (!at_end()) ++at_;
        switch (c) {
            case 'n': return '\n';
            case 'r': return '\r';
            case 't': return '\t';
            case 'x': return hex(2, 2);
            case 'u': {
                if (!take('{')) refuse(at_, "expected \\u{…} with a code point in hexadecimal digits");
                const char32_t code = hex(1, 6);
                if (!take('}') || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) refuse(at_, "expected \\u{…} with a code point in hexadecimal digits");
                return code;
            }
            case '\\':
            case '"':
            case '[':
            case ']':
            case '-':
            case '^': return static_cast<char32_t>(c);
            default: refuse(at_, "an escape that is not known");
        }
    }
    char32_t hex(int least, int most) {
        char32_t value = 0;
        int digits = 0;
        for (; digits < most; ++digits, ++at_) {
            const char c = next();
            const int digit = is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                                  : c >= 'A' && c <= 'F'   ? c - 'A' + 10
                                                                           : -1;
            if (digit < 0) break;
            value = 16 * value + static_cast<char32_t>(digit);
        }
        if (digits < least) refuse(at_, "expected hexadecimal digits");
        return value;
    }
    Index literal(std::size_t begin) {
        std::string bytes;
        while (!take('"')) text::append_utf8(bytes, character(begin));
        return rules_.text(bytes);
    }
    Index characters(std::size_t begin) {
        const bool others = take('^');
        std::vector<CodeRange> ranges;
        while (!take(']')) {
            const char32_t first = character(begin);
            char32_t last = first;
            if (text_.substr(at_).starts_with('-') && !text_.substr(at_).starts_with("-]")) {
                ++at_;
                last = character(begin);
            }
            if (last < first) refuse(begin, "a range that ends before it begins");
            ranges.push_back({first, last});
        }
        if (others) ranges = complement(std::move(ranges));
        if (ranges.empty()) refuse(begin, "a class of no characters");
        return rules_.characters(std::move(ranges));
    }

    std::string_view text_;
    std::size_t at_ = 0;
    Rules rules_;
    std::map<std::string, Index> names_;
};

}  // namespace

Rules read_rules(std::string_view text) { return Reader(text).read(); }

}  // namespace rorqual::grammar
