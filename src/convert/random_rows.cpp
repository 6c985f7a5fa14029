#include "convert/random_rows.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "quant/encode.hpp"
#include "sampling/philox.hpp"

namespace rorqual::convert {
namespace {

constexpr std::uint32_t pieces_in_pool = 1024;  // a power of two: a draw is the low bits of a random word

// Weights that are drawn together: a block, or as many weights as the smaller blocks have.
std::int64_t piece_length(DType dtype) noexcept { return std::max<std::int64_t>(block_length(dtype), 32); }

// Streams of random numbers that must not meet: counters differ in their last word.
constexpr std::uint32_t stream_of_pool = 0, stream_of_draws = 1, stream_of_integers = 2;

constexpr std::uint32_t low(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
constexpr std::uint32_t high(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }

std::array<std::uint32_t, 4> random_words(std::uint64_t seed, std::uint64_t position, std::uint32_t place, std::uint32_t stream) {
    return sampling::philox4x32({low(position), high(position), place, stream}, {low(seed), high(seed)});
}

// The sum of four uniform numbers: bell-shaped, and unlike the logarithm of Box and Muller's the same on every machine.
// Mean 0, variance 1.
float bell(const std::array<std::uint32_t, 4>& words) {
    double sum = 0;
    for (const auto word : words) sum += static_cast<double>(word) * 0x1p-32;
    constexpr double root_three = 1.7320508075688772;  // a uniform number's variance is 1/12
    return static_cast<float>((sum - 2) * root_three);
}

}  // namespace

RandomRows::RandomRows(const std::vector<OutTensor>& tensors, std::uint64_t seed) : tensors_(tensors), seed_(seed) {
    for (const auto& tensor : tensors) {
        if (tensor.shape.size() == 1 || tensor.integers_below > 0) continue;
        auto& pool = pools_[{tensor.dtype, tensor.cols()}];
        if (pool.bytes.empty()) pool = encoded_pool({tensor.dtype, tensor.cols()});
    }
}

RandomRows::Pool RandomRows::encoded_pool(const Kind& kind) const {
    const auto [dtype, cols] = kind;
    const auto length = static_cast<std::size_t>(piece_length(dtype));
    const auto scale = static_cast<float>(1 / std::sqrt(static_cast<double>(cols)));
    std::vector<float> values(pieces_in_pool * length);
    for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = scale * bell(random_words(seed_, i, low(static_cast<std::uint64_t>(cols)), stream_of_pool));
    }
    Pool pool;
    pool.piece_bytes = length / static_cast<std::size_t>(block_length(dtype)) * static_cast<std::size_t>(block_bytes(dtype));
    pool.bytes.resize(pieces_in_pool * pool.piece_bytes);
    quant::encode(dtype, values, pool.bytes);
    return pool;
}

void RandomRows::make(std::size_t index, std::int64_t first_row, std::int64_t rows, std::span<std::byte> out) const {
    const OutTensor& tensor = tensors_[index];
    if (tensor.shape.size() == 1) {
        const std::vector<float> ones(static_cast<std::size_t>(tensor.cols()), 1.0F);
        return quant::encode(tensor.dtype, ones, out);
    }
    if (tensor.integers_below > 0) return make_integers(index, first_row, rows, out);
    const Pool& pool = pools_.at({tensor.dtype, tensor.cols()});
    const auto row_bytes = static_cast<std::size_t>(tensor.row_bytes());
    const auto pieces = (row_bytes + pool.piece_bytes - 1) / pool.piece_bytes;  // of a row; the last may be cut short
    for (std::int64_t row = 0; row < rows; ++row) {
        auto rest = out.subspan(static_cast<std::size_t>(row) * row_bytes, row_bytes);
        std::array<std::uint32_t, 4> words{};
        for (std::size_t piece = 0; piece < pieces; ++piece) {
            const std::uint64_t place = static_cast<std::uint64_t>(first_row + row) * ((pieces + 3) / 4) + piece / 4;
            if (piece % 4 == 0) words = random_words(seed_, place, static_cast<std::uint32_t>(index), stream_of_draws);
            const auto drawn = words[piece % 4] % pieces_in_pool;
            const auto size = std::min(pool.piece_bytes, rest.size());
            std::memcpy(rest.data(), pool.bytes.data() + drawn * pool.piece_bytes, size);
            rest = rest.subspan(size);
        }
    }
}

// Different ones in each row: neighbours, from a random one on.
void RandomRows::make_integers(std::size_t index, std::int64_t first_row, std::int64_t rows, std::span<std::byte> out) const {
    const OutTensor& tensor = tensors_[index];
    std::vector<std::int32_t> values;
    for (auto row = first_row; row < first_row + rows; ++row) {
        const auto first = random_words(seed_, static_cast<std::uint64_t>(row), static_cast<std::uint32_t>(index), stream_of_integers)[0];
        for (std::int64_t i = 0; i < tensor.cols(); ++i) values.push_back(static_cast<std::int32_t>((first + i) % tensor.integers_below));
    }
    std::ranges::copy(std::as_bytes(std::span(values)), out.begin());
}

}  // namespace rorqual::convert
