#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "io/new_file.hpp"
#include "rorqual/dtype.hpp"

namespace rorqual::io {

/// Writes a safetensors file piece by piece: no more of it is in memory than the piece at hand, and it gets its name when whole.
/// The data begin at a multiple of 64.
class SafetensorsWriter {
 public:
    struct Tensor {
        std::string name;
        DType dtype = DType::u8;  ///< a plain number type
        std::vector<std::int64_t> shape;

        [[nodiscard]] std::uint64_t bytes() const noexcept;
    };

    /// Starts the file with its header: all that will be written, in order. Throws Error(io), as does everything below, and
    /// Error(unsupported) for a block format.
    SafetensorsWriter(std::filesystem::path path, const std::map<std::string, std::string>& metadata, std::span<const Tensor> tensors);

    /// The next bytes of the data: tensor after tensor in the header's order, in pieces of any size. Throws Error(invalid_argument) for
    /// more than the header announced.
    void write(std::span<const std::byte> bytes);

    /// Throws Error(invalid_argument) unless all tensors are complete.
    void commit();

    /// What stands before the data: the length, and the JSON.
    [[nodiscard]] const std::string& header() const noexcept { return header_; }

    /// Bytes of all tensors, and how many of them are written.
    [[nodiscard]] std::uint64_t all_bytes() const noexcept { return all_; }
    [[nodiscard]] std::uint64_t done_bytes() const noexcept { return done_; }

 private:
    NewFile file_;
    std::string header_;
    std::uint64_t all_ = 0, done_ = 0;
};

}  // namespace rorqual::io
