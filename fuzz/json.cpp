// JSON: what is accepted is the same after being written and read again.
#include "io/json.hpp"

#include <string_view>

#include <nlohmann/json.hpp>

#include "fuzz/target.hpp"

using namespace rorqual;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    return fuzz::try_on(data, size, [](std::span<const std::byte> file) {
        const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
        const auto value = io::parse_json(text, "input");
        fuzz::promise(*io::parse_json(value->dump(), "again") == *value);
    });
}
