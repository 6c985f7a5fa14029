#pragma once

#include <cstddef>
#include <span>

namespace rorqual::cpu {

/// Memory aligned to this can be made of huge pages from its beginning on.
inline constexpr std::size_t huge_page_bytes = std::size_t{2} << 20;

/// Asks the system to back that memory by huge pages, which reading through gigabytes gains from. A wish: nothing tells if it is met.
void prefer_huge_pages(std::span<std::byte> memory) noexcept;

}  // namespace rorqual::cpu
