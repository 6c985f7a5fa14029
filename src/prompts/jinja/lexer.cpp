#include "prompts/jinja/lexer.hpp"

#include <algorithm>
#include <optional>

#include "text/utf8.hpp"

namespace rorqual::prompts::jinja {
namespace {

constexpr std::string_view spaces = " \t\n\r\f\v";

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_name_begin(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_name(char c) noexcept { return is_name_begin(c) || is_digit(c); }

std::string with_plain_newlines(std::string_view source) {
    std::string plain;
    plain.reserve(source.size());
    for (std::size_t i = 0; i < source.size(); ++i) {
        plain += source[i] == '\r' ? '\n' : source[i];
        if (source[i] == '\r' && i + 1 < source.size() && source[i + 1] == '\n') ++i;
    }
    if (plain.ends_with('\n')) plain.pop_back();
    return plain;
}

class Lexer {
 public:
    Lexer(std::string_view source, Context& context) : source_(source), context_(context) {}

    std::vector<Lexeme> read() {
        while (at_ < source_.size()) read_text();
        add(Lexeme::Kind::end, "");
        return std::move(lexemes_);
    }

 private:
    using Kind = Lexeme::Kind;

    [[noreturn]] void fail(const std::string& what) {
        context_.at(line_);
        context_.fail(what);
    }

    void add(Kind kind, std::string text) { lexemes_.push_back({kind, std::move(text), line_}); }

    void skip(std::size_t bytes) {
        line_ += static_cast<std::uint32_t>(std::count(source_.begin() + static_cast<std::ptrdiff_t>(at_), source_.begin() + static_cast<std::ptrdiff_t>(at_ + bytes), '\n'));
        at_ += bytes;
    }
    [[nodiscard]] std::string_view rest() const { return source_.substr(at_); }

    /// Text up to the next tag, and the tag.
    void read_text() {
        std::size_t tag = at_;
        do {
            tag = source_.find('{', tag);
        } while (tag != std::string_view::npos && !opens(tag) && ++tag);
        std::string_view text = source_.substr(at_, tag == std::string_view::npos ? tag : tag - at_);
        if (tag != std::string_view::npos) text = before_tag(text, source_[tag + 1], tag + 2 < source_.size() ? source_[tag + 2] : '\0');
        if (!text.empty()) add(Kind::text, std::string(text));
        skip((tag == std::string_view::npos ? source_.size() : tag) - at_);
        if (tag == std::string_view::npos) return;
        const char type = source_[at_ + 1];
        skip(2);
        if (rest().starts_with('-') || rest().starts_with('+')) skip(1);
        if (type == '#') return skip_comment();
        if (type == '%' && read_raw()) return;
        read_tag(type);
    }

    [[nodiscard]] bool opens(std::size_t at) const {
        return at + 1 < source_.size() && (source_[at + 1] == '{' || source_[at + 1] == '%' || source_[at + 1] == '#');
    }

    // "-" takes all white space; else lstrip_blocks takes what indents a block or a comment that begins a line, unless there is a "+".
    [[nodiscard]] std::string_view before_tag(std::string_view text, char type, char sign) const {
        if (sign == '-') return text.substr(0, text.find_last_not_of(spaces) + 1);  // npos + 1 is 0
        if (sign == '+' || type == '{') return text;
        const auto line = text.rfind('\n') + 1;
        if (line == 0 && !line_begins_) return text;
        return text.find_first_not_of(spaces, line) == std::string_view::npos ? text.substr(0, line) : text;
    }

    /// The end of a tag whose closing is `close` ("%}"), with what it takes along; true where it is one.
    bool take_end(std::string_view close, bool trims_newline) {
        line_begins_ = false;
        if (rest().starts_with('-') && rest().substr(1).starts_with(close)) {
            const auto text = std::min(source_.find_first_not_of(spaces, at_ + 1 + close.size()), source_.size());
            line_begins_ = source_[text - 1] == '\n';
            skip(text - at_);
            return true;
        }
        if (trims_newline && rest().starts_with('+') && rest().substr(1).starts_with(close)) {
            skip(1 + close.size());
            return true;
        }
        if (!rest().starts_with(close)) return false;
        skip(close.size());
        if (trims_newline && rest().starts_with('\n')) {
            skip(1);
            line_begins_ = true;
        }
        return true;
    }

    void skip_comment() {
        const auto end = source_.find("#}", at_);
        if (end == std::string_view::npos) fail("a comment that does not end");
        const bool signed_end = end > at_ && (source_[end - 1] == '-' || source_[end - 1] == '+');
        skip(end - at_ - (signed_end ? 1 : 0));
        (void)take_end("#}", true);
    }

    void skip_space() { skip(std::min(source_.find_first_not_of(spaces, at_), source_.size()) - at_); }

    bool take_word(std::string_view word) {
        skip_space();
        if (!rest().starts_with(word) || (rest().size() > word.size() && is_name(rest()[word.size()]))) return false;
        skip(word.size());
        skip_space();
        return true;
    }

    /// {% raw %} … {% endraw %}, behind its "{%".
    bool read_raw() {
        const auto begin = at_;
        const auto begin_line = line_;
        if (!take_word("raw") || !take_end("%}", false)) {
            at_ = begin, line_ = begin_line;
            return false;
        }
        const auto text_begin = at_;
        for (auto tag = source_.find("{%", at_); tag != std::string_view::npos; tag = source_.find("{%", tag + 2)) {
            skip(tag + 2 - at_);
            const char sign = rest().empty() ? '\0' : rest().front();
            if (sign == '-' || sign == '+') skip(1);
            if (!take_word("endraw")) continue;
            const auto text = before_tag(source_.substr(text_begin, tag - text_begin), '%', sign);  // before take_end, which tells of the next line
            if (!take_end("%}", true)) continue;
            if (!text.empty()) add(Kind::text, std::string(text));
            return true;
        }
        fail("raw without endraw");
    }

    void read_tag(char type) {
        const bool is_block = type == '%';
        add(is_block ? Kind::block_begin : Kind::output_begin, "");
        std::string open;  // brackets
        for (;;) {
            skip_space();
            if (rest().empty()) fail("a tag that does not end");
            const auto line = line_;
            if (open.empty() && take_end(is_block ? "%}" : "}}", is_block)) {
                lexemes_.push_back({is_block ? Kind::block_end : Kind::output_end, "", line});
                return;
            }
            read_lexeme(open);
        }
    }

    void read_lexeme(std::string& open) {
        const char c = rest().front();
        if (c == '"' || c == '\'') return read_string(c);
        if (is_digit(c)) return read_number();
        if (is_name_begin(c)) {
            const auto name = rest().substr(0, static_cast<std::size_t>(std::find_if_not(rest().begin(), rest().end(), is_name) - rest().begin()));
            add(Kind::name, std::string(name));
            return skip(name.size());
        }
        for (const std::string_view symbol : {"**", "//", "==", "!=", ">=", "<=", "+", "-", "*", "/", "%", "~", "<", ">", "=", "(", ")", "[", "]", "{", "}", ".", ",", ":", "|"}) {
            if (!rest().starts_with(symbol)) continue;
            balance(symbol.front(), open);
            add(Kind::symbol, std::string(symbol));
            return skip(symbol.size());
        }
        fail(std::string("unexpected character in a tag"));
    }

    void balance(char c, std::string& open) {
        if (c == '(') open += ')';
        if (c == '[') open += ']';
        if (c == '{') open += '}';
        if (c != ')' && c != ']' && c != '}') return;
        if (open.empty() || open.back() != c) fail(std::string("unexpected '") + c + "'");
        open.pop_back();
    }

    void read_number() {
        std::size_t end = 0;
        const auto digits = [&] {
            while (end < rest().size() && (is_digit(rest()[end]) || (rest()[end] == '_' && end + 1 < rest().size() && is_digit(rest()[end + 1])))) ++end;
        };
        bool is_real = false;
        digits();
        if (end + 1 < rest().size() && rest()[end] == '.' && is_digit(rest()[end + 1])) {
            is_real = true;
            ++end;
            digits();
        }
        if (end < rest().size() && (rest()[end] == 'e' || rest()[end] == 'E')) {
            std::size_t exponent = end + 1;
            if (exponent < rest().size() && (rest()[exponent] == '+' || rest()[exponent] == '-')) ++exponent;
            if (exponent < rest().size() && is_digit(rest()[exponent])) {
                is_real = true;
                end = exponent;
                digits();
            }
        }
        std::string number(rest().substr(0, end));
        std::erase(number, '_');
        add(is_real ? Kind::real : Kind::integer, number);
        skip(end);
    }

    void read_string(char quote) {
        const auto line = line_;
        std::string text;
        skip(1);
        for (;;) {
            if (rest().empty()) fail("a string that does not end");
            const char c = rest().front();
            if (c == quote) break;
            if (c == '\\' && rest().size() > 1) {
                read_escape(text);
            } else {
                text += c;
                skip(1);
            }
        }
        skip(1);
        lexemes_.push_back({Kind::string, std::move(text), line});
    }

    // As in Python: what is no escape stays as it is.
    void read_escape(std::string& text) {
        const char c = rest()[1];
        constexpr std::string_view letters = "ntrabfv\\'\"", values = "\n\t\r\a\b\f\v\\'\"";
        if (const auto known = letters.find(c); known != std::string_view::npos) {
            text += values[known];
            return skip(2);
        }
        if (c == '\n') return skip(2);
        if (c == 'x') return read_code(text, 2, 2, 16);
        if (c == 'u') return read_code(text, 2, 4, 16);
        if (c == 'U') return read_code(text, 2, 8, 16);
        if (c >= '0' && c <= '7') return read_code(text, 1, 3, 8);
        text += '\\';
        skip(1);
    }

    void read_code(std::string& text, std::size_t begin, std::size_t most, char32_t base) {
        char32_t code = 0;
        std::size_t end = begin;
        for (; end < begin + most && end < rest().size(); ++end) {
            const char c = rest()[end];
            const char32_t digit = is_digit(c) ? static_cast<char32_t>(c - '0') : c >= 'a' && c <= 'f' ? static_cast<char32_t>(c - 'a' + 10)
                                                                              : c >= 'A' && c <= 'F'   ? static_cast<char32_t>(c - 'A' + 10)
                                                                                                       : base;
            if (digit >= base) break;
            code = code * base + digit;
        }
        if (base == 16 && end < begin + most) fail("an escape with too few digits");
        if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) fail("an escape that is no character");
        text::append_utf8(text, code);
        skip(end);
    }

    std::string_view source_;
    Context& context_;
    std::size_t at_ = 0;
    std::uint32_t line_ = 1;
    bool line_begins_ = true;  // the text that follows begins a line
    std::vector<Lexeme> lexemes_;
};

}  // namespace

std::vector<Lexeme> tokenize(std::string_view source, Context& context) {
    if (source.size() > context.limits().source) {
        context.fail("a template of " + std::to_string(source.size()) + " bytes, at most " + std::to_string(context.limits().source) + " are read");
    }
    if (text::first_invalid_utf8(source) != std::string_view::npos) context.fail("no UTF-8");
    return Lexer(with_plain_newlines(source), context).read();
}

}  // namespace rorqual::prompts::jinja
