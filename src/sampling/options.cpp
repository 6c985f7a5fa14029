#include "sampling/options.hpp"

#include <cmath>
#include <string>

#include "rorqual/error.hpp"

namespace rorqual::sampling {
namespace {

// `fine` is false for NaN too, since every comparison with it is.
template <class Value>
void require(bool fine, const char* option, Value value, const std::string& expected) {
    if (!fine) throw Error(Status::invalid_argument, std::string(option) + ": " + std::to_string(value) + ", expected " + expected);
}

}  // namespace

void check(const SamplingOptions& o, std::int64_t vocab_size) {
    require(std::isfinite(o.temperature) && o.temperature >= 0, "temperature", o.temperature, "a finite number of at least 0");
    require(o.top_k >= 0, "top_k", o.top_k, "at least 0");
    require(o.top_p >= 0 && o.top_p <= 1, "top_p", o.top_p, "a number from 0 to 1");
    require(o.min_p >= 0 && o.min_p <= 1, "min_p", o.min_p, "a number from 0 to 1");
    require(std::isfinite(o.repetition_penalty) && o.repetition_penalty > 0, "repetition_penalty", o.repetition_penalty, "a finite number above 0");
    require(std::isfinite(o.presence_penalty), "presence_penalty", o.presence_penalty, "a finite number");
    require(o.penalty_window >= 0, "penalty_window", o.penalty_window, "at least 0");
    for (const auto& [token, bias] : o.logit_bias) {
        require(token >= 0 && token < vocab_size, "logit_bias: token", token, "an id below " + std::to_string(vocab_size));
        require(!std::isnan(bias), "logit_bias", bias, "a number or an infinity");
    }
}

}  // namespace rorqual::sampling
