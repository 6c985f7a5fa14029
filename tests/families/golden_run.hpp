#pragma once

#include <filesystem>
#include <memory>
#include <memory_resource>
#include <vector>

#include "cpu/arena.hpp"
#include "families/model_parts.hpp"
#include "families/network.hpp"
#include "rorqual/model.hpp"
#include "support/golden.hpp"

namespace rorqual::test {

/// Folders of reference checkpoints of a kind: the whole set where it is at hand, else those that come with the tests.
inline std::vector<std::filesystem::path> reference_checkpoints(const std::string& kind) {
    const auto all = golden_checkpoints(kind);
    return all.empty() ? golden_checkpoints(kind, std::filesystem::path(RQ_SOURCE_DIR) / "tests/data/checkpoints") : all;
}

/// Those of every kind this library computes.
inline std::vector<std::filesystem::path> reference_checkpoints() {
    std::vector<std::filesystem::path> all;
    for (const char* kind : {"v2", "v3", "v31", "v32", "glm4-moe-lite", "v4"}) {
        for (auto& folder : reference_checkpoints(kind)) all.push_back(std::move(folder));
    }
    return all;
}

/// How to evaluate; the result does not depend on threads, nor on chunk.
struct RunOptions {
    std::int64_t chunk = 512;
    std::size_t threads = 2;
    CacheFormat cache = CacheFormat::f32;
    AttentionForm attention = AttentionForm::absorbed;
};

/// A network and what an evaluation with it needs, without a session.
class GoldenRun {
 public:
    struct Layer {
        std::vector<float> hidden;          ///< [T, D] after the layer
        std::vector<std::int32_t> experts;  ///< [T·k], empty in dense layers
        std::vector<float> expert_weights;  ///< [T·k]
    };
    struct Result {
        std::vector<float> embedding;  ///< [T, D]
        std::vector<Layer> layers;
        std::vector<float> logits;  ///< [T, V]
    };

    explicit GoldenRun(const std::filesystem::path& folder, RunOptions options = {})
        : options_(options), model_(Model::open(Source::path(folder), {.threads = options.threads})) {}

    [[nodiscard]] const Model& model() const { return *model_; }

    /// Evaluates a prompt from an empty timeline, in pieces of options.chunk tokens.
    [[nodiscard]] Result evaluate(std::span<const Token> tokens) const {
        const auto& parts = model_->parts();
        const auto& network = *parts.network;
        const auto& g = network.geometry();
        cpu::Arena counting;
        (void)network.new_workspace(counting, options_.chunk, g.context, parts.workers->count());
        cpu::Arena arena(counting.bytes(), *std::pmr::new_delete_resource());
        const auto workspace = network.new_workspace(arena, options_.chunk, g.context, parts.workers->count());
        auto states = network.new_states(options_.cache, *std::pmr::new_delete_resource());

        Result result;
        result.layers.resize(static_cast<std::size_t>(g.layers));
        result.logits.resize(tokens.size() * static_cast<std::size_t>(g.vocab_size));
        Recorder recorder(result);
        const ops::Run run{parts.kernels, *parts.workers};
        const auto T = static_cast<std::int64_t>(tokens.size());
        for (std::int64_t t = 0; t < T; t += options_.chunk) {
            const auto count = std::min(options_.chunk, T - t);
            std::vector<float> hidden(static_cast<std::size_t>(count * network.hidden_width()));
            const Rows rows(hidden.data(), count, network.hidden_width());
            const auto piece = tokens.subspan(static_cast<std::size_t>(t), static_cast<std::size_t>(count));
            const families::Sequence sequence{count, t, &states};
            network.forward(run, {options_.attention, &recorder}, piece, std::span(&sequence, 1), *workspace, rows);
            network.logits(run, *workspace, rows, 0, {result.logits.data() + t * g.vocab_size, count, g.vocab_size});
        }
        return result;
    }

 private:
    struct Recorder final : families::Observer {
        explicit Recorder(Result& result) : to(result) {}
        void hidden(std::int64_t layer, std::int64_t, ConstRows x) override {
            auto& values = layer < 0 ? to.embedding : to.layers[static_cast<std::size_t>(layer)].hidden;
            for (std::int64_t t = 0; t < x.rows; ++t) values.insert(values.end(), x.row(t).begin(), x.row(t).end());
        }
        void experts(std::int64_t layer, std::int64_t, std::int64_t, std::span<const std::int32_t> ids, std::span<const float> weights) override {
            auto& l = to.layers[static_cast<std::size_t>(layer)];
            l.experts.insert(l.experts.end(), ids.begin(), ids.end());
            l.expert_weights.insert(l.expert_weights.end(), weights.begin(), weights.end());
        }
        Result& to;
    };

    RunOptions options_;
    std::shared_ptr<const Model> model_;
};

}  // namespace rorqual::test
