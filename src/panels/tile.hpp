#pragma once

// What the products of every instruction set share: how a tile lies in scratch, which tokens meet it, and the loops around the
// micro-kernel. For kernel units only. Everything lives in an anonymous namespace: units compiled for different instruction sets must not
// share a function.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <utility>

#include "panels/formats.hpp"
#include "panels/product.hpp"

namespace rorqual::panels {
namespace {

/// Columns that share an integer scale: 16 or 32.
constexpr int scale_group(const PanelFormat& f) noexcept {
    return f.header == Header::scale_min_4 || f.header == Header::scale_6 || f.header == Header::scale_8x16 ? 16 : 32;
}
constexpr bool has_min(const PanelFormat& f) noexcept {
    return f.header == Header::scale_min_6 || f.header == Header::scale_min_4 || f.header == Header::half_min;
}
/// What is subtracted from the unsigned byte a code is unpacked to.
constexpr int byte_offset(const PanelFormat& f) noexcept {
    return f.codes == Codes::iq4 ? 128 : f.codes == Codes::e2m1 ? 12
                                                                : f.offset;
}

/// Unpacked codes and scales of some panels over some columns, in the thread's scratch. A line of scales is 64 bytes: 16 rows × 4 bytes, of
/// which each instruction set makes what suits it.
struct Tile {
    std::byte* codes;   // [panel][k/4] lines of 16 rows × 4 bytes
    std::byte* scales;  // [panel][group] lines
    std::byte* mins;    // [panel][group] lines
    std::byte* d;       // [panel][super] lines of f32
    std::byte* dmin;    // [panel][super] lines of f32
    std::int64_t k;
    int group;
    std::int64_t code_panel, code_super, d_panel, d_super;  // bytes from one to the next

    static Tile in(std::byte* scratch, std::int64_t panels, std::int64_t k, int group) {
        Tile tile{scratch, nullptr, nullptr, nullptr, nullptr, k, group, k * panel_rows, super_k * panel_rows, 0, line_bytes};
        tile.d_panel = tile.supers() * line_bytes;
        tile.scales = tile.codes + panels * k * panel_rows;
        tile.mins = tile.scales + panels * tile.groups() * line_bytes;
        tile.d = tile.mins + panels * tile.groups() * line_bytes;
        tile.dmin = tile.d + panels * tile.supers() * line_bytes;
        return tile;
    }
    /// Panels of i8 as they lie: nothing is to be unpacked. Kernels only read it.
    static Tile of(const std::byte* panels, std::int64_t panel_bytes, std::int64_t k) {
        constexpr std::int64_t super = line_bytes + super_k * panel_rows;
        auto* const d = const_cast<std::byte*>(panels);
        return {d + line_bytes, nullptr, nullptr, d, nullptr, k, block_k, panel_bytes, super, panel_bytes, super};
    }
    [[nodiscard]] std::int64_t groups() const { return k / group; }
    [[nodiscard]] std::int64_t supers() const { return (k + super_k - 1) / super_k; }
    [[nodiscard]] std::int64_t blocks_of(std::int64_t s) const { return std::min<std::int64_t>(8, k / block_k - 8 * s); }
    [[nodiscard]] std::byte* block(std::int64_t panel, std::int64_t b) const { return codes + panel * code_panel + b / 8 * code_super + b % 8 * (block_k * panel_rows); }
    [[nodiscard]] std::byte* scale_line(std::int64_t panel, std::int64_t g) const { return scales + (panel * groups() + g) * line_bytes; }
    [[nodiscard]] std::byte* min_line(std::int64_t panel, std::int64_t g) const { return mins + (panel * groups() + g) * line_bytes; }
    [[nodiscard]] std::byte* d_line(std::int64_t panel, std::int64_t s) const { return d + panel * d_panel + s * d_super; }
    [[nodiscard]] std::byte* dmin_line(std::int64_t panel, std::int64_t s) const { return dmin + (panel * supers() + s) * line_bytes; }
};

/// Four bytes as one number, to be broadcast: four neighbouring activations, or two neighbouring sums of them.
inline int four_bytes(const void* p) {
    int four;
    __builtin_memcpy(&four, p, 4);
    return four;
}

/// One token as the kernels see it: pointers at a column that begins a super-block, and at the first row of a panel in y.
struct TokenRow {
    const std::int8_t* q;
    const std::int16_t* sums;
    const std::int16_t* block_sums;
    const float* scale;
    float* y;

