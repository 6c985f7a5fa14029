#include <algorithm>

#include "quant/codebooks.hpp"
#include "quant/fit.hpp"
#include "quant/fit_common.hpp"

namespace rorqual::quant {

// A grid: its end values, the value nearest to x, and the code of a value.
template <int Lowest, int Highest>
struct EvenGrid {
    static constexpr float lowest = Lowest, highest = Highest;
    static Lanes nearest(Lanes x) { return rounded(clamped(x, lowest, highest)); }
    static std::uint8_t code(float value) { return static_cast<std::uint8_t>(static_cast<int>(value) - Lowest); }
};

struct Iq4Grid {
    static constexpr float lowest = iq4_values.front(), highest = iq4_values.back();
    // One comparison a step: without branches, so that lanes can share it.
    static Lanes nearest(Lanes x) {
        Lanes value = Lanes{} + lowest;
        for (std::size_t k = 0; k + 1 < iq4_values.size(); ++k) {
            const auto here = static_cast<float>(iq4_values[k]), next = static_cast<float>(iq4_values[k + 1]);
            value += x > (here + next) / 2 ? Lanes{} + (next - here) : Lanes{};
        }
        return value;
    }
    static std::uint8_t code(float value) {
        const auto found = std::find(iq4_values.begin(), iq4_values.end(), static_cast<std::int8_t>(value));
        return static_cast<std::uint8_t>(found - iq4_values.begin());
    }
};

namespace {

// Σ ω·v² and Σ ω·w·v for the grid values v of a group.
struct GridSums {
    float vv = 0;
    float xv = 0;
};

template <class Grid, int Size>
GridSums nearest_values(const Weighted<Size>& group, float inverse, Codes<Size>& values) {
    Lanes vv{}, xv{};
    for (int i = 0; i < Weighted<Size>::steps; ++i) {
        const Lanes value = Grid::nearest(group.x[i] * inverse);
        values[i] = value;
        vv += group.w[i] * value * value;
        xv += group.wx[i] * value;
    }
    return {total(vv), total(xv)};
}

// The weight of largest magnitude with its sign.
template <int Size>
float largest_signed(const Weighted<Size>& group) {
    float largest = 0;
    for (const Lanes& x : group.x) {
        for (int j = 0; j < lanes; ++j) {
            if (std::fabs(x[j]) > std::fabs(largest)) largest = x[j];
        }
    }
    return largest;
}

// Step 1: trial scales put the weight of largest magnitude near either end of the grid; the best scale for given codes
// is Σωwv/Σωv², which lowers the error by (Σωwv)²/Σωv².
template <class Grid, int Size>
float fit_group(const Weighted<Size>& group) {
    const float largest = largest_signed(group);
    if (largest == 0) return 0;
    constexpr int trials = 4;                                                           // to either side of the end itself
    const float farthest = 0.8F * std::max(1.0F, (Grid::highest - Grid::lowest) / 64);  // about a step of the grid
    Codes<Size> values;
    float best = 0, best_gain = 0;
    const auto consider = [&](float inverse) {
        const GridSums sums = nearest_values<Grid>(group, inverse, values);
        const float gain = ratio(sums.xv * sums.xv, sums.vv);
        if (!(gain > best_gain)) return false;
        best_gain = gain;
        best = ratio(sums.xv, sums.vv);
        return true;
    };
    for (int t = -trials; t <= trials; ++t) {
        const float off = farthest * static_cast<float>(t) / trials;
        consider((Grid::lowest + off) / largest);
        consider((Grid::highest + off) / largest);
    }
    constexpr int most_rounds = 4;
    for (int round = 0; round < most_rounds && best != 0 && consider(1 / best); ++round) {
    }
    return best;
}

template <class Grid, int Groups, int Size, int TopScale>
struct Search {
    std::array<Weighted<Size>, Groups> groups;
    struct Choice {
        float d = 0;
        std::array<int, Groups> scale{};
        std::array<GridSums, Groups> sums{};
        float error = 0;
    };

    GridSums values_for(const Weighted<Size>& group, float s, Codes<Size>& values) const {
        return nearest_values<Grid>(group, s != 0 ? 1 / s : 0.0F, values);
    }

