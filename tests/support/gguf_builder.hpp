#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/gguf_types.hpp"
#include "io/gguf_writer.hpp"
#include "io/little_endian.hpp"

namespace rorqual::test {

/// GGUF bytes put together field by field, whatever they say: for hostile files.
class GgufBytes {
 public:
    GgufBytes& u32(std::uint32_t value) { return put(value); }
    GgufBytes& u64(std::uint64_t value) { return put(value); }
    GgufBytes& text(std::string_view value) { return u64(value.size()).raw(value); }
    GgufBytes& raw(std::string_view value) {
        const auto bytes = std::as_bytes(std::span(value));
        bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
        return *this;
    }
    template <class Number>
    GgufBytes& put(Number value) {
        io::append_little_endian(bytes_, value);
        return *this;
    }
    /// Magic, version, counts.
    GgufBytes& head(std::uint64_t tensors, std::uint64_t keys, std::uint32_t version = 3) {
        return raw("GGUF").u32(version).u64(tensors).u64(keys);
    }
    GgufBytes& key(std::string_view name, io::GgufType type) { return text(name).u32(static_cast<std::uint32_t>(type)); }
    /// A tensor entry; `ne` as GGUF has it, innermost first.
    GgufBytes& tensor(std::string_view name, const std::vector<std::uint64_t>& ne, std::uint32_t type, std::uint64_t offset) {
        text(name).u32(static_cast<std::uint32_t>(ne.size()));
        for (const auto n : ne) u64(n);
        return u32(type).u64(offset);
    }
    /// Zeros up to a multiple of `alignment`, then `bytes` more.
    GgufBytes& data(std::size_t bytes, std::size_t alignment = 32) {
        bytes_.resize((bytes_.size() + alignment - 1) / alignment * alignment + bytes);
        return *this;
    }
    [[nodiscard]] const std::vector<std::byte>& bytes() const noexcept { return bytes_; }

 private:
    std::vector<std::byte> bytes_;
};

/// A whole file in memory: the header and data whose byte i is i·7 + 1, counted through the tensors without padding.
inline std::vector<std::byte> gguf_file(const io::GgufHeader& header) {
    std::vector<std::byte> file = header.bytes();
    std::size_t counter = 0;
    for (const std::uint64_t bytes : header.tensor_bytes()) {
        file.resize((file.size() + header.alignment() - 1) / header.alignment() * header.alignment());
        for (std::uint64_t i = 0; i < bytes; ++i) file.push_back(static_cast<std::byte>(counter++ * 7 + 1));
    }
    return file;
}

}  // namespace rorqual::test
