#include "rorqual/dtype.hpp"

#include <array>

namespace rorqual {
namespace {

struct Format {
    DType dtype;
    std::string_view name;
    std::int64_t length;
    std::int64_t bytes;
};

constexpr std::array formats = {
#define RQ_FORMAT(name, length, bytes) Format{DType::name, #name, length, bytes},
#include "quant/formats.inc"
#undef RQ_FORMAT
};

constexpr bool in_enum_order() {
    for (std::size_t i = 0; i < formats.size(); ++i) {
        if (static_cast<std::size_t>(formats[i].dtype) != i) return false;
    }
    return true;
}
static_assert(in_enum_order(), "formats.inc lists the formats in the order of DType");

const Format& format(DType dtype) noexcept { return formats[static_cast<std::size_t>(dtype)]; }

}  // namespace

std::string_view name(DType dtype) noexcept { return format(dtype).name; }
std::int64_t block_length(DType dtype) noexcept { return format(dtype).length; }
std::int64_t block_bytes(DType dtype) noexcept { return format(dtype).bytes; }

}  // namespace rorqual
