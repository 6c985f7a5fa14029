#include "prompts/jinja/print.hpp"

#include <algorithm>

#include "prompts/jinja/operations.hpp"

namespace rorqual::prompts::jinja {
namespace {

/// What strings, lists and dicts have in common; how their words look is the caller's.
class Printer {
 public:
    explicit Printer(Context& context) : context_(context) {}

    [[nodiscard]] Text take() { return std::move(out_); }

 protected:
    void put(std::string_view text, bool is_markup = true) {
        context_.step();
        context_.bytes(text.size());
        out_.append(text, is_markup);
    }

    /// A number, none, or true or false; false where it is something else.
    bool put_plain(const Value& value, std::string_view none, std::string_view yes, std::string_view no) {
        if (value.is_none()) {
            put(none);
        } else if (const auto* flag = value.as<bool>()) {
            put(*flag ? yes : no);
        } else if (const auto* number = value.as<std::int64_t>()) {
            put(std::to_string(*number));
        } else if (const auto* decimal = value.as<double>()) {
            put(io::shortest_decimal(*decimal));
        } else if (const auto* digits = value.as<Digits>()) {
            put(*digits->text);
        } else {
            return false;
        }
        return true;
    }

    Context& context_;
    Text out_;
};

class PythonPrinter : public Printer {
 public:
    using Printer::Printer;

    void print(const Value& value) {
        if (put_plain(value, "None", "True", "False") || value.is_undefined()) return;
        if (const auto* text = value.text()) return quote(*text);
        if (const auto* list = value.list()) {
            put("[");
            for (std::size_t i = 0; i < list->values.size(); ++i) {
                if (i > 0) put(", ");
                print(list->values[i]);
            }
            return put("]");
        }
        const auto* dict = value.dict();
        if (dict == nullptr) context_.fail(std::string(kind_of(value)) + " has no text");
        put("{");
        for (std::size_t i = 0; i < dict->entries.size(); ++i) {
            if (i > 0) put(", ");
            quote(*dict->entries[i].key);
            put(": ");
            print(dict->entries[i].value);
        }
        put("}");
    }

 private:
    // repr(): in the quotes that the text does not have, if it can be.
    void quote(const Text& text) {
        const bool has_single = text.whole().find('\'') != std::string::npos, has_double = text.whole().find('"') != std::string::npos;
        const char mark = has_single && !has_double ? '"' : '\'';
        put(std::string(1, mark));
        text.each([&](std::string_view bytes, bool is_markup) {
            std::string escaped;
            for (const char c : bytes) escape(escaped, c, mark);
            put(escaped, is_markup);
        });
        put(std::string(1, mark));
    }

    static void escape(std::string& out, char c, char mark) {
        constexpr char digits[] = "0123456789abcdef";
        if (c == mark || c == '\\') {
            (out += '\\') += c;
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '\r') {
            out += "\\r";
        } else if (c == '\t') {
            out += "\\t";
        } else if (const auto byte = static_cast<unsigned char>(c); byte < 0x20 || byte == 0x7F) {
            ((out += "\\x") += digits[byte >> 4]) += digits[byte & 15];
        } else {
            out += c;
        }
    }
};

class JsonPrinter : public Printer {
 public:
    JsonPrinter(Context& context, const JsonStyle& style) : Printer(context), style_(style) {}

    void print(const Value& value) {
        if (put_plain(value, "null", "true", "false")) return;
        if (const auto* text = value.text()) return quote(*text);
        if (const auto* list = value.list()) return print_list(*list);
        if (const auto* dict = value.dict()) return print_dict(*dict);
        context_.fail(std::string(kind_of(value)) + " is nothing that JSON can say");
    }

 private:
    void print_list(const List& list) {
        if (list.values.empty()) return put("[]");
        put("[");
        ++level_;
        for (std::size_t i = 0; i < list.values.size(); ++i) {
            begin_element(i);
            print(list.values[i]);
        }
        --level_;
        new_line();
        put("]");
    }

    void print_dict(const Dict& dict) {
        if (dict.entries.empty()) return put("{}");
        std::vector<const Entry*> entries;
        for (const Entry& entry : dict.entries) entries.push_back(&entry);
        context_.bytes(entries.size() * sizeof(Entry*));
        if (style_.sort_keys) std::sort(entries.begin(), entries.end(), [](const Entry* a, const Entry* b) { return a->key->whole() < b->key->whole(); });
        put("{");
        ++level_;
        for (std::size_t i = 0; i < entries.size(); ++i) {
            begin_element(i);
            quote(*entries[i]->key);
            put(style_.colon);
            print(entries[i]->value);
        }
        --level_;
        new_line();
        put("}");
    }

    void begin_element(std::size_t index) {
        if (index > 0) put(style_.comma);
        new_line();
    }

    void new_line() {
        if (style_.indent < 0) return;
        put("\n");
        const auto spaces = static_cast<std::size_t>(style_.indent) * level_;
        context_.bytes(spaces);
        out_.markup(std::string(spaces, ' '));
    }

    void quote(const Text& text) {
        put("\"");
        text.each([&](std::string_view bytes, bool is_markup) {
            std::string escaped;
            io::print_json_escaped(escaped, bytes);
            put(escaped, is_markup);
        });
        put("\"");
    }

    const JsonStyle& style_;
    std::size_t level_ = 0;
};

}  // namespace

Text print(Context& context, const Value& value) {
    if (const auto* text = value.text()) return *text;
    PythonPrinter printer(context);
    printer.print(value);
    return printer.take();
}

Text print_json(Context& context, const Value& value, const JsonStyle& style) {
    JsonPrinter printer(context, style);
    printer.print(value);
    return printer.take();
}

}  // namespace rorqual::prompts::jinja
