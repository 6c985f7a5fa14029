#include "rorqual/grammar.hpp"

#include "grammar/grammar_impl.hpp"
#include "grammar/json_schema.hpp"
#include "grammar/matcher.hpp"
#include "grammar/rules_text.hpp"

namespace rorqual {

Grammar Grammar::from_rules(std::string_view text) { return Grammar(std::make_shared<const Impl>(grammar::read_rules(text))); }

Grammar Grammar::from_json_schema(std::string_view schema) { return Grammar(std::make_shared<const Impl>(grammar::read_schema(schema))); }

bool Grammar::matches(std::string_view text) const {
    grammar::Matcher matcher(impl_->automaton, impl_->root);
    auto place = matcher.start();
    for (const char byte : text) {
        if (matcher.places() > grammar::Matcher::most_places && place != grammar::Matcher::nowhere) place = matcher.forget_all_but(place);
        place = matcher.after(place, static_cast<std::uint8_t>(byte));
        if (place == grammar::Matcher::nowhere) return false;
    }
    return place != grammar::Matcher::nowhere && matcher.is_whole(place);
}

}  // namespace rorqual
