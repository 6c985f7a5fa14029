#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/unicode.hpp"

namespace rorqual::text {

/// A compiled PCRE2 pattern (UTF-8, Unicode properties, compiled to machine code where the machine allows).
/// Immutable: any number of threads may search with it at once.
class Regex {
 public:
    enum class Syntax { pcre2,
                        literal };

    /// `key` names the pattern in errors. Throws Error(unsupported) if PCRE2 cannot compile it.
    Regex(const std::string& pattern, Syntax syntax, std::string key);
    ~Regex();
    Regex(const Regex&) = delete;
    Regex& operator=(const Regex&) = delete;

    struct Match {
        std::size_t begin;
        std::size_t end;
    };

    /// One search through one text. Not for several threads at once.
    class Search {
     public:
        /// `text` is valid UTF-8 and stays alive. What lies before and behind it does not exist for the pattern.
        Search(const Regex& regex, std::string_view text);
        ~Search();
        Search(const Search&) = delete;
        Search& operator=(const Search&) = delete;

        /// The leftmost match that begins at `from` or later. Throws Error(unsupported) if the pattern needs more steps or
        /// memory than a pattern may.
        [[nodiscard]] std::optional<Match> find(std::size_t from);

     private:
        struct Data;
        const Regex& regex_;
        std::string_view text_;
        std::unique_ptr<Data> data_;
    };

 private:
    struct Code;
    std::string key_;
    std::unique_ptr<Code> code_;
};

/// The part of a category that this machine's PCRE2 does not put there, because its Unicode is older than ours.
[[nodiscard]] std::vector<CodepointRange> unknown_to_pcre2(Category category);

}  // namespace rorqual::text