    /// Four neighbouring activations.
    [[nodiscard]] int quad(std::int64_t at) const { return four_bytes(q + 4 * at); }
    /// Sums over columns 16·g and 16·(g+1), as a pair of int16.
    [[nodiscard]] int pair_of_sums(std::int64_t g) const { return four_bytes(sums + g); }
    /// Sums over blocks b and b + 1, as a pair of int16.
    [[nodiscard]] int pair_of_block_sums(std::int64_t b) const { return four_bytes(block_sums + b); }
    /// The same token one super-block on.
    void next_super() {
        q += super_k;
        sums += super_k / 16;
        block_sums += super_k / block_k;
        ++scale;
    }
};

/// The tokens of one product, and the rows of y that exist.
struct Tokens {
    const QuantisedRows& x;
    const std::int32_t* ids;
    const Rows& y;
    std::int64_t rows;  // valid rows of W: y beyond them is not touched

    [[nodiscard]] TokenRow at(std::int64_t t, std::int64_t k0, std::int64_t n0) const {
        const std::int64_t row = ids ? ids[t] : t;
        return {x.q + row * x.cols + k0, x.sums + (row * x.cols + k0) / 16, x.block_sums + (row * x.cols + k0) / block_k,
                x.scale + row * x.supers() + k0 / super_k, y.data + t * y.stride + n0};
    }
    /// How many rows of the panel at row n0 there are.
    [[nodiscard]] int valid(std::int64_t n0) const { return static_cast<int>(std::clamp<std::int64_t>(rows - n0, 0, panel_rows)); }
};

/// The largest number of tokens a kernel takes at once. Instrumented for a sanitizer each number costs a minute of compiling: builds
/// for those run the same code in smaller steps, to the same bits.
constexpr int tokens_in_registers([[maybe_unused]] int most) {
#if defined(RQ_FEW_SHAPES)
    return 2;
#else
    return most;
#endif
}

/// Tokens that meet the tiles of a matrix before the next ones do, for each panel of a tile: their activations come from a third-level cache
/// or stay in the second, and the more panels they meet each time, the less that costs beside unpacking the tiles anew.
constexpr std::int64_t tokens_a_panel = 128;

/// Packed codes that the next tile will be made of, asked for a little at a time while tokens meet this one.
class Ahead {
 public:
    Ahead() = default;
    /// `panels` pieces of `bytes`, `stride` apart, all of which are fetched in `calls` calls of fetch().
    Ahead(const std::byte* first, std::int64_t stride, std::int64_t bytes, std::int64_t panels, std::int64_t calls)
        : piece_(first), stride_(stride), bytes_(bytes), left_(panels), step_((panels * (bytes / line_bytes) + calls - 1) / calls) {}

    void fetch() {
        for (std::int64_t i = 0; i < step_ && left_ > 0; ++i) {
            __builtin_prefetch(piece_ + at_, 0, 2);
            at_ += line_bytes;
            if (at_ < bytes_) continue;
            at_ = 0;
            piece_ += stride_;
            --left_;
        }
    }

