#include "prompts/jinja/methods.hpp"

#include <algorithm>
#include <array>

#include "prompts/jinja/operations.hpp"
#include "prompts/jinja/print.hpp"
#include "prompts/jinja/text_operations.hpp"

namespace rorqual::prompts::jinja {
namespace {

using Arguments1 = std::array<std::string_view, 1>;
using Arguments2 = std::array<std::string_view, 2>;

bool absent(const Value& value) noexcept { return value.is_undefined() || value.is_none(); }

// ---- strings ----

template <Side side>
Value strip(const Text& text, const Arguments& call) {
    const auto [chars] = call.bind(Arguments1{"chars"});
    std::optional<std::string_view> characters;
    if (!absent(chars)) characters = call.text(chars, "chars").whole();
    return make_text(call.context, stripped(call.context, text, side, characters));
}

template <Case wanted>
Value change_case(const Text& text, const Arguments& call) {
    call.bind_none();
    return make_text(call.context, with_case(call.context, text, wanted));
}

std::string_view separator_of(const Value& sep, const Arguments& call) {
    const std::string_view separator = call.text(sep, "sep").whole();
    if (separator.empty()) call.fail("sep: an empty string");
    return separator;
}

std::int64_t most_of(const Value& maxsplit, const Arguments& call, std::string_view parameter) {
    const auto most = call.integer_or(maxsplit, -1, parameter);
    return most < 0 ? all : most;
}

Value split(const Text& text, const Arguments& call) {
    const auto [sep, maxsplit] = call.bind(Arguments2{"sep", "maxsplit"});
    const auto most = most_of(maxsplit, call, "maxsplit");
    return make_list(call.context, absent(sep) ? split_at_space(call.context, text, most) : split(call.context, text, separator_of(sep, call), most));
}

Value rsplit(const Text& text, const Arguments& call) {
    const auto [sep, maxsplit] = call.bind(Arguments2{"sep", "maxsplit"});
    return make_list(call.context, split_from_right(call.context, text, separator_of(sep, call), most_of(maxsplit, call, "maxsplit")));
}

Value splitlines(const Text& text, const Arguments& call) {
    call.bind_none();
    Values lines = split(call.context, text, "\n");
    if (lines.back().text()->whole().empty()) lines.pop_back();
    return make_list(call.context, std::move(lines));
}

template <bool at_front>
bool has_affix(const Text& text, const Text& affix) {
    return at_front ? text.whole().starts_with(affix.whole()) : text.whole().ends_with(affix.whole());
}

template <bool at_front>
Value affix(const Text& text, const Arguments& call) {
    const auto [sought] = call.bind(Arguments1{"prefix"});
    const auto has = [&, &context = call.context](const Value& one) {
        const Text& given = call.text(one, "prefix");
        context.step(1 + given.whole().size() / 4096);
        return has_affix<at_front>(text, given);
    };
    const auto* list = sought.list();
    return list != nullptr ? std::any_of(list->values.begin(), list->values.end(), has) : has(sought);
}

template <bool at_front>
Value without_affix(const Text& text, const Arguments& call) {
    const auto [given] = call.bind(Arguments1{"prefix"});
    const Text& sought = call.text(given, "prefix");
    if (!has_affix<at_front>(text, sought)) return make_text(call.context, text);
    const std::size_t kept = text.whole().size() - sought.whole().size(), begin = at_front ? sought.whole().size() : 0;
    return make_text(call.context, Text().append(text, begin, begin + kept));
}

Value replace(const Text& text, const Arguments& call) {
    const auto [old, with, count] = call.bind(std::array<std::string_view, 3>{"old", "new", "count"});
    return make_text(call.context, replaced(call.context, text, call.text(old, "old").whole(), call.text(with, "new"), call.integer_or(count, -1, "count")));
}

Value join(const Text& text, const Arguments& call) {
    const auto [values] = call.bind(Arguments1{"iterable"});
    return make_text(call.context, joined(call.context, text, items(call.context, values)->values));
}

Value find(const Text& text, const Arguments& call) {
    const auto [sub] = call.bind(Arguments1{"sub"});
    const auto at = find(call.context, text.whole(), call.text(sub, "sub").whole());
    if (at == std::string_view::npos) return std::int64_t{-1};
    return static_cast<std::int64_t>(length(call.context, make_text(call.context, Text().append(text, 0, at))));
}

Value count(const Text& text, const Arguments& call) {
    const auto [sub] = call.bind(Arguments1{"sub"});
    const Text& sought = call.text(sub, "sub");
    if (sought.whole().empty()) return static_cast<std::int64_t>(length(call.context, make_text(call.context, text)) + 1);
    return static_cast<std::int64_t>(split(call.context, text, sought.whole()).size()) - 1;
}

template <bool (*holds)(char)>
Value every(const Text& text, const Arguments& call) {
    call.bind_none();
    return !text.whole().empty() && std::all_of(text.whole().begin(), text.whole().end(), holds);
}
bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_white(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }

// ---- dicts ----

Value items_of(const Dict& dict, const Arguments& call) {
    call.bind_none();
    Values pairs;
    for (const Entry& entry : dict.entries) {
        call.context.step();
        pairs.push_back(make_list(call.context, {entry.key, entry.value}));
    }
    return make_list(call.context, std::move(pairs));
}

template <bool keys>
Value column_of(const Dict& dict, const Arguments& call) {
    call.bind_none();
    call.context.step(dict.entries.size());
    Values column;
    for (const Entry& entry : dict.entries) column.push_back(keys ? Value(entry.key) : entry.value);
    return make_list(call.context, std::move(column));
}

Value get(const Dict& dict, const Arguments& call) {
    const auto [key, otherwise] = call.bind(Arguments2{"key", "default"});
    call.context.step(dict.entries.size() / 16);
    const Value* found = dict.find(call.text(key, "key").whole());
    if (found != nullptr) return *found;
    return otherwise.is_undefined() ? Value(None{}) : otherwise;
}

template <class Of>
struct Method {
    std::string_view name;
    Value (*call)(const Of&, const Arguments&);
};

constexpr Method<Text> text_methods[] = {
    {"strip", strip<Side::both>}, {"lstrip", strip<Side::left>}, {"rstrip", strip<Side::right>}, {"lower", change_case<Case::lower>}, {"upper", change_case<Case::upper>}, {"title", change_case<Case::title>}, {"capitalize", change_case<Case::capitalized>}, {"split", split}, {"rsplit", rsplit}, {"splitlines", splitlines}, {"startswith", affix<true>}, {"endswith", affix<false>}, {"removeprefix", without_affix<true>}, {"removesuffix", without_affix<false>}, {"replace", replace}, {"join", join}, {"find", find}, {"count", count}, {"isdigit", every<is_digit>}, {"isspace", every<is_white>}};
constexpr Method<Dict> dict_methods[] = {{"items", items_of}, {"keys", column_of<true>}, {"values", column_of<false>}, {"get", get}};

template <class Methods>
auto find_method(const Methods& methods, std::string_view name) noexcept {
    const auto found = std::find_if(std::begin(methods), std::end(methods), [&](const auto& method) { return method.name == name; });
    return found == std::end(methods) ? nullptr : found;
}

constexpr std::string_view changing[] = {"append", "extend", "insert", "pop", "remove", "clear", "sort", "reverse", "update", "setdefault", "popitem"};

bool would_change(const Value& value, std::string_view name) noexcept {
    return (value.list() != nullptr || value.dict() != nullptr) && std::find(std::begin(changing), std::end(changing), name) != std::end(changing);
}

}  // namespace

bool has_method(const Value& value, std::string_view name) noexcept {
    if (would_change(value, name)) return true;
    return (value.text() != nullptr && find_method(text_methods, name) != nullptr) || (value.dict() != nullptr && find_method(dict_methods, name) != nullptr);
}

Value call_method(const Value& receiver, const Arguments& arguments) {
    if (would_change(receiver, arguments.name)) arguments.fail("lists and dicts of a template do not change", Status::unsupported);
    if (const auto* text = receiver.text()) return find_method(text_methods, arguments.name)->call(*text, arguments);
    if (const auto* dict = receiver.dict()) return find_method(dict_methods, arguments.name)->call(*dict, arguments);
    const Loop& loop = *receiver.loop();  // cycle
    if (arguments.values.empty()) arguments.fail("expected values to take in turn");
    return arguments.values[loop.index % arguments.values.size()];
}

Value loop_attribute(Context& context, const Loop& loop, const Value& value, std::string_view name) {
    const Values& values = loop.items->values;
    const auto number = [](std::size_t n) { return static_cast<std::int64_t>(n); };
    if (name == "index") return number(loop.index + 1);
    if (name == "index0") return number(loop.index);
    if (name == "revindex") return number(values.size() - loop.index);
    if (name == "revindex0") return number(values.size() - loop.index - 1);
    if (name == "first") return loop.index == 0;
    if (name == "last") return loop.index + 1 == values.size();
    if (name == "length") return number(values.size());
    if (name == "depth") return number(loop.loops);
    if (name == "depth0") return number(loop.loops - 1);
    if (name == "previtem") return loop.index > 0 ? values[loop.index - 1] : undefined("loop.previtem");
    if (name == "nextitem") return loop.index + 1 < values.size() ? values[loop.index + 1] : undefined("loop.nextitem");
    if (name == "cycle") return make_method(context, value, name);
    return undefined("loop." + std::string(name));
}

}  // namespace rorqual::prompts::jinja
