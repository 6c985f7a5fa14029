#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

namespace cli {

/// A mean and how well it is known.
struct Mean {
    double value = 0;
    double error = 0;  ///< standard error: the deviation of the values over √count
};

/// Of values that are independent, as text's nearly are.
[[nodiscard]] inline Mean mean_of(const std::vector<double>& values) {
    const auto count = static_cast<double>(values.size());
    double sum = 0, square = 0;
    for (const double value : values) sum += value;
    const double mean = sum / count;
    for (const double value : values) square += (value - mean) * (value - mean);
    return {mean, count > 1 ? std::sqrt(square / (count - 1) / count) : 0};
}

/// The median, or what another part of the values lies below: nearest rank. Not empty; sorts them.
[[nodiscard]] double quantile(std::vector<double>& values, double part);

/// A distribution over the vocabulary, from logits: ln p_i = logit_i − ln Σ e^logit. Sums in f64.
class Distribution {
 public:
    Distribution(const float* logits, std::size_t size);

    [[nodiscard]] double log_probability(std::size_t i) const noexcept { return logits_[i] - log_sum_; }
    /// The likeliest, the first of equals.
    [[nodiscard]] std::size_t likeliest() const noexcept { return likeliest_; }
    /// KL(this ‖ other) = Σ p·(ln p − ln q), at least 0. Both are of one size.
    [[nodiscard]] double divergence_to(const Distribution& other) const noexcept;

 private:
    const float* logits_;
    std::size_t size_;
    std::size_t likeliest_ = 0;
    double log_sum_ = 0;
};

}  // namespace cli
