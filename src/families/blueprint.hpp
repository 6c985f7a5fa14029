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
#include "weights/packed_file.hpp"
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
    weights::WeightStore::Bytes bytes;          ///< of the table's weights; none where there are problems
    std::optional<io::GgufMetadata> metadata;   ///< where the container is a GGUF file
    std::optional<weights::PackedFile> packed;  ///< where it is a packed one: its other files, and whose copy it is

    /// The weights' part of a plan.
    [[nodiscard]] Plan plan() const;
    /// Bytes of all weights that will be packed while loading.
    [[nodiscard]] std::uint64_t packed_bytes() const noexcept { return bytes.packed; }
    /// Fast where there are packed weights.
    [[nodiscard]] Mode default_mode() const noexcept { return bytes.packed + bytes.packed_before > 0 ? Mode::fast : Mode::exact; }
    /// weights::identity() of the model; a packed copy has the original's.
    [[nodiscard]] std::string identity(const TextFiles& text) const;
};

/// Reads headers: of the GGUF file that the set is (io::find_gguf), of a packed file (weights::find_packed_file), else of a checkpoint as
/// published. Problems are collected.
[[nodiscard]] Blueprint read_blueprint(io::FileSet& files, weights::Problems& problems);

/// What a packed copy of a GGUF file keeps its keys about text in: a GGUF file without tensors.
inline constexpr const char* packed_gguf_keys = "tokenizer.gguf";

/// What the same container says about text.
[[nodiscard]] TextFiles read_text(io::FileSet& files, const Blueprint& blueprint, weights::Problems& problems);

}  // namespace rorqual::families
