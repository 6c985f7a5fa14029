#include "weights/tensor_table.hpp"

#include <utility>

namespace rorqual::weights {
namespace {

std::vector<DType> plain_floats() { return {DType::f32, DType::f16, DType::bf16}; }

}  // namespace

void TensorTable::matrix(std::string name, std::int64_t rows, std::int64_t cols, WeightView& to) {
    stored_matrix(std::move(name), rows, cols, to);
    specs_.back().packable = true;
}

void TensorTable::stored_matrix(std::string name, std::int64_t rows, std::int64_t cols, WeightView& to) {
    specs_.push_back({.name = std::move(name), .shape = {rows, cols}, .allowed = plain_floats(), .matrix = &to});
}

void TensorTable::vector(std::string name, std::int64_t length, std::vector<float>& to) {
    specs_.push_back({.name = std::move(name), .shape = {length}, .allowed = plain_floats(), .vector = &to});
}

void TensorTable::derive(DerivedSpec spec) { derived_.push_back(std::move(spec)); }

void TensorTable::ignore(std::string suffix) { ignored_.push_back(std::move(suffix)); }

}  // namespace rorqual::weights