 private:
    const std::byte* piece_ = nullptr;
    std::int64_t stride_ = 0, bytes_ = 0, left_ = 0, step_ = 0, at_ = 0;
};

/// The loops around an instruction set's three parts:
///   Isa::direct<F, T>(panel, cols, header, tokens, valid)    one panel × T tokens, codes unpacked in registers on their way from memory;
///                                                            `header` is a tile of one super-block for its scales
///   Isa::unpack<F>(super, blocks, tile, panel, s)            a super-block's codes and scales into the tile
///   Isa::micro<F, P, T>(tile, panel, tokens, valid, first)   P panels × T tokens over the tile; added to y unless it is the first
///   Isa::direct_tokens                                       the largest T of direct
///   Isa::tile_panels, tile_k, most_panels, most_tokens       the tile; the largest P and T of micro
template <class Isa, const PanelFormat& F>
struct Product {
    static_assert(Isa::tile_panels * Isa::tile_k <= largest_tile);

    template <int P, int T>
    static void meet(const Tile& tile, std::int64_t panel, const Tokens& tokens, std::int64_t t0, std::int64_t k0, std::int64_t n0) {
        TokenRow x[T];
        for (int t = 0; t < T; ++t) x[t] = tokens.at(t0 + t, k0, n0);
        int valid[P];
        for (int p = 0; p < P; ++p) valid[p] = tokens.valid(n0 + p * panel_rows);
        Isa::template micro<F, P, T>(tile, panel, x, valid, k0 == 0);
    }
    template <int P, int T = Isa::most_tokens>
    static void meet_all(const Tile& tile, std::int64_t panel, const Tokens& tokens, std::int64_t t0, std::int64_t t1, std::int64_t k0, std::int64_t n0, Ahead& ahead) {
        for (; t0 + T <= t1; t0 += T) {
            ahead.fetch();
            meet<P, T>(tile, panel, tokens, t0, k0, n0);
        }
        if constexpr (T > 1) {
            if (t0 < t1) meet_all<P, T - 1>(tile, panel, tokens, t0, t1, k0, n0, ahead);
        }
    }
    /// All panels of a tile, as many at once as registers hold; the last four in twos, for one alone costs nearly as much as two.
    static void all_panels(const Tile& tile, std::int64_t panels, const Tokens& tokens, std::int64_t t0, std::int64_t t1, std::int64_t k0, std::int64_t n0, Ahead ahead) {
        constexpr int most = Isa::most_panels;
        std::int64_t panel = 0;
        if constexpr (most > 1) {
            while (panels - panel > 1) {
                const std::int64_t left = panels - panel;
                const bool all = left >= most && left != most + 1;
                all ? meet_all<most>(tile, panel, tokens, t0, t1, k0, n0 + panel * panel_rows, ahead)
                    : meet_all<2>(tile, panel, tokens, t0, t1, k0, n0 + panel * panel_rows, ahead);
                panel += all ? most : 2;
            }
        }
        for (; panel < panels; ++panel) meet_all<1>(tile, panel, tokens, t0, t1, k0, n0 + panel * panel_rows, ahead);
    }
    /// The panels and columns of w that make a tile.
    struct Part {
        std::int64_t p0, panels, k0, k;

