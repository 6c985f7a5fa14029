#pragma once

#include <map>
#include <string>

#include "io/file.hpp"
#include "io/safetensors.hpp"
#include "weights/problems.hpp"

namespace rorqual::weights {

/// The headers of a checkpoint, joined: which tensors there are and where.
struct Checkpoint {
    std::string origin;  ///< the container or index, as errors call it
    std::map<std::string, io::TensorInfo> tensors;
};

/// Finds the container or the shards of a file set (WeightStore::open tells which) and reads their headers.
[[nodiscard]] Checkpoint read_checkpoint(io::FileSet& files, Problems& problems);

}  // namespace rorqual::weights
