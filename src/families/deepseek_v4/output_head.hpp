#pragma once

#include <cstdint>
#include <vector>

#include "layers/hyper_connections.hpp"
#include "ops/run.hpp"

namespace rorqual::families::deepseek_v4 {

struct Scratch;

/// From the streams of the last block to logits: they become one, which is normed and meets the head. DeepSeek-V4 inference/model.py, ParallelHead.
struct OutputHead {
    layers::HyperHead streams;
    std::vector<float> norm;  ///< [D]
    WeightView head;          ///< [V, D]

    /// hidden [T, n·D]; logits [T, m] of the m tokens of the vocabulary from `first` on.
    void logits(const ops::Run& run, ConstRows hidden, float norm_eps, std::int64_t first, Rows logits, const Scratch& scratch) const;
};

}  // namespace rorqual::families::deepseek_v4
