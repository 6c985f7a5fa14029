#include "prompts/jinja/functions.hpp"

#include <algorithm>

#include "io/printable.hpp"
#include "prompts/jinja/operations.hpp"
#include "prompts/jinja/print.hpp"

namespace rorqual::prompts::jinja {
namespace {

constexpr std::int64_t longest_range = 100000;  // as Jinja's sandbox has it

Value range(const Arguments& call) {
    const auto [first, second, third] = call.bind(std::array<std::string_view, 3>{"start", "stop", "step"});
    const bool has_start = !second.is_undefined();
    const std::int64_t start = has_start ? call.integer_or(first, 0, "start") : 0;
    const std::int64_t stop = call.integer_or(has_start ? second : first, 0, "stop");
    const std::int64_t step = call.integer_or(third, 1, "step");
    if (step == 0) call.fail("a step of zero");
    Values values;
    std::int64_t next = start;
    while (step > 0 ? next < stop : next > stop) {
        if (values.size() == longest_range) call.fail("more than " + std::to_string(longest_range) + " numbers");
        values.emplace_back(next);
        if (__builtin_add_overflow(next, step, &next)) break;
    }
    return make_list(call.context, std::move(values));
}

/// The entries of dict(a=1) and dict(other, a=1).
Entries entries_of(const Arguments& call) {
    Entries entries;
    if (call.values.size() > 1) call.fail("more than one dict");
    if (!call.values.empty()) {
        const auto* dict = call.values[0].dict();
        if (dict == nullptr) call.fail(std::string(kind_of(call.values[0])) + ", expected a dict");
        entries = dict->entries;
    }
    for (const auto& [name, value] : call.named) {
        const auto found = std::find_if(entries.begin(), entries.end(), [&, &key = name](const Entry& entry) { return entry.key->whole() == key; });
        if (found != entries.end()) {
            found->value = value;
        } else {
            entries.push_back({std::make_shared<const Text>(Text().markup(name)), value});
        }
    }
    call.context.bytes(entries.size() * sizeof(Entry));
    return entries;
}

Value make_namespace(const Arguments& call) {
    Namespace made;
    const Value dict = make_dict(call.context, entries_of(call));  // refuses a namespace in it
    for (const Entry& entry : dict.dict()->entries) made.entries.emplace_back(entry.key->whole(), entry.value);
    call.context.bytes(sizeof(Namespace) + made.entries.size() * sizeof(made.entries[0]));
    return std::make_shared<Namespace>(std::move(made));
}

Value raise_exception(const Arguments& call) {
    const auto [message] = call.bind(std::array<std::string_view, 1>{"message"});
    call.context.fail(io::printable(print(call.context, message).whole()), Status::unsupported);
}

struct Known {
    std::string_view name;
    Value (*call)(const Arguments&);
};
constexpr Known known[] = {
    {"range", range},
    {"dict", [](const Arguments& call) { return make_dict(call.context, entries_of(call)); }},
    {"namespace", make_namespace},
    {"raise_exception", raise_exception},
};

}  // namespace

Value function_named(Context& context, std::string_view name) {
    const bool found = std::any_of(std::begin(known), std::end(known), [&](const Known& one) { return one.name == name; });
    return found ? make_method(context, {}, name) : Value();
}

Value call_function(const Arguments& arguments) {
    return std::find_if(std::begin(known), std::end(known), [&](const Known& one) { return one.name == arguments.name; })->call(arguments);
}

}  // namespace rorqual::prompts::jinja
