// Rules of a grammar: they are read or refused, and then tell of any text whether it is theirs.
#include <string_view>

#include "fuzz/target.hpp"
#include "rorqual/grammar.hpp"

using namespace rorqual;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    return fuzz::try_on_argument(data, size, [](std::string_view rules) {
        const auto grammar = Grammar::from_rules(rules);
        for (const std::string_view text : {"", "a", "yes", "[1, 2]", "\xE4\xBD\xA0\xE5\xA5\xBD \xff"}) (void)grammar.matches(text);
    });
}