    // Step 3, first half: each group tries the scales around its own.
    void choose_scales(Choice& choice) const {
        Codes<Size> values;
        choice.error = 0;
        for (int g = 0; g < Groups; ++g) {
            const int scale = choice.scale[g];
            float least = -1;
            for (int sc = std::max(scale - 1, -TopScale - 1); sc <= std::min(scale + 1, TopScale); ++sc) {
                const float s = choice.d * static_cast<float>(sc);
                const GridSums sums = values_for(groups[g], s, values);
                const float error = std::max(s * s * sums.vv - 2 * s * sums.xv + groups[g].sum_wxx, 0.0F);
                if (least >= 0 && !(error < least)) continue;
                least = error;
                choice.scale[g] = sc;
                choice.sums[g] = sums;
            }
            choice.error += least;
        }
    }

    // Step 3, second half: the best d for the codes as they are.
    void solve(Choice& choice) const {
        double vv = 0, xv = 0;
        for (int g = 0; g < Groups; ++g) {
            const double sc = choice.scale[g];
            vv += sc * sc * choice.sums[g].vv;
            xv += sc * choice.sums[g].xv;
        }
        if (vv > 0) choice.d = as_half(static_cast<float>(xv / vv));
    }
};

}  // namespace

template <class Grid, int Groups, int Size, int TopScale>
SignedBlock<Groups, Size> fit_signed(const float* values) {
    Search<Grid, Groups, Size, TopScale> search;
    const float floor = root_mean_square(values, Groups * Size);
    std::array<float, Groups> scales;
    float largest = 0, of_zeros = 0;
    for (int g = 0; g < Groups; ++g) {
        weigh(values + g * Size, floor, search.groups[g]);
        of_zeros += search.groups[g].sum_wxx;
        scales[g] = fit_group<Grid>(search.groups[g]);
        if (std::fabs(scales[g]) > std::fabs(largest)) largest = scales[g];
    }
    typename decltype(search)::Choice choice;
    choice.d = half_outward(largest / (-TopScale - 1));  // the larger end of the code range
    for (int g = 0; g < Groups; ++g) {
        const float code = choice.d != 0 ? scales[g] / choice.d : 0.0F;
        choice.scale[g] = static_cast<int>(rounded(clamped(code, -TopScale - 1, TopScale)));
    }
    search.choose_scales(choice);
    constexpr int rounds = 3;
    for (int round = 0; round < rounds; ++round) {
        auto next = choice;
        search.solve(next);
        search.choose_scales(next);
        if (!(next.error < choice.error)) break;
        choice = next;
    }

    SignedBlock<Groups, Size> block{.d = choice.d};
    if (!(choice.error < of_zeros)) block.d = choice.d = 0;  // too small for any half
    for (int g = 0; g < Groups; ++g) {
        Codes<Size> nearest;
        block.scale[g] = static_cast<std::int8_t>(choice.scale[g]);
        search.values_for(search.groups[g], choice.d * static_cast<float>(choice.scale[g]), nearest);
        for (int i = 0; i < Size; ++i) block.codes[g * Size + i] = Grid::code(nearest[i / lanes][i % lanes]);
    }
    return block;
}

SignedBlock<1, 32> fit_iq4_group(const float* values) {
    Weighted<32> group;
    weigh(values, root_mean_square(values, 32), group);
    SignedBlock<1, 32> block{.d = as_half(fit_group<Iq4Grid>(group)), .scale = {1}};
    Codes<32> nearest;
    nearest_values<Iq4Grid>(group, block.d != 0 ? 1 / block.d : 0.0F, nearest);
    for (int i = 0; i < 32; ++i) block.codes[i] = Iq4Grid::code(nearest[i / lanes][i % lanes]);
    return block;
}

template SignedBlock<16, 16> fit_signed<EvenGrid<-32, 31>, 16, 16, 127>(const float*);
template SignedBlock<16, 16> fit_signed<EvenGrid<-4, 3>, 16, 16, 31>(const float*);
template SignedBlock<8, 32> fit_signed<Iq4Grid, 8, 32, 31>(const float*);

}  // namespace rorqual::quant
