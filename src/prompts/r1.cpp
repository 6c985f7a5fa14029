// DeepSeek-R1 as published in January 2025: the prompt opens the reasoning.
#include "prompts/v3_turns.hpp"

namespace rorqual::prompts {
namespace {

void render(std::span<const Message> messages, const RenderOptions& options, Pieces& out);

}  // namespace

extern const Format r1;
const Format r1 = {"r1", Format::Thinking::always, true, false, false, r1_tokens, render, r1_completion};

namespace {

void render(std::span<const Message> messages, const RenderOptions& options, Pieces& out) {
    render_january(r1, messages, options, EarlierThinking::cut, "<｜Assistant｜><think>\n", out);
}

}  // namespace
}  // namespace rorqual::prompts
