#pragma once

#include <string>

#include "io/file.hpp"
#include "weights/problems.hpp"
#include "weights/tensor_layout.hpp"

namespace rorqual::weights {

/// The headers of a checkpoint, joined: which tensors there are and where.
struct Checkpoint {
    std::string origin;  ///< the container or index, as errors call it
    StoredTensors tensors;
};

/// Finds the container or the shards of a file set (WeightStore::open tells which) and reads their headers.
[[nodiscard]] Checkpoint read_checkpoint(io::FileSet& files, Problems& problems);

}  // namespace rorqual::weights
