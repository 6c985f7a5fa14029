#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <span>
#include <string>
#include <vector>

#include "cpu/arena.hpp"
#include "families/draft_head.hpp"
#include "families/gguf_form.hpp"
#include "layers/state.hpp"
#include "ops/run.hpp"
#include "rorqual/mla.hpp"
#include "rorqual/model.hpp"
#include "weights/config_reader.hpp"
#include "weights/tensor_layout.hpp"
#include "weights/tensor_table.hpp"

namespace rorqual::families {

/// Looks on while a network computes; for comparing with other implementations and for showing what experts do.
/// Called on the evaluating thread, with borrowed views. May throw: forward() then ends as a cancelled one does.
class Observer {
 public:
    virtual ~Observer() = default;
    /// x [T, D]: the embedding (layer −1) and the residual stream after each layer 0 … L−1.
    virtual void hidden(std::int64_t layer, std::int64_t position, ConstRows x) = 0;
    /// The router's choice in `layer` for T tokens: ids and weights [T·k] by descending selection score.
    virtual void experts(std::int64_t layer, std::int64_t position, std::int64_t per_token, std::span<const std::int32_t> ids,
                         std::span<const float> weights) = 0;
};

/// How one evaluation is to be done; fixed for a session except for the observer.
struct Compute {
    AttentionForm attention = AttentionForm::absorbed;  ///< automatic follows the cost formula
    Observer* observer = nullptr;
};

/// The states of all layers of one timeline.
using States = std::vector<std::unique_ptr<layers::LayerState>>;

/// A timeline's part in one evaluation: its next tokens, and the states that stand at their first and remember them afterwards.
struct Sequence {
    std::int64_t count = 0;     ///< tokens, at least 1
    std::int64_t position = 0;  ///< of the first
    States* states = nullptr;   ///< borrowed for the evaluation
};

/// Sequences that a session evaluates together with its own, and for how many tokens of the vocabulary it has room for the logits of all of them.
constexpr std::int64_t most_batched = 32, batched_logits = 1024;

/// Scratch of one session: every buffer an evaluation of up to `chunk` tokens needs. Families derive their own.
class Workspace {
 public:
    virtual ~Workspace() = default;
};

/// One model's computation: config and weights of a family, immutable once loaded; any number of threads may use it at once.
/// A family implements this in its folder and nothing above it asks which family it is.
class Network {
 public:
    virtual ~Network() = default;

    /// Layers, widths, vocabulary, context: what inspect prints and a session checks against.
    [[nodiscard]] virtual const Geometry& geometry() const noexcept = 0;

    /// Called once, before anything else, with what the container has: parts that only some files have are there where their tensors are.
    virtual void choose_parts(const weights::StoredTensors&) {}

    /// Every tensor the container must have, with the places its views go to.
    virtual void list_tensors(weights::TensorTable& table) = 0;

    /// How GGUF files hold those tensors; nullptr for a family that they do not hold. May outlive the network.
    [[nodiscard]] virtual std::unique_ptr<const weights::TensorLayout> gguf_layout() const { return nullptr; }

    /// After the table was loaded: weights that stand in several places.
    virtual void tie_weights() {}

    /// The model as a GGUF file: adds the keys of its architecture to `header` and returns the tensors in the file's order.
    /// Throws Error(unsupported) for what the format cannot say.
    [[nodiscard]] virtual std::vector<GgufTensor> gguf_form(LatentLayout latent, io::GgufHeader& header);

    /// Values of a token that forward() hands on, to logits() and to the draft head.
    [[nodiscard]] virtual std::int64_t hidden_width() const noexcept { return geometry().hidden_size; }

    /// Can its states be kept in int8?
    [[nodiscard]] virtual bool has_int8_cache() const noexcept = 0;

    /// And in the compact form of compressed attention?
    [[nodiscard]] virtual bool has_compact_cache() const noexcept { return false; }

    /// Bytes one token adds to the states of all layers.
    [[nodiscard]] virtual std::size_t cache_bytes_per_token(CacheFormat format) const noexcept = 0;

    /// Bytes of the states of all layers at `tokens` tokens; those of whole pages, where a token adds as much as another.
    [[nodiscard]] virtual std::uint64_t cache_bytes(CacheFormat format, std::int64_t tokens) const;

    /// Empty states, one per layer, that take their pages from `memory`.
    [[nodiscard]] virtual States new_states(CacheFormat format, std::pmr::memory_resource& memory) const = 0;

    /// Buffers for chunks of up to `chunk` tokens in timelines of up to `context` tokens, cut from `arena` (which may only count).
    [[nodiscard]] virtual std::unique_ptr<Workspace> new_workspace(cpu::Arena& arena, std::int64_t chunk, std::int64_t context,
                                                                   std::size_t workers) const = 0;

    /// Evaluates `tokens` (1 … chunk of them): those of the first sequence, then those of the next. Products with weights are taken for all of
    /// them at once; attention looks at each sequence alone. hidden [T, H], H = hidden_width(): what logits() takes. Throws Error(cancelled);
    /// the states are then to be rewound by the caller. An observer is shown the tokens as those of the first sequence: there is one then.
    virtual void forward(const ops::Run& run, const Compute& compute, std::span<const Token> tokens, std::span<const Sequence> sequences,
                         Workspace& workspace, Rows hidden) const = 0;

    /// logits [T, n] of final hidden states [T, H], T ≤ chunk, for the n tokens of the vocabulary from `first` on.
    virtual void logits(const ops::Run& run, Workspace& workspace, ConstRows hidden, std::int64_t first, Rows logits) const = 0;

    /// What guesses further tokens; nullptr for a network without. Part of the network; it uses the same workspaces.
    [[nodiscard]] virtual const DraftHead* draft_head() const noexcept { return nullptr; }
};

/// Reads and checks the config (problems are collected, not thrown) and makes a network without weights.
/// `config` names its family in model_type; families.inc lists them. nullptr when problems were found.
[[nodiscard]] std::unique_ptr<Network> make_network(const nlohmann::json& config, const weights::ConfigOrigin& origin, weights::Problems& problems);

}  // namespace rorqual::families
