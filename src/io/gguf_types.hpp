#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "rorqual/dtype.hpp"

namespace rorqual::io {

/// Types of metadata values. The numbers are those of the file format.
enum class GgufType : std::uint32_t {
    u8 = 0,
    i8 = 1,
    u16 = 2,
    i16 = 3,
    u32 = 4,
    i32 = 5,
    f32 = 6,
    boolean = 7,
    text = 8,
    array = 9,
    u64 = 10,
    i64 = 11,
    f64 = 12,
};

/// "u32", "text", …; `type` may come from a file: "unknown" for a number that is none.
[[nodiscard]] std::string_view name(GgufType type) noexcept;

/// Bytes of one value; 0 for text, arrays and numbers that are no type.
[[nodiscard]] std::size_t value_bytes(GgufType type) noexcept;

/// The dtype a tensor type id stands for, where it can be read; nothing otherwise.
[[nodiscard]] std::optional<DType> dtype_of_gguf(std::uint32_t id) noexcept;

/// The id to write for `dtype`; nothing for what GGUF has no type for (f8_e4m3, boolean, …).
[[nodiscard]] std::optional<std::uint32_t> gguf_id_of(DType dtype) noexcept;

/// How messages call a tensor type id that dtype_of_gguf() does not know: by its name and what is the matter with it.
/// "type iq4_ks (144, of ik_llama.cpp only)", "type q4_2 (4, removed from the format)", "unknown type 12345".
[[nodiscard]] std::string describe_gguf_id(std::uint32_t id);

}  // namespace rorqual::io
