#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "io/safetensors.hpp"
#include "weights/tensor_table.hpp"

namespace rorqual::weights {

/// The tensors of a container, by its own names.
using StoredTensors = std::map<std::string, io::TensorInfo>;

/// Where a container keeps a tensor, or one of the tensors it is made of.
struct Piece {
    std::string name;                 ///< in the container
    std::vector<std::int64_t> shape;  ///< it must have there
    std::int64_t part = 0;            ///< of `parts` equal ones, one behind the other: the one that is meant
    std::int64_t parts = 1;
};

/// Where a tensor of the table comes from.
struct Place {
    /// Fills `to`, the tensor's values row by row, from those of the pieces.
    using Join = std::function<void(std::span<const std::vector<float>> pieces, std::span<float> to)>;

    std::vector<Piece> pieces;         ///< one: a matrix is used where it lies. Several: made of them when loading, as f32
    Join join{};                       ///< of several
    std::vector<std::string> spare{};  ///< tensors that say the same once more and are left alone
};

/// How containers with names and shapes of their own hold the tensors that a table lists by their published names.
class TensorLayout {
 public:
    virtual ~TensorLayout() = default;
    /// `stored` decides where files differ; what is missing there is named as it should be.
    [[nodiscard]] virtual Place place(const TensorSpec& spec, const StoredTensors& stored) const = 0;
};

}  // namespace rorqual::weights
