#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "io/gguf.hpp"
#include "quant/decode.hpp"
#include "rorqual/source.hpp"

// A GGUF file that a test has had written, read back.

namespace rorqual::test {

inline std::string contents(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

inline io::Gguf header_of(const std::filesystem::path& path) {
    return io::Gguf::open(*Source::path(path).file_set(), path.filename().string());
}

inline std::vector<float> values_of(const io::TensorInfo& tensor) {
    std::vector<std::byte> bytes(tensor.bytes);
    tensor.file->read(tensor.offset, bytes);
    std::size_t count = 1;
    for (const auto extent : tensor.shape) count *= static_cast<std::size_t>(extent);
    std::vector<float> values(count);
    quant::decode(tensor.dtype, bytes, values);
    return values;
}

}  // namespace rorqual::test
