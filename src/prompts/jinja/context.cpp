#include "prompts/jinja/context.hpp"

namespace rorqual::prompts::jinja {

void Context::fail(const std::string& what, Status status) const {
    throw Error(status, origin_ + ": line " + std::to_string(line_) + ": " + what);
}

}  // namespace rorqual::prompts::jinja
