#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

/// How failed comparisons show long vectors: Catch writes every value, and takes minutes to break a hundred thousand of them into lines.
namespace Catch {

template <class Value>
[[nodiscard]] std::string beginning_of(const std::vector<Value>& values) {
    constexpr std::size_t most = 64;
    std::string text = "{ ";
    for (std::size_t i = 0; i < values.size() && i < most; ++i) text += (i > 0 ? ", " : "") + StringMaker<Value>::convert(values[i]);
    if (values.size() > most) text += ", ... of " + std::to_string(values.size());
    return text + " }";
}

template <>
struct StringMaker<std::vector<float>> {
    static std::string convert(const std::vector<float>& values) { return beginning_of(values); }
};
template <>
struct StringMaker<std::vector<std::int32_t>> {
    static std::string convert(const std::vector<std::int32_t>& values) { return beginning_of(values); }
};

}  // namespace Catch
