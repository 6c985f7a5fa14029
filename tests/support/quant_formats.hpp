#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "rorqual/dtype.hpp"

namespace rorqual::test {

/// Every format whose weights share blocks, from the library's list.
inline std::vector<DType> block_formats() {
    return {
#define RQ_BLOCK_FORMAT(name, length, bytes) DType::name,
#include "quant/block_formats.inc"
#undef RQ_BLOCK_FORMAT
    };
}

/// Those that the library also writes.
inline std::vector<DType> written_formats() {
    return {
#define RQ_ENCODER(name) DType::name,
#include "quant/encoders.inc"
#undef RQ_ENCODER
    };
}

/// The name the reference files use: "Q4_K".
inline std::string upper_name(DType dtype) {
    std::string out(name(dtype));
    std::transform(out.begin(), out.end(), out.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    return out;
}

/// The bundled blocks (tests/data/quant/how_made.md).
inline std::filesystem::path bundled_blocks() {
    return std::filesystem::path(RQ_SOURCE_DIR) / "tests/data/quant/blocks.safetensors";
}

}  // namespace rorqual::test
