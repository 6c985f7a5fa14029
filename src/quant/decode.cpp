#include "quant/decode.hpp"

#include <cstdint>
#include <cstring>
#include <string>

#include "quant/float8.hpp"
#include "quant/half.hpp"
#include "rorqual/error.hpp"

namespace rorqual::quant {
namespace {

template <class Stored, class ToFloat>
void decode_each(std::span<const std::byte> bytes, std::span<float> out, ToFloat to_float) {
    for (std::size_t i = 0; i < out.size(); ++i) {
        Stored stored;
        std::memcpy(&stored, bytes.data() + i * sizeof stored, sizeof stored);   // any alignment
        out[i] = to_float(stored);
    }
}

}  // namespace

bool can_decode(DType dtype) noexcept {
    switch (dtype) {
        case DType::f64:
        case DType::f32:
        case DType::f16:
        case DType::bf16:
        case DType::f8_e4m3:
        case DType::f8_e8m0: return true;
        default: return false;
    }
}

void decode(DType dtype, std::span<const std::byte> bytes, std::span<float> out) {
    if (!can_decode(dtype) || bytes.size() != out.size() * static_cast<std::size_t>(block_bytes(dtype))) {
        throw Error(Status::internal, "decode: " + std::to_string(bytes.size()) + " bytes of " + std::string(name(dtype)) +
                                          " for " + std::to_string(out.size()) + " values");
    }
    switch (dtype) {
        case DType::f64: return decode_each<double>(bytes, out, [](double value) { return static_cast<float>(value); });
        case DType::f32: return decode_each<float>(bytes, out, [](float value) { return value; });
        case DType::f16: return decode_each<std::uint16_t>(bytes, out, f32_from_f16);
        case DType::bf16: return decode_each<std::uint16_t>(bytes, out, f32_from_bf16);
        case DType::f8_e4m3: return decode_each<std::uint8_t>(bytes, out, [](std::uint8_t code) { return f8_e4m3_values[code]; });
        case DType::f8_e8m0: return decode_each<std::uint8_t>(bytes, out, [](std::uint8_t code) { return f8_e8m0_values[code]; });
        default: return;   // refused above
    }
}

}  // namespace rorqual::quant
