// Packed products for aarch64 with the dot-product instructions (Armv8.2 FEAT_DotProd). A line of 16 rows is four registers. One panel × 4
// tokens: 16 sums, 4 weight registers and a broadcast fit the 32 registers.
#include <arm_neon.h>

#include "panels/dot4.hpp"
#include "panels/transposed_product.hpp"

namespace rorqual::panels {
namespace {

struct ArmDotprod {
    static constexpr int parts = 4;
    static constexpr bool signed_codes = true;  // sdot
    static constexpr int tile_panels = 1, most_panels = 1, most_tokens = 4, direct_tokens = 4;
    static constexpr int transposed_panels = 1;
    static constexpr std::int64_t tile_k = 1024;
    using Ints = int32x4_t;
    using Reals = float32x4_t;

    static int32x4_t broadcast(int x) { return vdupq_n_s32(x); }
    static float32x4_t broadcast(float x) { return vdupq_n_f32(x); }
    static int32x4_t dot4(int32x4_t sum, int32x4_t codes, int32x4_t x) { return vdotq_s32(sum, vreinterpretq_s8_s32(codes), vreinterpretq_s8_s32(x)); }
    static int32x4_t dot2(int32x4_t sum, int32x4_t a, int32x4_t b) {
        const int16x8_t p = vreinterpretq_s16_s32(a), q = vreinterpretq_s16_s32(b);
        return vaddq_s32(sum, vpaddq_s32(vmull_s16(vget_low_s16(p), vget_low_s16(q)), vmull_high_s16(p, q)));
    }
    static float32x4_t fma(float32x4_t a, float32x4_t b, float32x4_t c) { return vfmaq_f32(c, a, b); }
    static float32x4_t fnma(float32x4_t a, float32x4_t b, float32x4_t c) { return vfmsq_f32(c, a, b); }
    /// The four bytes of a part, in front.
    static int8x8_t part_of(Bytes16 bytes, int part) {
        std::int32_t four;
        std::memcpy(&four, reinterpret_cast<const char*>(&bytes) + 4 * part, sizeof four);
        return vreinterpret_s8_s32(vdup_n_s32(four));
    }
    static int32x4_t unsigned8(Bytes16 bytes, int part) {
        return vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(vmovl_u8(vreinterpret_u8_s8(part_of(bytes, part))))));
    }
    static int32x4_t signed8(Bytes16 bytes, int part) { return vmovl_s16(vget_low_s16(vmovl_s8(part_of(bytes, part)))); }
    static float32x4_t halves(const std::byte* p) {
        std::uint64_t four;
        std::memcpy(&four, p, sizeof four);
        return vcvt_f32_f16(vreinterpret_f16_u64(vdup_n_u64(four)));
    }
    static int32x4_t lookup(Bytes16 table, int32x4_t codes) {
        return vreinterpretq_s32_u8(vqtbl1q_u8(reinterpret_cast<uint8x16_t>(table), vreinterpretq_u8_s32(codes)));
    }
};

}  // namespace

void product_arm_dotprod(const Panels& w, const QuantisedRows& x, const std::int32_t* ids, const Rows& y, std::byte* scratch) {
    product_by_format<Dot4<ArmDotprod>>(w, x, ids, y, scratch);
}

void quantise_arm_dotprod(const ConstRows& x, std::int64_t first, std::int64_t count, const QuantisedRows& to) {
    for (std::int64_t t = first; t < first + count; ++t) {
        const float* v = x.data + t * x.stride;
        for (std::int64_t k0 = 0; k0 < x.cols; k0 += super_k) {
            const std::int64_t k1 = std::min(k0 + super_k, x.cols);
            float32x4_t largest = vdupq_n_f32(0);
            uint32x4_t finite = vdupq_n_u32(~0U);
            for (std::int64_t k = k0; k < k1; k += 4) {
                const float32x4_t a = vabsq_f32(vld1q_f32(v + k));
                largest = vmaxq_f32(largest, a);
                finite = vandq_u32(finite, vcleq_f32(a, vdupq_n_f32(0x1.fffffep127F)));
            }
            const float top = vmaxvq_f32(largest);
            const bool all_finite = vminvq_u32(finite) != 0;
            const float inverse = all_finite && top > 0 ? 127.0F / top : 0.0F;
            to.scale[t * to.supers() + k0 / super_k] = all_finite ? top / 127.0F : NAN;
            for (std::int64_t k = k0; k < k1; k += 16) {
                int16x8_t q[2];
                for (int i = 0; i < 2; ++i) {
                    int32x4_t four[2];
                    for (int j = 0; j < 2; ++j) {
                        const float32x4_t a = all_finite ? vmulq_n_f32(vld1q_f32(v + k + 8 * i + 4 * j), inverse) : vdupq_n_f32(0);
                        four[j] = vmaxq_s32(vminq_s32(vcvtnq_s32_f32(a), vdupq_n_s32(127)), vdupq_n_s32(-127));
                    }
                    q[i] = vcombine_s16(vmovn_s32(four[0]), vmovn_s32(four[1]));
                }
                vst1q_s8(to.q + t * to.cols + k, vcombine_s8(vmovn_s16(q[0]), vmovn_s16(q[1])));
                to.sums[(t * to.cols + k) / 16] = vaddvq_s16(vaddq_s16(q[0], q[1]));
            }
            for (std::int64_t b = (t * to.cols + k0) / block_k; b < (t * to.cols + k1) / block_k; ++b) {
                to.block_sums[b] = static_cast<std::int16_t>(to.sums[2 * b] + to.sums[2 * b + 1]);
            }
        }
    }
}

void transposed_product_arm_dotprod(const Panels& w, const ConstRows& x, const Rows& y, std::span<const std::byte> next, std::byte* scratch) { TransposedProduct<ArmDotprod>::run(w, x, y, next, scratch); }

}  // namespace rorqual::panels
