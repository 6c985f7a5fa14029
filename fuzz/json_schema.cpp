// A JSON Schema: what its grammar admits is JSON, as far as a walk through it shows.
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "fuzz/target.hpp"
#include "grammar/grammar_impl.hpp"
#include "grammar/matcher.hpp"
#include "rorqual/grammar.hpp"

using namespace rorqual;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    return fuzz::try_on_argument(data, size, [&](std::string_view schema) {
        const auto grammar = Grammar::from_json_schema(schema);
        grammar::Matcher matcher(grammar.impl()->automaton, grammar.impl()->root);
        auto place = matcher.start();
        std::string text;
        for (std::size_t step = 0; matcher.has_more(place) && !matcher.is_whole(place) && step < 400; ++step) {
            auto next = grammar::Matcher::nowhere;
            for (int i = 0; i < 256 && next == grammar::Matcher::nowhere; ++i) {  // from another byte on each time
                const auto byte = static_cast<std::uint8_t>(i + 37 * static_cast<int>(step) + data[step % size]);
                next = matcher.after(place, byte);
                if (next != grammar::Matcher::nowhere) text += static_cast<char>(byte);
            }
            fuzz::promise(next != grammar::Matcher::nowhere);
            place = next;
        }
        if (matcher.is_whole(place)) fuzz::promise(nlohmann::json::accept(text));
    });
}
