#include "weights/tensor_table.hpp"

#include <utility>

namespace rorqual::weights {
namespace {

std::vector<DType> plain_floats() { return {DType::f32, DType::f16, DType::bf16}; }

}  // namespace

void TensorTable::matrix(std::string name, std::int64_t rows, std::int64_t cols, WeightView& to) {
    specs_.push_back({std::move(name), {rows, cols}, plain_floats(), &to, nullptr});
}

void TensorTable::vector(std::string name, std::int64_t length, std::vector<float>& to) {
    specs_.push_back({std::move(name), {length}, plain_floats(), nullptr, &to});
}

void TensorTable::ignore(std::string suffix) { ignored_.push_back(std::move(suffix)); }

}  // namespace rorqual::weights
