#pragma once

#include <memory>
#include <optional>
#include <string>

#include "families/network.hpp"
#include "families/text_files.hpp"
#include "io/file.hpp"
#include "io/gguf_metadata.hpp"
#include "io/json.hpp"
#include "rorqual/model.hpp"
#include "weights/problems.hpp"
#include "weights/tensor_table.hpp"
#include "weights/weight_store.hpp"

namespace rorqual::families {

/// What the headers of a model tell, whatever container it comes in.
struct Blueprint {
    std::string config_text;  ///< config.json
    io::JsonDocument config;
    std::unique_ptr<Network> network;  ///< nullptr where the config has problems
    weights::TensorTable table;
    weights::WeightStore store;
    std::optional<io::GgufMetadata> metadata;  ///< where the container is a GGUF file

    /// The weights' part of a plan.
    [[nodiscard]] Plan plan() const;
    /// Bytes of all weights that will be packed.
    [[nodiscard]] std::uint64_t packed_bytes() const;
    /// Fast where there are weights to pack.
    [[nodiscard]] Mode default_mode() const { return packed_bytes() > 0 ? Mode::fast : Mode::exact; }
};

/// Reads headers: of the GGUF file that the set is (io::find_gguf), else of a checkpoint as published. Problems are collected.
[[nodiscard]] Blueprint read_blueprint(io::FileSet& files, weights::Problems& problems);

/// What the same container says about text.
[[nodiscard]] TextFiles read_text(io::FileSet& files, const Blueprint& blueprint, weights::Problems& problems);

}  // namespace rorqual::families
