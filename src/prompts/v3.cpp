// DeepSeek-V3 and V2.5 as published in December 2024 and January 2025.
#include "prompts/v3_turns.hpp"

namespace rorqual::prompts {
namespace {

void render(std::span<const Message> messages, const RenderOptions& options, Pieces& out);

}  // namespace

extern const Format v3;
const Format v3 = {"v3", Format::Thinking::never, true, false, false, v3_tokens, render, v3_completion};

namespace {

void render(std::span<const Message> messages, const RenderOptions& options, Pieces& out) {
    render_january(v3, messages, options, EarlierThinking::kept, marker::assistant, out);
}

}  // namespace
}  // namespace rorqual::prompts
