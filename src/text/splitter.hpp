#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <string_view>

namespace rorqual::text {

/// Where pieces of text go, in order: a borrowed callable of string_view. A piece is borrowed for the call only.
class PieceSink {
 public:
    template <class Callable>
    requires(!std::same_as<Callable, PieceSink>)
        PieceSink(const Callable& callable)  // NOLINT(google-explicit-constructor): a reference in disguise
        : target_(&callable), call_([](const void* target, std::string_view piece) { (*static_cast<const Callable*>(target))(piece); }) {}

    void operator()(std::string_view piece) const { call_(target_, piece); }

 private:
    const void* target_;
    void (*call_)(const void* target, std::string_view piece);
};

/// One step of pre-tokenization: divides a piece of valid UTF-8 into smaller ones, of which none is empty.
/// Immutable: any number of threads may use it at once.
class Splitter {
 public:
    virtual ~Splitter() = default;
    virtual void split(std::string_view piece, PieceSink out) const = 0;
};

/// A step as a file describes it.
struct SplitStep {
    enum class Kind {
        regex,           ///< matches of `pattern` and the gaps between them become pieces ("Isolated")
        literal,         ///< the same with a plain string
        each_digit,      ///< every character of category N alone
        digit_runs,      ///< runs of characters of category N
        space_in_front,  ///< a piece that does not begin with a space gets one
    };
    Kind kind;
    std::string pattern;  ///< of regex (in Oniguruma's syntax) and literal; otherwise empty
    std::string key;      ///< names the step in errors: "tokenizer.json: pre_tokenizer.pretokenizers[0].pattern.Regex"
};

}  // namespace rorqual::text
