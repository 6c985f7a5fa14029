#include "io/hash.hpp"

#include <array>
#include <new>

#include <xxhash.h>

namespace rorqual::io {

Hash::Hash() : state_(XXH3_createState()) {
    if (!state_ || XXH3_128bits_reset(state_.get()) != XXH_OK) throw std::bad_alloc();
}

void Hash::Free::operator()(XXH3_state_s* state) const noexcept { XXH3_freeState(state); }

void Hash::number(std::uint64_t value) {
    std::array<unsigned char, 8> little_endian{};
    for (std::size_t i = 0; i < little_endian.size(); ++i) little_endian[i] = static_cast<unsigned char>(value >> (8 * i));
    XXH3_128bits_update(state_.get(), little_endian.data(), little_endian.size());
}

void Hash::text(std::string_view value) {
    number(value.size());
    bytes(std::as_bytes(std::span(value)));
}

void Hash::bytes(std::span<const std::byte> value) {
    if (!value.empty()) XXH3_128bits_update(state_.get(), value.data(), value.size());
}

std::string Hash::hexadecimal() const {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state_.get()));
    std::string text;
    for (const unsigned char byte : canonical.digest) {
        text += "0123456789abcdef"[byte >> 4];
        text += "0123456789abcdef"[byte & 15];
    }
    return text;
}

}  // namespace rorqual::io
