// DeepSeek-V3-0324.
#include "prompts/v3_turns.hpp"

namespace rorqual::prompts {
namespace {

void render(std::span<const Message> messages, const RenderOptions& options, Pieces& out);

}  // namespace

extern const Format v3_0324;
const Format v3_0324 = {"v3-0324", Format::Thinking::never, true, false, false, v3_tokens, render, v3_completion};

namespace {

void render(std::span<const Message> messages, const RenderOptions& options, Pieces& out) {
    render_march(v3_0324, messages, options, EarlierThinking::kept, out);
}

}  // namespace
}  // namespace rorqual::prompts
