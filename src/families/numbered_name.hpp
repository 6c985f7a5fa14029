#pragma once

#include <charconv>
#include <cstdint>
#include <string_view>

namespace rorqual::families {

/// Takes "PREFIX<number>." from the front of a tensor's name.
[[nodiscard]] inline bool take_number(std::string_view& name, std::string_view prefix, std::int64_t& number) {
    if (!name.starts_with(prefix)) return false;
    const auto* const end = name.data() + name.size();
    const auto read = std::from_chars(name.data() + prefix.size(), end, number);
    if (read.ec != std::errc{} || read.ptr == end || *read.ptr != '.') return false;
    name.remove_prefix(static_cast<std::size_t>(read.ptr - name.data()) + 1);
    return true;
}

}  // namespace rorqual::families
