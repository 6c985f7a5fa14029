#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/gguf_metadata.hpp"
#include "io/new_file.hpp"
#include "rorqual/dtype.hpp"

namespace rorqual::io {

/// What stands ahead of the data in a GGUF v3 file: metadata and the table of tensors.
///
///     GgufHeader header;
///     header.text("general.architecture", "deepseek2");
///     header.u32("deepseek2.block_count", 27);
///     header.tensor("output_norm.weight", DType::f32, {2048});
///     GgufWriter writer("v2-lite.gguf", header);
///     writer.write(bytes_of_output_norm);
///     writer.commit();
///
/// Throws Error(invalid_argument) for a key or tensor given twice, empty or overlong names, a dtype that GGUF cannot store
/// (Error(unsupported)) and shapes that leave parts of blocks: whatever is written can be read back.
class GgufHeader {
 public:
    /// `alignment`: a power of two; where each tensor's data begins. Anything but 32 is recorded in general.alignment.
    explicit GgufHeader(std::uint32_t alignment = 32);

    void u16(std::string_view key, std::uint16_t value);
    void u32(std::string_view key, std::uint32_t value);
    void i32(std::string_view key, std::int32_t value);
    void u64(std::string_view key, std::uint64_t value);
    void f32(std::string_view key, float value);
    void boolean(std::string_view key, bool value);
    void text(std::string_view key, std::string_view value);
    void texts(std::string_view key, std::span<const std::string> values);
    void i32s(std::string_view key, std::span<const std::int32_t> values);
    void f32s(std::string_view key, std::span<const float> values);
    /// A key and value of another file, as they are; general.alignment is left out.
    void copy(const GgufMetadata::Entry& entry);

    /// The next tensor; `shape` in PyTorch order, at most four dimensions.
    void tensor(std::string_view name, DType dtype, const std::vector<std::int64_t>& shape);

    /// Bytes of the data of each tensor, in order.
    [[nodiscard]] const std::vector<std::uint64_t>& tensor_bytes() const noexcept { return tensor_bytes_; }
    [[nodiscard]] std::uint64_t alignment() const noexcept { return alignment_; }
    /// The bytes of the file up to the first tensor's data.
    [[nodiscard]] std::vector<std::byte> bytes() const;

 private:
    void begin_key(std::string_view key, GgufType type);
    void begin_array(std::string_view key, GgufType element, std::size_t count);

    std::uint32_t alignment_;
    std::set<std::string, std::less<>> key_names_, tensor_names_;
    std::vector<std::byte> keys_;
    std::uint64_t key_count_ = 0;
    std::vector<std::byte> table_;
    std::vector<std::uint64_t> tensor_bytes_;
    std::uint64_t next_offset_ = 0;
};

/// Writes a GGUF file piece by piece: no more of it is in memory than the piece at hand, and it gets its name when whole.
class GgufWriter {
 public:
    /// Starts the file with `header`, from which nothing is needed after. Throws Error(io), as does everything below.
    GgufWriter(std::filesystem::path path, const GgufHeader& header);

    /// The next bytes of the data: tensor after tensor in the header's order, without padding, in pieces of any size; a piece
    /// may end one tensor and begin the next. Throws Error(invalid_argument) for more than the header announced.
    void write(std::span<const std::byte> bytes);

    /// Throws Error(invalid_argument) unless all tensors are complete.
    void commit();

 private:
    void pad();

    NewFile file_;
    std::uint64_t alignment_;
    std::vector<std::uint64_t> tensor_bytes_;
    std::size_t tensor_ = 0;  // being written
    std::uint64_t done_ = 0;  // bytes of it
};

}  // namespace rorqual::io
