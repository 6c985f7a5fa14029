#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "rorqual/model.hpp"
#include "rorqual/session.hpp"

// How far one way to compute a text's predictions is from another.

namespace rorqual::test {

inline std::vector<float> every_logit(const Model& model, std::span<const Token> tokens, const SessionOptions& options) {
    auto session = model.session(options);
    std::vector<float> logits(tokens.size() * static_cast<std::size_t>(model.geometry().vocab_size));
    session.append(tokens, logits);
    return logits;
}

inline std::vector<double> probabilities(std::span<const float> logits) {
    const double most = *std::ranges::max_element(logits);
    std::vector<double> p;
    double sum = 0;
    for (const float logit : logits) sum += p.emplace_back(std::exp(logit - most));
    for (double& value : p) value /= sum;
    return p;
}

struct Divergence {
    double nats = 0;      ///< mean over tokens of KL(truth ‖ other)
    double median = 0;    ///< of the same
    double same_top = 0;  ///< part of the tokens after which both find the same token likeliest
};

inline Divergence divergence(std::span<const float> truth, std::span<const float> other, std::size_t vocab) {
    Divergence sum;
    std::vector<double> each;
    const std::size_t tokens = truth.size() / vocab;
    for (std::size_t t = 0; t < tokens; ++t) {
        const auto p = probabilities(truth.subspan(t * vocab, vocab)), q = probabilities(other.subspan(t * vocab, vocab));
        double nats = 0;
        for (std::size_t i = 0; i < vocab; ++i) {
            if (p[i] > 0) nats += p[i] * std::log(p[i] / q[i]);
        }
        sum.nats += each.emplace_back(nats);
        sum.same_top += std::ranges::max_element(p) - p.begin() == std::ranges::max_element(q) - q.begin() ? 1 : 0;
    }
    std::ranges::nth_element(each, each.begin() + static_cast<std::ptrdiff_t>(tokens / 2));
    return {sum.nats / static_cast<double>(tokens), each[tokens / 2], sum.same_top / static_cast<double>(tokens)};
}

/// Of two ways to compute one model.
inline double divergence(const Model& model, std::span<const Token> tokens, const SessionOptions& truth = {.mode = Mode::exact},
                         const SessionOptions& other = {.mode = Mode::fast}) {
    return divergence(every_logit(model, tokens, truth), every_logit(model, tokens, other), static_cast<std::size_t>(model.geometry().vocab_size)).nats;
}

}  // namespace rorqual::test
