#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "quant/float8.hpp"
#include "support/checkpoint_copy.hpp"

namespace rorqual::test {

/// The code whose value is nearest.
inline std::byte nearest_e4m3(float value) {
    static const auto sorted = [] {
        std::vector<std::pair<float, int>> all;
        for (int code = 0; code < 0x7F; ++code) all.emplace_back(quant::f8_e4m3_values[static_cast<std::size_t>(code)], code);
        return all;  // ascending
    }();
    const float size = std::abs(value);
    auto above = std::ranges::lower_bound(sorted, std::pair{size, 0});
    if (above == sorted.end()) --above;
    if (above != sorted.begin() && size - (above - 1)->first < above->first - size) --above;
    return static_cast<std::byte>(above->second | (std::signbit(value) ? 0x80 : 0));
}

/// Stores the matrices of the layers in fp8, a scale for each block of so many rows and columns, as DeepSeek-V3 is published; routers'
/// gates, embedding and head stay as they are. `e8m0`: scales are powers of two, and stored so. Returns the same checkpoint in f32 values.
inline CheckpointCopy to_fp8(CheckpointCopy& model, std::int64_t block_rows, std::int64_t block_cols, bool e8m0 = false) {
    CheckpointCopy decoded = model;
    std::map<std::string, CheckpointCopy::Tensor> all_scales;
    for (auto& [name, tensor] : model.tensors) {
        if (tensor.shape.size() != 2 || !(name.ends_with("_proj.weight") || name.ends_with("_mqa.weight") || name.ends_with(".wq_b.weight") || name.ends_with(".wk.weight"))) continue;
        const auto rows = tensor.shape[0], cols = tensor.shape[1];
        const auto down = (rows + block_rows - 1) / block_rows, across = (cols + block_cols - 1) / block_cols;
        auto values = tensor.values();
        std::vector<float> scales(static_cast<std::size_t>(down * across));
        const auto scale_at = [&](std::size_t i) -> float& {
            const auto row = static_cast<std::int64_t>(i) / cols, col = static_cast<std::int64_t>(i) % cols;
            return scales[static_cast<std::size_t>(row / block_rows * across + col / block_cols)];
        };
        for (std::size_t i = 0; i < values.size(); ++i) scale_at(i) = std::max(scale_at(i), std::abs(values[i]) / 448);
        std::vector<std::byte> exponents;
        for (float& scale : scales) {
            const int exponent = scale > 0 ? static_cast<int>(std::ceil(std::log2(scale))) : 0;
            exponents.push_back(static_cast<std::byte>(exponent + 127));
            if (e8m0) scale = std::ldexp(1.0F, exponent);
        }
        std::vector<std::byte> codes;
        for (std::size_t i = 0; i < values.size(); ++i) {
            codes.push_back(nearest_e4m3(scale_at(i) == 0 ? 0 : values[i] / scale_at(i)));
            values[i] = quant::f8_e4m3_values[static_cast<std::uint8_t>(codes.back())] * scale_at(i);
        }
        decoded.tensors[name] = CheckpointCopy::of(tensor.shape, values);
        tensor = {DType::f8_e4m3, tensor.shape, codes};
        all_scales[name + "_scale_inv"] = e8m0 ? CheckpointCopy::Tensor{DType::f8_e8m0, {down, across}, exponents} : CheckpointCopy::of({down, across}, scales);
    }
    model.tensors.merge(all_scales);
    model.config["quantization_config"] = {{"quant_method", "fp8"}, {"fmt", "e4m3"}, {"activation_scheme", "dynamic"}, {"weight_block_size", {block_rows, block_cols}}};
    return decoded;
}

}  // namespace rorqual::test
