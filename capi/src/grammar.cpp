#include "rorqual/grammar.hpp"

#include "arguments.hpp"
#include "boundary.hpp"
#include "handles.hpp"

using namespace rorqual;
using namespace rorqual::capi;

int32_t rq_grammar_from_json_schema(const char* schema, size_t schema_len, rq_grammar** out, rq_error* err) {
    return boundary(err, [&] {
        auto*& made = result(out, "out");
        made = new rq_grammar{Grammar::from_json_schema(text(schema, schema_len, "schema"))};
    });
}

int32_t rq_grammar_from_rules(const char* rules, size_t rules_len, rq_grammar** out, rq_error* err) {
    return boundary(err, [&] {
        auto*& made = result(out, "out");
        made = new rq_grammar{Grammar::from_rules(text(rules, rules_len, "rules"))};
    });
}

void rq_grammar_free(rq_grammar* grammar) { delete grammar; }
