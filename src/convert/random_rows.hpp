#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "convert/write_tensors.hpp"

namespace rorqual::convert {

/// Rows of random weights of variance 1 / row length, in any format that can be encoded. Encoding each weight would take hours
/// for a large model, so blocks are drawn from a pool of encoded ones: every row is another sequence of them. What lies where is
/// decided by the seed, the tensor's index and the place in it alone.
class RandomRows {
 public:
    /// Encodes a pool for each format and row length among the matrices of `tensors`. Vectors will be ones; rows of a table of integers have each but once.
    RandomRows(const std::vector<OutTensor>& tensors, std::uint64_t seed);

    /// Fills `out` with rows [first_row, first_row + rows) of tensors[index]. Any thread.
    void make(std::size_t index, std::int64_t first_row, std::int64_t rows, std::span<std::byte> out) const;

 private:
    struct Pool {
        std::size_t piece_bytes = 0;
        std::vector<std::byte> bytes;
    };
    using Kind = std::pair<DType, std::int64_t>;  // format, row length

    void make_integers(std::size_t index, std::int64_t first_row, std::int64_t rows, std::span<std::byte> out) const;
    [[nodiscard]] Pool encoded_pool(const Kind& kind) const;

    const std::vector<OutTensor>& tensors_;
    std::uint64_t seed_;
    std::map<Kind, Pool> pools_;
};

}  // namespace rorqual::convert
