// A chat template: it is run over a conversation or refused with an Error, whatever it does.
#include <string>
#include <string_view>

#include "fuzz/target.hpp"
#include "rorqual/prompt.hpp"

using namespace rorqual;

namespace {

constexpr std::string_view messages = R"([{"role": "system", "content": "s", "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]},
    {"role": "user", "content": " \u4f60 <x> "}, {"role": "assistant", "content": null, "tool_calls": [{"function": {"name": "f", "arguments": {"a": [1, 2.5, true]}}}]},
    {"role": "tool", "content": "r"}, {"role": "user", "content": [{"type": "text", "text": "t"}]}])";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    return fuzz::try_on(data, size, [](std::span<const std::byte> bytes) {
        PromptOptions options{.format = "jinja"};
        options.chat_template.text.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        if (options.chat_template.empty()) return;
        options.chat_template.tokens = R"({"bos_token": "<s>", "eos_token": "</s>"})";
        const Prompt prompt(messages, options);
        fuzz::promise(prompt.text().size() <= std::size_t{65} << 20);
    });
}
