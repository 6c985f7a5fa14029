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
        std::memcpy(&stored, bytes.data() + i * sizeof stored, sizeof stored);  // any alignment
        out[i] = to_float(stored);
    }
}

// One block to its values; nothing for plain number types.
using DecodeBlock = void (*)(const std::byte* block, float* out);

DecodeBlock block_decoder(DType dtype) noexcept {
    switch (dtype) {
#define RQ_BLOCK_FORMAT(name, length, bytes) \
    case DType::name:                        \
        return decode_##name;
#include "quant/block_formats.inc"
#undef RQ_BLOCK_FORMAT
        default: return nullptr;
    }
}

bool sizes_agree(DType dtype, std::size_t bytes, std::size_t values) noexcept {
    const auto length = static_cast<std::size_t>(block_length(dtype));
    return values % length == 0 && bytes == values / length * static_cast<std::size_t>(block_bytes(dtype));
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
        default: return block_decoder(dtype) != nullptr;
    }
}

void decode(DType dtype, std::span<const std::byte> bytes, std::span<float> out) {
    if (!can_decode(dtype) || !sizes_agree(dtype, bytes.size(), out.size())) {
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
        default: break;
    }
    const DecodeBlock decode_block = block_decoder(dtype);
    const auto length = static_cast<std::size_t>(block_length(dtype));
    const auto stride = static_cast<std::size_t>(block_bytes(dtype));
    for (std::size_t block = 0; block * length < out.size(); ++block) {
        decode_block(bytes.data() + block * stride, out.data() + block * length);
    }
}

}  // namespace rorqual::quant