        [[nodiscard]] const std::byte* in(const Panels& w) const { return w.data + p0 * w.panel_bytes() + k0 / super_k * F.super_bytes(8); }
        [[nodiscard]] bool exists() const { return panels > 0; }
    };
    static Part part_at(const Panels& w, std::int64_t p0, std::int64_t k0, std::int64_t depth) {
        return {p0, std::min<std::int64_t>(Isa::tile_panels, w.count() - p0), k0, std::min(depth, w.cols - k0)};
    }
    static Part after(const Part& part, const Panels& w, std::int64_t depth) {
        return part.k0 + depth < w.cols ? part_at(w, part.p0, part.k0 + depth, depth) : part_at(w, part.p0 + Isa::tile_panels, 0, depth);
    }
    /// A part unpacked in scratch, or where it lies.
    static Tile tile_of(const Panels& w, const Part& part, std::byte* scratch) {
        const std::int64_t bytes = w.panel_bytes();
        const std::byte* const from = part.in(w);
        if constexpr (F.header == Header::row) {
            return Tile::of(from, bytes, part.k);
        } else {
            const Tile tile = Tile::in(scratch, part.panels, part.k, scale_group(F));
            for (std::int64_t p = 0; p < part.panels; ++p) {
                const std::byte* super = from + p * bytes;
                for (std::int64_t s = 0; s < tile.supers(); ++s, super += F.super_bytes(8)) {
                    Isa::template unpack<F>(super, tile.blocks_of(s), tile, p, s);
                }
            }
            return tile;
        }
    }
    /// Asks for `part` while `tokens` tokens meet as many panels.
    static Ahead ahead_of(const Panels& w, const Part& part, std::int64_t tokens) {
        if (F.header == Header::row || !part.exists()) return {};  // i8: keys, which have just been written
        const std::int64_t calls = (tokens + Isa::most_tokens - 1) / Isa::most_tokens * ((part.panels + Isa::most_panels - 1) / Isa::most_panels);
        return {part.in(w), w.panel_bytes(), (part.k + super_k - 1) / super_k * F.super_bytes(8), part.panels, calls};
    }
    /// Tokens [t0, t1) by way of tiles.
    static void tiles(const Panels& w, const Tokens& tokens, std::int64_t t0, std::int64_t t1, std::byte* scratch) {
        // What a few tokens meet comes from memory: a small tile, so that loading and computing overlap.
        const std::int64_t depth = t1 - t0 < tile_tokens ? super_k : Isa::tile_k;
        for (Part part = part_at(w, 0, 0, depth); part.exists();) {
            const Tile tile = tile_of(w, part, scratch);
            const Part next = after(part, w, depth);
            all_panels(tile, part.panels, tokens, t0, t1, part.k0, part.p0 * panel_rows, ahead_of(w, next, t1 - t0));
            part = next;
        }
    }
    template <int T = Isa::direct_tokens>
    static void direct(const Panels& w, const Tokens& tokens, std::byte* scratch) {
        if constexpr (T > 1) {
            if (tokens.y.rows < T) return direct<T - 1>(w, tokens, scratch);
        }
        const Tile header = Tile::in(scratch, 1, super_k, scale_group(F));
        const std::int64_t bytes = w.panel_bytes();
        for (std::int64_t p = 0; p < w.count(); ++p) {
            TokenRow x[T];
            for (int t = 0; t < T; ++t) x[t] = tokens.at(t, 0, p * panel_rows);
            Isa::template direct<F, T>(w.data + p * bytes, w.cols, header, x, tokens.valid(p * panel_rows));
        }
    }
    static void run(const Panels& w, const QuantisedRows& x, const std::int32_t* ids, const Rows& y, std::byte* scratch) {
        const Tokens tokens{x, ids, y, w.rows};
        if (y.rows == 0) return;
        if (y.rows <= Isa::direct_tokens) return direct(w, tokens, scratch);
        constexpr std::int64_t at_once = tokens_a_panel * Isa::tile_panels;
        for (std::int64_t t = 0; t < y.rows; t += at_once) tiles(w, tokens, t, std::min(t + at_once, y.rows), scratch);
    }
};

template <class Isa, int I>
struct ProductOfFormat {
    static constexpr PanelFormat format = panel_formats[I];
    static constexpr ProductFn run = &Product<Isa, format>::run;
};

/// Runs the product of w's format. (A fold, not a look-up in panel_formats: that array would be shared between units.)
template <class Isa, int... I>
void run_format(std::integer_sequence<int, I...>, const Panels& w, const QuantisedRows& x, const std::int32_t* ids, const Rows& y, std::byte* scratch) {
    static_cast<void>(((w.format == ProductOfFormat<Isa, I>::format.format && (ProductOfFormat<Isa, I>::run(w, x, ids, y, scratch), true)) || ...));
}
template <class Isa>
void product_by_format(const Panels& w, const QuantisedRows& x, const std::int32_t* ids, const Rows& y, std::byte* scratch) {
    run_format<Isa>(std::make_integer_sequence<int, static_cast<int>(std::size(panel_formats))>{}, w, x, ids, y, scratch);
}

}  // namespace
}  // namespace rorqual::panels
