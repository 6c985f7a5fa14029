#include "io/gguf_types.hpp"

namespace rorqual::io {
namespace {

constexpr std::string_view for_activations = "for activations, never stored";
constexpr std::string_view not_supported = "not supported";
constexpr std::string_view removed = "removed from the format";
constexpr std::string_view of_ik_llama = "of ik_llama.cpp only";

constexpr std::uint32_t first_of_ik_llama = 97;

std::string numbered(std::string_view name, std::uint32_t id, std::string_view reason) {
    return "type " + std::string(name) + " (" + std::to_string(id) + ", " + std::string(reason) + ")";
}

}  // namespace

std::string_view name(GgufType type) noexcept {
    switch (type) {
        case GgufType::u8: return "u8";
        case GgufType::i8: return "i8";
        case GgufType::u16: return "u16";
        case GgufType::i16: return "i16";
        case GgufType::u32: return "u32";
        case GgufType::i32: return "i32";
        case GgufType::f32: return "f32";
        case GgufType::boolean: return "boolean";
        case GgufType::text: return "text";
        case GgufType::array: return "array";
        case GgufType::u64: return "u64";
        case GgufType::i64: return "i64";
        case GgufType::f64: return "f64";
    }
    return "unknown";
}

std::size_t value_bytes(GgufType type) noexcept {
    switch (type) {
        case GgufType::u8:
        case GgufType::i8:
        case GgufType::boolean: return 1;
        case GgufType::u16:
        case GgufType::i16: return 2;
        case GgufType::u32:
        case GgufType::i32:
        case GgufType::f32: return 4;
        case GgufType::u64:
        case GgufType::i64:
        case GgufType::f64: return 8;
        case GgufType::text:
        case GgufType::array: break;
    }
    return 0;
}

#define RQ_GGUF_OTHER(id, name, reason)
std::optional<DType> dtype_of_gguf(std::uint32_t id) noexcept {
    switch (id) {
#define RQ_GGUF_TYPE(id, dtype) \
    case id:                    \
        return DType::dtype;
#include "io/gguf_types.inc"
#undef RQ_GGUF_TYPE
        default: return std::nullopt;
    }
}

std::optional<std::uint32_t> gguf_id_of(DType dtype) noexcept {
    switch (dtype) {
#define RQ_GGUF_TYPE(id, dtype) \
    case DType::dtype:          \
        return id;
#include "io/gguf_types.inc"
#undef RQ_GGUF_TYPE
        default: return std::nullopt;
    }
}
#undef RQ_GGUF_OTHER

std::string describe_gguf_id(std::uint32_t id) {
    switch (id) {
#define RQ_GGUF_TYPE(id, dtype) \
    case id:                    \
        return "type " + std::string(rorqual::name(DType::dtype));
#define RQ_GGUF_OTHER(id, name, reason) \
    case id:                            \
        return numbered(#name, id, reason);
#include "io/gguf_types.inc"
#undef RQ_GGUF_TYPE
#undef RQ_GGUF_OTHER
        default: break;
    }
    return "unknown type " + std::to_string(id) + (id >= first_of_ik_llama ? " (ids from 97 on are of ik_llama.cpp)" : "");
}

}  // namespace rorqual::io
