// A conversation: in every format it becomes text, or is refused with an Error.
#include <string_view>

#include "fuzz/target.hpp"
#include "rorqual/prompt.hpp"

using namespace rorqual;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    for (const auto format : prompt_formats()) {
        fuzz::try_on(data, size, [&](std::span<const std::byte> bytes) {
            const std::string_view messages(reinterpret_cast<const char*>(bytes.data()), bytes.size());
            const Prompt prompt(messages, {.format = std::string(format)});
            fuzz::promise(prompt.format() == format);
            fuzz::promise(format == "v2" || !prompt.text().empty());
        });
    }
    return 0;
}
