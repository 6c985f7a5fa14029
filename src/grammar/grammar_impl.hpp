#pragma once

#include <memory>
#include <utility>

#include "grammar/automaton.hpp"
#include "rorqual/grammar.hpp"

namespace rorqual {

class Grammar::Impl {
 public:
    explicit Impl(grammar::Rules rules) : root(rules.root), spaced_root(with_space(rules)), automaton(std::make_shared<const grammar::Automaton>(rules)) {}

    const grammar::Index root;
    const grammar::Index spaced_root;  ///< the rule of the same texts with some white space before them
    const std::shared_ptr<const grammar::Automaton> automaton;

 private:
    static grammar::Index with_space(grammar::Rules& rules) {
        constexpr std::uint32_t most = 8;
        const auto space = rules.characters({{' ', ' '}, {'\t', '\t'}, {'\n', '\n'}, {'\r', '\r'}});
        const auto rule = rules.declare("white space and " + rules.rules()[rules.root].name);
        rules.define(rule, rules.sequence({rules.repeat(space, 0, most), rules.call(rules.root)}));
        return rule;
    }
};

}  // namespace rorqual
