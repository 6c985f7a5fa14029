#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/gguf_writer.hpp"
#include "rorqual/convert.hpp"

namespace rorqual::families {

/// Rows [first_row, first_row + rows) of a published matrix, as they are or transposed.
struct GgufPart {
    std::string published;  ///< "model.layers.3.mlp.experts.5.up_proj.weight"
    std::int64_t first_row = 0;
    std::int64_t rows = 0;
    bool transposed = false;
};

/// A tensor of a GGUF file. Its rows are those of the parts, one part behind the other.
struct GgufTensor {
    std::string name;                 ///< "blk.3.ffn_up_exps.weight"
    std::vector<std::int64_t> shape;  ///< PyTorch order: [E, m, D]
    std::vector<GgufPart> parts;
};

}  // namespace rorqual::families
