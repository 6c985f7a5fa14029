// What a model writes: the first byte says in which format, the second where it is cut. The parts do not depend on the cut, and a message is JSON.
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "fuzz/target.hpp"
#include "rorqual/completion.hpp"

using namespace rorqual;

namespace {

struct Read {
    std::string parts;
    std::optional<std::string> message;
};

// The parts as one text: calls begin with NUL, and each kind has a mark.
void take(Completion& completion, std::string& parts, int& kind) {
    for (const auto& part : completion.take()) {
        if (static_cast<int>(part.kind) != kind || part.kind == CompletionPart::Kind::tool_call) {
            parts += '\0';
            parts += static_cast<char>('0' + static_cast<int>(part.kind));
        }
        kind = static_cast<int>(part.kind);
        parts += part.text;
    }
}

Read read(std::string_view format, bool thinking, std::string_view text, std::size_t cut) {
    Completion completion(format, thinking);
    Read read;
    int kind = -1;
    try {
        for (std::size_t i = 0; i < text.size(); i += cut) {
            completion.feed(text.substr(i, cut));
            take(completion, read.parts, kind);
        }
        read.message = completion.finish();
    } catch (const Error& error) {
        fuzz::promise(error.status() == Status::corrupt);
    }
    take(completion, read.parts, kind);
    return read;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::array<std::pair<std::string_view, bool>, 12> kinds = {{{"v2", false}, {"v3", false}, {"r1", true}, {"v3-0324", false}, {"r1-0528", true}, {"v3.1", false}, {"v3.1", true}, {"v3.2", false}, {"v3.2", true}, {"v4", false}, {"v4", true}, {"r1-0528", false}}};
    if (size < 2) return 0;
    const auto& [format, thinking] = kinds[data[0] % kinds.size()];
    const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
    const Read whole = read(format, thinking, text, text.size() + 1);
    const Read pieces = read(format, thinking, text, std::size_t{1} + data[1] % 32);
    fuzz::promise(whole.parts == pieces.parts && whole.message == pieces.message);
    if (whole.message) fuzz::promise(nlohmann::json::accept(*whole.message));
    return 0;
}
