#include "prompts/jinja/template.hpp"

namespace rorqual::prompts::jinja {

Pieces render(std::string_view source, const std::string& origin, Variables variables, const Limits& limits) {
    Context context(origin, limits);
    const Statements statements = parse(source, context);
    return Interpreter(context, std::move(variables)).run(statements);
}

}  // namespace rorqual::prompts::jinja
