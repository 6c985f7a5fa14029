// TQ1_0: 256 ternary weights in 54 bytes.  qs[48] | qh[4] | d f16.  A byte holds five trits (four in qh) as a fraction of 3^5:
// trit n is the carry of byte·3^n·3 beyond eight bits.  The first 32 bytes give weights 32n + i, the next 16 bytes 160 + 16n + i,
// qh 240 + 4n + i.  w = d·(t − 1)
#include "quant/decode.hpp"
#include "quant/block_reader.hpp"

namespace rorqual::quant {
namespace {

constexpr int power_of_three[5] = {1, 3, 9, 27, 81};

int trit(std::uint8_t packed, int n) {
    const auto shifted = static_cast<std::uint8_t>(packed * power_of_three[n]);
    return shifted * 3 >> 8;
}

}  // namespace

void decode_tq1_0(const std::byte* block, float* out) {
    struct Run {
        int byte, width, trits;
    };
    constexpr Run runs[] = {{0, 32, 5}, {32, 16, 5}, {48, 4, 4}};
    const float d = half_at(block + 52);
    for (const auto& run : runs) {
        for (int n = 0; n < run.trits; ++n) {
            for (int i = 0; i < run.width; ++i) *out++ = d * static_cast<float>(trit(byte_at(block, run.byte + i), n) - 1);
        }
    }
}

}  // namespace rorqual::quant
