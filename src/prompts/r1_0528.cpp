// DeepSeek-R1-0528: the model opens its reasoning itself.
#include "prompts/v3_turns.hpp"

namespace rorqual::prompts {
namespace {

void render(std::span<const Message> messages, const RenderOptions& options, Pieces& out);

}  // namespace

extern const Format r1_0528;
const Format r1_0528 = {"r1-0528", Format::Thinking::always, true, false, false, r1_tokens, render, r1_0528_completion};

namespace {

void render(std::span<const Message> messages, const RenderOptions& options, Pieces& out) {
    render_march(r1_0528, messages, options, EarlierThinking::cut, out);
}

}  // namespace
}  // namespace rorqual::prompts
