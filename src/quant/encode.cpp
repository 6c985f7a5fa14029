#include "quant/encode.hpp"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>

#include "quant/half.hpp"
#include "rorqual/error.hpp"

namespace rorqual::quant {
namespace {

constexpr float largest_half = 65504.0F;

template <class Stored, class FromFloat>
void encode_each(std::span<const float> values, std::span<std::byte> bytes, FromFloat from_float) {
    for (std::size_t i = 0; i < values.size(); ++i) {
        const Stored stored = from_float(values[i]);
        std::memcpy(bytes.data() + i * sizeof stored, &stored, sizeof stored);  // any alignment
    }
}

using EncodeBlock = void (*)(const float* values, std::byte* block);

EncodeBlock block_encoder(DType dtype) noexcept {
    switch (dtype) {
#define RQ_ENCODER(name) \
    case DType::name:    \
        return encode_##name;
#include "quant/encoders.inc"
#undef RQ_ENCODER
        default: return nullptr;
    }
}

void check_sizes(DType dtype, std::size_t values, std::size_t bytes) {
    const auto length = static_cast<std::size_t>(block_length(dtype));
    if (can_encode(dtype) && values % length == 0 && bytes == values / length * static_cast<std::size_t>(block_bytes(dtype))) return;
    throw Error(Status::internal, "encode: " + std::to_string(values) + " values as " + std::to_string(bytes) + " bytes of " +
                                      std::string(name(dtype)));
}

void check_values(DType dtype, std::span<const float> values) {
    const bool any_size = dtype == DType::f32 || dtype == DType::bf16;
    const float largest = any_size ? std::numeric_limits<float>::max() : largest_half;
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (std::fabs(values[i]) <= largest) continue;  // false for NaN too
        throw Error(Status::invalid_argument, "value " + std::to_string(i) + " is " + std::to_string(values[i]) + ", which " +
                                                  std::string(name(dtype)) + " cannot store: expected a finite one" +
                                                  (any_size ? "" : " of at most 65504"));
    }
}

}  // namespace

bool can_encode(DType dtype) noexcept {
    return dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16 || block_encoder(dtype) != nullptr;
}

void encode(DType dtype, std::span<const float> values, std::span<std::byte> bytes) {
    check_sizes(dtype, values.size(), bytes.size());
    check_values(dtype, values);
    switch (dtype) {
        case DType::f32: return encode_each<float>(values, bytes, [](float value) { return value; });
        case DType::f16: return encode_each<std::uint16_t>(values, bytes, f16_from_f32);
        case DType::bf16: return encode_each<std::uint16_t>(values, bytes, bf16_from_f32);
        default: break;
    }
    const EncodeBlock encode_block = block_encoder(dtype);
    const auto length = static_cast<std::size_t>(block_length(dtype));
    const auto stride = static_cast<std::size_t>(block_bytes(dtype));
    for (std::size_t block = 0; block * length < values.size(); ++block) {
        encode_block(values.data() + block * length, bytes.data() + block * stride);
    }
}

}  // namespace rorqual::quant
