#include "statistics.hpp"

#include <algorithm>

namespace cli {

double quantile(std::vector<double>& values, double part) {
    std::sort(values.begin(), values.end());
    const auto rank = static_cast<std::size_t>(std::ceil(part * static_cast<double>(values.size())));
    return values[std::clamp<std::size_t>(rank, 1, values.size()) - 1];
}

Distribution::Distribution(const float* logits, std::size_t size) : logits_(logits), size_(size) {
    likeliest_ = static_cast<std::size_t>(std::max_element(logits, logits + size) - logits);
    const double most = logits[likeliest_];
    double sum = 0;
    for (std::size_t i = 0; i < size; ++i) sum += std::exp(logits[i] - most);
    log_sum_ = most + std::log(sum);
}

double Distribution::divergence_to(const Distribution& other) const noexcept {
    double sum = 0;
    for (std::size_t i = 0; i < size_; ++i) {
        const double p = log_probability(i);
        sum += std::exp(p) * (p - other.log_probability(i));
    }
    return std::max(sum, 0.0);  // rounding may leave a little less
}

}  // namespace cli
