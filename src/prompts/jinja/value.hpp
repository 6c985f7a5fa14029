#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "io/ordered_json.hpp"
#include "prompts/jinja/context.hpp"
#include "prompts/pieces.hpp"

namespace rorqual::prompts::jinja {

struct Statement;
class Value;

/// A string knows which of its bytes are the template's own: only these may become special tokens.
using Text = Pieces;

/// What is not there. It prints as nothing; using it otherwise is an error that names it.
struct Undefined {
    std::shared_ptr<const std::string> name;
};
struct None {};

/// An integer of data beyond 64 bits: to be printed, not to be computed with.
struct Digits {
    std::shared_ptr<const std::string> text;
};

struct List;
struct Dict;
struct Namespace;
struct Loop;
struct Function;

template <class T, class Variant>
inline constexpr bool is_alternative = false;
template <class T, class... Alternatives>
inline constexpr bool is_alternative<T, std::variant<Alternatives...>> = (std::is_same_v<T, Alternatives> || ...);

/// A value of a template. Immutable but for namespaces, which no container may hold: nothing ever contains itself.
class Value {
 public:
    using Held = std::variant<Undefined, None, bool, std::int64_t, double, Digits, std::shared_ptr<const Text>, std::shared_ptr<const List>,
                              std::shared_ptr<const Dict>, std::shared_ptr<Namespace>, std::shared_ptr<const Loop>, std::shared_ptr<const Function>>;

    Value() = default;
    template <class T>
    requires is_alternative<std::remove_cvref_t<T>, Held>
    Value(T&& held) : held_(std::in_place_type<std::remove_cvref_t<T>>, std::forward<T>(held)) {}

    template <class T>
    [[nodiscard]] const T* as() const noexcept { return std::get_if<T>(&held_); }
    [[nodiscard]] const Text* text() const noexcept { return pointed<const Text>(); }
    [[nodiscard]] const List* list() const noexcept { return pointed<const List>(); }
    [[nodiscard]] const Dict* dict() const noexcept { return pointed<const Dict>(); }
    [[nodiscard]] Namespace* name_space() const noexcept { return pointed<Namespace>(); }
    [[nodiscard]] const Loop* loop() const noexcept { return pointed<const Loop>(); }
    [[nodiscard]] const Function* function() const noexcept { return pointed<const Function>(); }

    [[nodiscard]] bool is_undefined() const noexcept { return as<Undefined>() != nullptr; }
    [[nodiscard]] bool is_none() const noexcept { return as<None>() != nullptr; }

 private:
    template <class T>
    [[nodiscard]] T* pointed() const noexcept {
        const auto* pointer = std::get_if<std::shared_ptr<T>>(&held_);
        return pointer == nullptr ? nullptr : pointer->get();
    }
    Held held_;
};

using Values = std::vector<Value>;
struct Entry {
    std::shared_ptr<const Text> key;
    Value value;
};
using Entries = std::vector<Entry>;

struct List {
    Values values;
    std::size_t depth = 1;
};

struct Dict {
    Entries entries;
    std::size_t depth = 1;
    [[nodiscard]] const Value* find(std::string_view key) const noexcept;
};

struct Namespace {
    std::vector<std::pair<std::string, Value>> entries;
    [[nodiscard]] Value* find(std::string_view name) noexcept;
};

/// `loop` in the body of a for.
struct Loop {
    std::shared_ptr<const List> items;
    std::size_t index = 0;
    std::size_t loops = 1;  ///< in one another
};

/// What can be called: a macro, a function of every template, or a method of a value.
struct Function {
    const Statement* macro = nullptr;
    std::string name;
    Value receiver{};
};

/// The only ways to make what grows: metered, and refused where it would be nested too deeply.
[[nodiscard]] Value make_text(Context& context, Text text);
[[nodiscard]] Value make_markup(Context& context, std::string_view text);
[[nodiscard]] Value make_list(Context& context, Values values);
[[nodiscard]] Value make_dict(Context& context, Entries entries);
[[nodiscard]] Value make_method(Context& context, Value receiver, std::string_view name);
[[nodiscard]] Value undefined(std::string_view name);

/// A value of a JSON document, whose strings are markup or nobody's. It is not metered: the document has its own limits.
[[nodiscard]] Value from_json(const io::OrderedJson& json, bool is_markup);

/// "a string", for errors.
[[nodiscard]] std::string_view kind_of(const Value& value) noexcept;
[[nodiscard]] std::size_t depth_of(const Value& value) noexcept;

}  // namespace rorqual::prompts::jinja
