#include <algorithm>

#include "quant/fit.hpp"
#include "quant/fit_common.hpp"

namespace rorqual::quant {
namespace {

// w ≈ s·q − m with s, m ≥ 0, and Σ ω·(w − ŵ)².
struct Line {
    float s = 0;
    float m = 0;
    float error = 0;
};

// Σ ω·q, Σ ω·q² and Σ ω·w·q over a group: all that its error depends on once the codes q are chosen.
struct CodeSums {
    float q = 0;
    float qq = 0;
    float xq = 0;
};

// The nearest codes for w ≈ q/inverse + lowest, and their sums.
template <int Size>
CodeSums nearest_codes(const Weighted<Size>& group, float lowest, float inverse, float top_code, Codes<Size>& codes) {
    Lanes q{}, qq{}, xq{};
    for (int i = 0; i < Weighted<Size>::steps; ++i) {
        const Lanes code = rounded(clamped((group.x[i] - lowest) * inverse, 0.0F, top_code));
        const Lanes weighted = group.w[i] * code;
        codes[i] = code;
        q += weighted;
        qq += weighted * code;
        xq += group.wx[i] * code;
    }
    return {total(q), total(qq), total(xq)};
}

template <int Size>
float error_of(const Weighted<Size>& group, const CodeSums& sums, float s, float m) {
    return s * s * sums.qq - 2 * s * m * sums.q + m * m * group.sum_w - 2 * s * sums.xq + 2 * m * group.sum_wx + group.sum_wxx;
}

// The best line for given codes: the normal equations, on the border m = 0 where they ask for m < 0.
template <int Size>
Line best_line(const Weighted<Size>& group, const CodeSums& sums) {
    const float determinant = group.sum_w * sums.qq - sums.q * sums.q;
    Line line;
    line.s = ratio(group.sum_w * sums.xq - group.sum_wx * sums.q, determinant);
    line.m = ratio(sums.q * sums.xq - sums.qq * group.sum_wx, determinant);
    if (line.m < 0 || determinant <= 0) line = {ratio(sums.xq, sums.qq), 0, 0};
    if (line.s <= 0) line = {0, std::max(0.0F, -ratio(group.sum_wx, group.sum_w)), 0};
    line.error = error_of(group, sums, line.s, line.m);
    return line;
}

struct Range {
    float lowest, highest;
};

// From the lowest weight or 0, since no minimum is above it, to the highest.
template <int Size>
Range range_with_zero(const Weighted<Size>& group) {
    Lanes low = group.x[0], high = group.x[0];
    for (const Lanes& x : group.x) {
        low = x < low ? x : low;
        high = x > high ? x : high;
    }
    return {std::min({low[0], low[1], low[2], low[3], 0.0F}), std::max({high[0], high[1], high[2], high[3]})};
}

// Step 1: codes for trial scales that make the range a little shorter or longer than the code range, then alternating.
template <int Size>
Line fit_group(const Weighted<Size>& group, float top_code) {
    const auto [lowest, highest] = range_with_zero(group);
    if (!(highest > lowest)) return {0, -lowest, 0};
    constexpr int trials = 17;
    constexpr float shortest = -1.2F, longest = 0.8F;  // codes cut off at each end of the range, together
    Codes<Size> codes;
    Line best{0, 0, group.sum_wxx};
    for (int t = 0; t < trials; ++t) {
        const float stretch = longest + (shortest - longest) * static_cast<float>(t) / (trials - 1);
        const float inverse = (top_code + stretch) / (highest - lowest);
        const Line line = best_line(group, nearest_codes(group, lowest, inverse, top_code, codes));
        if (line.error < best.error) best = line;
    }
    constexpr int most_rounds = 4;
    for (int round = 0; round < most_rounds && best.s > 0; ++round) {
        const Line line = best_line(group, nearest_codes(group, -best.m, 1 / best.s, top_code, codes));
        if (!(line.error < best.error)) break;
        best = line;
    }
    return best;
}

int nearest_scale(float value, float d, int top_scale) {
    return static_cast<int>(rounded(clamped(ratio(value, d), 0.0F, static_cast<float>(top_scale))));
}

// One super-block during the search: the groups, what they chose, and the sums of their codes.
template <int Groups, int Size, int TopCode, int TopScale>
struct Search {
    std::array<Weighted<Size>, Groups> groups;
    struct Choice {
        float d = 0, dmin = 0;
        std::array<int, Groups> scale{}, min{};
        std::array<CodeSums, Groups> sums{};
        float error = 0;
    };

    CodeSums codes_for(const Weighted<Size>& group, float s, float m, Codes<Size>& codes) const {
        return nearest_codes(group, -m, s > 0 ? 1 / s : 0.0F, static_cast<float>(TopCode), codes);
    }

