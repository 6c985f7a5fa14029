#pragma once

#include <array>
#include <cstdint>

namespace rorqual::quant {

/// The searches behind the encoders of the K and IQ4 formats. Each finds scales and codes that make Σ ω·(w − ŵ)² small,
/// with ω = |w| + the root mean square of the block: larger weights move the outputs more, yet no weight is free.
///
/// All work in the same three steps (alternating least squares, as Lloyd's algorithm does for a codebook):
///  1. each group for itself: codes for a row of trial scales, the best scale for those codes in closed form, the best kept;
///  2. the super-block's d becomes the largest group scale over the largest code for one, rounded to a half;
///  3. in turns: each group takes the best of the neighbouring scale codes, then d the best value for all of them.
/// f32 in a fixed order: the same values give the same block on every machine.

/// w ≈ d·scale·code − dmin·min, group by group: Q2_K, Q4_K, Q5_K.
template <int Groups, int Size>
struct AffineBlock {
    float d = 0;     ///< as stored: a half
    float dmin = 0;  ///< as stored: a half
    std::array<std::uint8_t, Groups> scale{};
    std::array<std::uint8_t, Groups> min{};
    std::array<std::uint8_t, Groups * Size> codes{};
};

/// Codes 0 … TopCode, scales and minima 0 … TopScale. `values`: Groups·Size, finite.
/// Instantiated for Q2_K <16, 16, 3, 15>, Q4_K <8, 32, 15, 63> and Q5_K <8, 32, 31, 63>.
template <int Groups, int Size, int TopCode, int TopScale>
AffineBlock<Groups, Size> fit_affine(const float* values);

/// w ≈ d·scale·grid(code), group by group: Q3_K, Q6_K, IQ4_XS.
template <int Groups, int Size>
struct SignedBlock {
    float d = 0;  ///< as stored: a half
    std::array<std::int8_t, Groups> scale{};
    std::array<std::uint8_t, Groups * Size> codes{};
};

/// A grid of equal steps: code c stands for c + Lowest, 0 ≤ c ≤ Highest − Lowest.
template <int Lowest, int Highest>
struct EvenGrid;
/// The sixteen values of IQ4 (codebooks.hpp).
struct Iq4Grid;

/// Scales −TopScale − 1 … TopScale. Instantiated for Q6_K <EvenGrid<-32, 31>, 16, 16, 127>, Q3_K <EvenGrid<-4, 3>, 16, 16, 31>
/// and IQ4_XS <Iq4Grid, 8, 32, 31>.
template <class Grid, int Groups, int Size, int TopScale>
SignedBlock<Groups, Size> fit_signed(const float* values);

/// A single group whose scale is d itself: IQ4_NL.
SignedBlock<1, 32> fit_iq4_group(const float* values);

}  // namespace rorqual::quant
