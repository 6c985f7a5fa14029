#include "weights/tensor_table.hpp"

#include <algorithm>
#include <utility>

namespace rorqual::weights {
namespace {

std::vector<DType> plain_floats() { return {DType::f32, DType::f16, DType::bf16}; }

constexpr std::string_view weight_suffix = ".weight";

}  // namespace

std::string scales_of(const std::string& matrix) { return matrix + "_scale_inv"; }  // it is the multiplier, whatever its name says

std::string short_scales_of(const std::string& matrix) {
    return (matrix.ends_with(weight_suffix) ? matrix.substr(0, matrix.size() - weight_suffix.size()) : matrix) + ".scale";
}

void TensorTable::add(TensorSpec spec) {
    spec.announced_by = announced_by_;
    if (spec.matrix != nullptr) {
        spec.fp8_blocks = fp8_blocks_;
        spec.fp4_pairs = fp4_pairs_ && spec.packable;
        spec.scales = short_scales_ ? short_scales_of(spec.name) : scales_of(spec.name);
    }
    specs_.push_back(std::move(spec));
}

void TensorTable::matrix(std::string name, std::int64_t rows, std::int64_t cols, WeightView& to, std::string instead) {
    add({.name = std::move(name), .shape = {rows, cols}, .allowed = plain_floats(), .matrix = &to, .packable = true, .instead = std::move(instead)});
}

void TensorTable::stored_matrix(std::string name, std::int64_t rows, std::int64_t cols, WeightView& to, std::string instead) {
    add({.name = std::move(name), .shape = {rows, cols}, .allowed = plain_floats(), .matrix = &to, .instead = std::move(instead)});
}

void TensorTable::vector(std::string name, std::int64_t length, std::vector<float>& to, std::string instead) {
    add({.name = std::move(name), .shape = {length}, .allowed = plain_floats(), .vector = &to, .instead = std::move(instead)});
}

void TensorTable::values(std::string name, std::int64_t rows, std::int64_t cols, std::vector<float>& to, std::string instead) {
    add({.name = std::move(name), .shape = {rows, cols}, .allowed = plain_floats(), .vector = &to, .instead = std::move(instead)});
}

void TensorTable::integers(std::string name, std::int64_t rows, std::int64_t cols, std::int64_t below, std::vector<std::int32_t>& to, std::string instead) {
    add({.name = std::move(name), .shape = {rows, cols}, .allowed = {DType::i64, DType::i32}, .integers = &to, .below = below, .instead = std::move(instead)});
}

void TensorTable::derive(DerivedSpec spec) { derived_.push_back(std::move(spec)); }

void TensorTable::ignore(std::string suffix) { ignored_suffixes_.push_back(std::move(suffix)); }

void TensorTable::ignore_prefix(std::string prefix) { ignored_prefixes_.push_back(std::move(prefix)); }

bool TensorTable::is_ignored(std::string_view name) const noexcept {
    return std::ranges::any_of(ignored_suffixes_, [&](const std::string& suffix) { return name.ends_with(suffix); }) ||
           std::ranges::any_of(ignored_prefixes_, [&](const std::string& prefix) { return name.starts_with(prefix); });
}

}  // namespace rorqual::weights
