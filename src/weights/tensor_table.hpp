#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "rorqual/tensor.hpp"

namespace rorqual::weights {

/// What a family expects to find in a container, as data: loading, validation, the plan and error texts come from it.
/// A family fills one from its config; the destinations lie in the family's weights structs.
struct TensorSpec {
    std::string name;                      ///< as in the file: "model.layers.3.self_attn.o_proj.weight"
    std::vector<std::int64_t> shape;       ///< expected, exactly
    std::vector<DType> allowed;            ///< dtypes it may be stored in; a matrix also in any block format
    WeightView* matrix = nullptr;          ///< a matrix used as stored: gets a view of the bytes; or
    bool packable = false;                 ///< a matrix of products, which may be packed; not one that is looked up row by row
    std::vector<float>* vector = nullptr;  ///< a small vector (norms, biases): converted to f32 and copied
};

/// A packed matrix that is made of another one while loading, unless the container has it, as packed files do.
struct DerivedSpec {
    std::string name;                  ///< in packed files
    std::int64_t rows = 0, cols = 0;   ///< of the matrix that is packed
    const WeightView* from = nullptr;  ///< a matrix of the table
    WeightView* to = nullptr;          ///< gets the packed copy
    /// The format it is packed in, or nothing where it is not wanted. Asked once the table is outlined.
    std::function<std::optional<DType>()> format;
    /// The matrix as a file would hold it, in `room` or where it lies already, once `from` is loaded. Without data: it cannot be made.
    std::function<WeightView(std::vector<std::byte>& room)> make;
};

class TensorTable {
 public:
    /// [rows, cols], stored as f32, f16, bf16 or in blocks (which safetensors cannot hold), used as stored.
    void matrix(std::string name, std::int64_t rows, std::int64_t cols, WeightView& to);
    /// The same for a matrix that is never packed: a table of rows, or one whose parts do not begin where panels do.
    void stored_matrix(std::string name, std::int64_t rows, std::int64_t cols, WeightView& to);
    /// [length], stored as f32, f16 or bf16, converted to f32.
    void vector(std::string name, std::int64_t length, std::vector<float>& to);
    /// Tensors that files carry and nobody needs: a name that ends so is skipped ("rotary_emb.inv_freq").
    void ignore(std::string suffix);

    /// A matrix made of one that was listed before.
    void derive(DerivedSpec spec);

    [[nodiscard]] const std::vector<TensorSpec>& specs() const noexcept { return specs_; }
    [[nodiscard]] const std::vector<DerivedSpec>& derived() const noexcept { return derived_; }
    [[nodiscard]] const std::vector<std::string>& ignored() const noexcept { return ignored_; }

 private:
    std::vector<TensorSpec> specs_;
    std::vector<DerivedSpec> derived_;
    std::vector<std::string> ignored_;
};

}  // namespace rorqual::weights
