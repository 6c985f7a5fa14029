#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <span>
#include <type_traits>

#include "rorqual/tensor.hpp"

namespace rorqual::cpu {

/// One block of memory cut into buffers once, at the start of a session, so that nothing is allocated per token.
/// Use twice with the same code: first without memory, to learn bytes(); then with it.
class Arena {
 public:
    /// Counts only: take() returns spans of the asked length whose data() is null.
    Arena() = default;
    /// Owns one block of `bytes` from `memory`, 64-byte aligned. Throws what `memory` throws.
    Arena(std::size_t bytes, std::pmr::memory_resource& memory);
    ~Arena();
    Arena(Arena&& other) noexcept;
    Arena& operator=(Arena&&) = delete;

    /// An array of `count` T, 64-byte aligned, uninitialised. Trivial types only.
    /// Throws Error(no_memory) for counts beyond the address space, Error(internal) for more than the block holds.
    template <class T>
    std::span<T> take(std::int64_t count) {
        static_assert(std::is_trivially_copyable_v<T>);
        auto* p = static_cast<T*>(take_bytes(count, sizeof(T)));
        return {p, static_cast<std::size_t>(count)};
    }
    Rows take_rows(std::int64_t rows, std::int64_t cols) {
        if (rows < 0 || cols < 0 || (cols > 0 && rows > INT64_MAX / cols)) take_bytes(-1, sizeof(float));
        return {take<float>(rows * cols).data(), rows, cols};
    }

    /// Bytes taken so far (each buffer rounded up to 64).
    [[nodiscard]] std::size_t bytes() const noexcept { return used_; }

 private:
    void* take_bytes(std::int64_t count, std::size_t size);
    std::pmr::memory_resource* memory_ = nullptr;
    std::byte* block_ = nullptr;
    std::size_t size_ = 0;
    std::size_t used_ = 0;
};

}  // namespace rorqual::cpu
