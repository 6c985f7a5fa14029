#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "rorqual/error.hpp"

namespace rorqual::prompts::jinja {

/// What a template may take before it is refused. Templates are somebody else's programs.
struct Limits {
    std::size_t source = std::size_t{256} << 10;  ///< bytes of the template
    std::uint32_t depth = 200;                    ///< of expressions, statements and macros in one another, and of values
    std::size_t steps = std::size_t{1} << 22;     ///< things evaluated; heavy ones count as many
    std::size_t bytes = std::size_t{64} << 20;    ///< of all texts, lists and output ever made
};

/// Where a template is read or run, for errors, and what it has taken so far.
class Context {
 public:
    Context(std::string origin, const Limits& limits) : origin_(std::move(origin)), limits_(limits) {}

    /// Errors from now on are on this line.
    void at(std::uint32_t line) noexcept { line_ = line; }
    [[nodiscard]] std::uint32_t line() const noexcept { return line_; }
    [[nodiscard]] const Limits& limits() const noexcept { return limits_; }

    /// Throws Error: "tokenizer_config.json: chat_template: line 3: " + what.
    [[noreturn]] void fail(const std::string& what, Status status = Status::corrupt) const;

    void step(std::size_t count = 1) {
        if (count > limits_.steps - steps_) fail("the template takes more than " + std::to_string(limits_.steps) + " steps");
        steps_ += count;
    }
    void bytes(std::size_t count) {
        if (count > limits_.bytes - bytes_) fail("the template makes more than " + std::to_string(limits_.bytes) + " bytes");
        bytes_ += count;
    }
    void check_depth(std::size_t depth) const {
        if (depth > limits_.depth) fail("nested deeper than " + std::to_string(limits_.depth));
    }

    /// One level deeper for as long as it lives.
    class Level {
     public:
        explicit Level(Context& context) : context_(context) {
            context_.check_depth(context_.depth_ + 1);
            ++context_.depth_;
        }
        ~Level() { --context_.depth_; }
        Level(const Level&) = delete;
        Level& operator=(const Level&) = delete;

     private:
        Context& context_;
    };

 private:
    std::string origin_;
    Limits limits_;
    std::uint32_t line_ = 1;
    std::uint32_t depth_ = 0;
    std::size_t steps_ = 0;
    std::size_t bytes_ = 0;
};

}  // namespace rorqual::prompts::jinja
