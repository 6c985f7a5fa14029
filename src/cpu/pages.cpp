#include "cpu/pages.hpp"

#if defined(__linux__)
#include <sys/mman.h>

#include <cstdint>
#endif

namespace rorqual::cpu {

void prefer_huge_pages([[maybe_unused]] std::span<std::byte> memory) noexcept {
#if defined(__linux__)
    const auto begin = reinterpret_cast<std::uintptr_t>(memory.data());
    const auto first = (begin + huge_page_bytes - 1) / huge_page_bytes * huge_page_bytes;
    const auto end = (begin + memory.size()) / huge_page_bytes * huge_page_bytes;
    if (first < end) ::madvise(reinterpret_cast<void*>(first), end - first, MADV_HUGEPAGE);  // NOLINT(performance-no-int-to-ptr)
#endif
}

}  // namespace rorqual::cpu