    // Step 3, first half: each group tries the scale and minimum codes around its own. `reach` 0 only evaluates.
    void choose_scales(Choice& choice, int reach) const {
        Codes<Size> codes;
        choice.error = 0;
        for (int g = 0; g < Groups; ++g) {
            const int scale = choice.scale[g], min = choice.min[g];
            float least = -1;
            for (int sc = std::max(scale - reach, 0); sc <= std::min(scale + reach, TopScale); ++sc) {
                for (int mn = std::max(min - reach, 0); mn <= std::min(min + reach, TopScale); ++mn) {
                    const float s = choice.d * static_cast<float>(sc), m = choice.dmin * static_cast<float>(mn);
                    const CodeSums sums = codes_for(groups[g], s, m, codes);
                    const float error = std::max(error_of(groups[g], sums, s, m), 0.0F);
                    if (least >= 0 && !(error < least)) continue;
                    least = error;
                    choice.scale[g] = sc;
                    choice.min[g] = mn;
                    choice.sums[g] = sums;
                }
            }
            choice.error += least;
        }
    }

    // Step 3, second half: d and dmin for the codes as they are, from the normal equations of the whole block.
    void solve(Choice& choice) const {
        double ss = 0, sm = 0, mm = 0, xs = 0, xm = 0;
        for (int g = 0; g < Groups; ++g) {
            const double sc = choice.scale[g], mn = choice.min[g];
            ss += sc * sc * choice.sums[g].qq;
            sm += sc * mn * choice.sums[g].q;
            mm += mn * mn * groups[g].sum_w;
            xs += sc * choice.sums[g].xq;
            xm += mn * groups[g].sum_wx;
        }
        const double determinant = ss * mm - sm * sm;
        if (mm > 0 && determinant > 0) {
            choice.d = as_half(static_cast<float>((xs * mm - xm * sm) / determinant));
            choice.dmin = as_half(static_cast<float>((xs * sm - xm * ss) / determinant));
        } else if (ss > 0) {
            choice.d = as_half(static_cast<float>(xs / ss));
        }
        choice.d = std::max(choice.d, 0.0F);
        choice.dmin = std::max(choice.dmin, 0.0F);
    }
};

}  // namespace

template <int Groups, int Size, int TopCode, int TopScale>
AffineBlock<Groups, Size> fit_affine(const float* values) {
    Search<Groups, Size, TopCode, TopScale> search;
    const float floor = root_mean_square(values, Groups * Size);
    std::array<Line, Groups> lines;
    float top_s = 0, top_m = 0, of_zeros = 0;
    for (int g = 0; g < Groups; ++g) {
        weigh(values + g * Size, floor, search.groups[g]);
        lines[g] = fit_group(search.groups[g], static_cast<float>(TopCode));
        of_zeros += search.groups[g].sum_wxx;
        top_s = std::max(top_s, lines[g].s);
        top_m = std::max(top_m, lines[g].m);
    }
    typename decltype(search)::Choice choice;
    choice.d = half_outward(top_s / TopScale);
    choice.dmin = half_outward(top_m / TopScale);
    for (int g = 0; g < Groups; ++g) {
        choice.scale[g] = nearest_scale(lines[g].s, choice.d, TopScale);
        choice.min[g] = nearest_scale(lines[g].m, choice.dmin, TopScale);
    }
    search.choose_scales(choice, 1);
    constexpr int rounds = 3;
    for (int round = 0; round < rounds; ++round) {
        auto next = choice;
        search.solve(next);
        search.choose_scales(next, 1);
        if (!(next.error < choice.error)) break;
        choice = next;
    }

    if (!(choice.error < of_zeros)) return {};  // too small for any half

    AffineBlock<Groups, Size> block{.d = choice.d, .dmin = choice.dmin};
    for (int g = 0; g < Groups; ++g) {
        Codes<Size> codes;
        block.scale[g] = static_cast<std::uint8_t>(choice.scale[g]);
        block.min[g] = static_cast<std::uint8_t>(choice.min[g]);
        search.codes_for(search.groups[g], choice.d * static_cast<float>(choice.scale[g]),
                         choice.dmin * static_cast<float>(choice.min[g]), codes);
        for (int i = 0; i < Size; ++i) block.codes[g * Size + i] = static_cast<std::uint8_t>(codes[i / lanes][i % lanes]);
    }
    return block;
}

template AffineBlock<16, 16> fit_affine<16, 16, 3, 15>(const float*);
template AffineBlock<8, 32> fit_affine<8, 32, 15, 63>(const float*);
template AffineBlock<8, 32> fit_affine<8, 32, 31, 63>(const float*);

}  // namespace rorqual::quant
