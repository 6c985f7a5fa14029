#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <vector>

#include "cpu/workers.hpp"
#include "rorqual/tensor.hpp"

namespace rorqual::weights {

/// Matrices in the packed layout (panels/layout.hpp), in memory of its own. Lives as long as the model.
class PackedStore {
 public:
    /// Nothing packed, and nothing can be.
    PackedStore() = default;
    /// `expected`: bytes of all that will come, by packed_bytes(): memory is then taken in few large pieces, from `memory`, which
    /// must outlive *this.
    PackedStore(std::uint64_t expected, std::pmr::memory_resource& memory);
    PackedStore(PackedStore&&) = default;
    PackedStore& operator=(PackedStore&&) = default;

    /// A packed copy of a matrix as stored in a file, made by all workers; can_pack() is the caller's duty. Throws bad_alloc, and
    /// Error(corrupt) naming the first block whose scales are not finite.
    [[nodiscard]] WeightView pack(const WeightView& stored, cpu::Workers& workers);

    /// A packed copy of an f8_e4m3 matrix with scales, quantised anew as requantised_format; packs_copy() is the caller's duty. Without data where
    /// a weight is beyond what that holds. Throws bad_alloc, and Error(corrupt) naming the first weight that is not finite.
    [[nodiscard]] WeightView pack_scaled(const WeightView& stored, cpu::Workers& workers);

    /// Bytes of all copies.
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

 private:
    struct Region {
        Region(std::size_t bytes, std::pmr::memory_resource& memory);
        Region(Region&& other) noexcept;
        Region& operator=(Region&& other) noexcept;
        ~Region();
        std::pmr::memory_resource* memory;
        std::size_t size;
        std::byte* data;
        std::size_t used = 0;
    };
    std::byte* take(std::size_t bytes);

    std::pmr::memory_resource* memory_ = nullptr;
    std::uint64_t expected_ = 0;
    std::uint64_t bytes_ = 0;
    std::vector<Region> regions_;
};

/// True for matrices that have a packed form: a format with packed products, rows of whole blocks of 32.
[[nodiscard]] bool can_pack(DType dtype, std::int64_t cols) noexcept;

/// True for matrices that are used as stored where results have to be exact, and get a packed copy in another format for mode fast.
[[nodiscard]] constexpr bool packs_copy(DType dtype, std::int64_t cols) noexcept { return dtype == DType::f8_e4m3 && cols > 0 && cols % 32 == 0; }
inline constexpr DType requantised_format = DType::q8_0;

/// Throws Error(corrupt) about the weight at `index` of a matrix with `cols` columns.
[[noreturn]] void throw_not_finite(std::int64_t index, std::int64_t cols);

/// Bytes of the packed form.
[[nodiscard]] std::uint64_t packed_bytes(DType dtype, std::int64_t rows, std::int64_t cols) noexcept;

}  // namespace rorqual::weights
