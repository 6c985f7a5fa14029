#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "prompts/jinja/value.hpp"

namespace rorqual::prompts::jinja {

/// What a function, filter, test or method is called with.
class Arguments {
 public:
    using Named = std::vector<std::pair<std::string, Value>>;

    Arguments(Context& context_, std::string_view name_) : context(context_), name(name_) {}

    /// By the names of the parameters; what is not given is undefined. Throws Error for arguments that none of them takes.
    template <std::size_t count>
    [[nodiscard]] std::array<Value, count> bind(const std::array<std::string_view, count>& parameters) const {
        std::array<Value, count> bound;
        bind(parameters.data(), count, bound.data());
        return bound;
    }
    void bind_none() const { bind(nullptr, 0, nullptr); }

    [[noreturn]] void fail(const std::string& what, Status status = Status::corrupt) const { context.fail(std::string(name) + ": " + what, status); }

    /// A string. Throws Error that names the parameter.
    [[nodiscard]] const Text& text(const Value& value, std::string_view parameter) const;
    /// An integer; `otherwise` where nothing is given.
    [[nodiscard]] std::int64_t integer_or(const Value& value, std::int64_t otherwise, std::string_view parameter) const;

    Context& context;
    std::string_view name;
    Values values;
    Named named;

 private:
    void bind(const std::string_view* parameters, std::size_t count, Value* bound) const;
};

}  // namespace rorqual::prompts::jinja
