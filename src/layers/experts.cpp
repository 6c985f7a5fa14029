#include "layers/experts.hpp"

#include <algorithm>

#include "base/ceil_div.hpp"
#include "quant/block_scaled.hpp"

namespace rorqual::layers {
namespace {

// Tokens of one expert in one product, and rows of a weight matrix in one task. Gathering tokens costs 1/128 of their exact products.
// Packed weights are unpacked for each block of tokens, so blocks are longer; 256 rows are what shares a scale in int8.
struct Blocks {
    std::int64_t tokens, rows;
};
constexpr Blocks exact_blocks = {64, 128};
constexpr Blocks packed_blocks = {128, 256};
constexpr std::int64_t packed_down_rows = panels::tile_panels * WeightView::panel_rows;  // the least of one task

// Rows of a matrix in one task, so that `matrices` like it make about four tasks for every worker. No result depends on it.
std::int64_t tile_rows(std::int64_t rows, std::int64_t matrices, std::size_t workers, std::int64_t most) noexcept {
    constexpr std::int64_t step = 16;
    const auto tiles = ceil_div(4 * static_cast<std::int64_t>(workers), matrices);
    return std::clamp(ceil_div(ceil_div(rows, tiles), step) * step, step, most);
}

struct Mix {
    const ops::Run& run;
    std::span<const Expert> experts;
    const ExpertsShape& shape;
    const Router::Choice& choice;
    const ops::Input& x;
    Rows y;
    Rows inner;                             // [T·k, m] silu(gate) ⊙ up of every choice, at its place
    panels::QuantisedRows inner_quantised;  // their int8 form, where `packed`
    const ExpertsScratch& scratch;
    bool packed;  // int8 rows meet packed weights
    std::span<const std::int32_t> active = {};

    void sort_by_expert();
    std::int64_t most_rows() const noexcept;
    void gate_and_up() const;
    void inner_of(const Expert& expert, std::int64_t place, std::int64_t count, std::int64_t row, std::int64_t rows, std::size_t worker) const;
    void inner_of_packed(const Expert& expert, std::int64_t place, std::int64_t count, std::int64_t row, std::int64_t rows, std::size_t worker) const;
    void down_and_add() const;
    void add_rows(std::int64_t row, std::int64_t rows, std::size_t worker) const;
    void down_of(const WeightView& down, std::int64_t place, const Rows& out, std::size_t worker) const;

    std::int64_t first_place(std::int64_t expert) const noexcept { return scratch.first[static_cast<std::size_t>(expert)]; }
    std::int64_t slot_at(std::int64_t place) const noexcept { return scratch.slots[static_cast<std::size_t>(place)]; }
    std::int64_t token_at(std::int64_t place) const noexcept { return scratch.tokens[static_cast<std::size_t>(place)]; }
    const Blocks& blocks() const noexcept { return packed ? packed_blocks : exact_blocks; }
    static Rows of_worker(const Rows& rows, std::size_t worker, std::int64_t most, std::int64_t count) noexcept {
        return rows.slice_rows(static_cast<std::int64_t>(worker) * most, count);
    }
    // Room of one worker for `count` tokens × `cols` outputs, count · cols ≤ 128 · 256.
    static Rows outputs(const Rows& rows, std::size_t worker, std::int64_t count, std::int64_t cols) noexcept {
        return {of_worker(rows, worker, packed_blocks.tokens, 1).data, count, cols};
    }
    panels::QuantisedRows inner_from(std::int64_t place, std::int64_t count) const noexcept {
        return inner_quantised.shaped(inner.rows, inner.cols).slice_rows(place, count);
    }
    ConstRows gather(std::int64_t place, std::int64_t count, std::size_t worker) const noexcept;
};

// Counting sort of the choices by expert; stable, so that tokens of an expert stay in order.
void Mix::sort_by_expert() {
    std::ranges::fill(scratch.first, 0);
    for (const auto id : choice.ids) ++scratch.first[static_cast<std::size_t>(id) + 1];
    std::size_t used = 0;
    for (std::size_t e = 0; e < experts.size(); ++e) {
        if (scratch.first[e + 1] > 0) scratch.active[used++] = static_cast<std::int32_t>(e);
        scratch.first[e + 1] += scratch.first[e];
    }
    // Filling moves every beginning to the next one's, from where it is moved back.
    for (std::size_t slot = 0; slot < choice.ids.size(); ++slot) {
        const auto place = scratch.first[static_cast<std::size_t>(choice.ids[slot])]++;
        scratch.slots[static_cast<std::size_t>(place)] = static_cast<std::int32_t>(slot);
        scratch.tokens[static_cast<std::size_t>(place)] = static_cast<std::int32_t>(static_cast<std::int64_t>(slot) / shape.experts_per_token);
    }
    std::copy_backward(scratch.first.begin(), scratch.first.end() - 1, scratch.first.end());
    scratch.first[0] = 0;
    active = scratch.active.first(used);
}

// The tokens at places [place, place + count) as adjacent rows.
ConstRows Mix::gather(std::int64_t place, std::int64_t count, std::size_t worker) const noexcept {
    if (count == 1) return x.x.slice_rows(token_at(place), 1);
    const auto rows = of_worker(scratch.gathered, worker, exact_blocks.tokens, count);
    for (std::int64_t i = 0; i < count; ++i) std::ranges::copy(x.x.row(token_at(place + i)), rows.row(i).begin());
    return rows;
}

// Columns [row, row + rows) of the inner activations at places [place, place + count).
void Mix::inner_of(const Expert& expert, std::int64_t place, std::int64_t count, std::int64_t row, std::int64_t rows, std::size_t worker) const {
    const auto h = gather(place, count, worker);
    const auto gate = outputs(scratch.gate, worker, count, rows), up = outputs(scratch.up, worker, count, rows);
    ops::matmul(run.at(worker), expert.gate.slice_rows(row, rows), h, gate);
    ops::matmul(run.at(worker), expert.up.slice_rows(row, rows), h, up);
    shape.limit.apply(gate, up);
    run.kernels.swiglu(gate, up, inner.slice_rows(place, count).slice_cols(row, rows));
}

// The same with packed weights: products gather by token, and the results are quantised where they lie; `row` is a multiple of 256.
void Mix::inner_of_packed(const Expert& expert, std::int64_t place, std::int64_t count, std::int64_t row, std::int64_t rows, std::size_t worker) const {
    const auto gate = outputs(scratch.gate, worker, count, rows), up = outputs(scratch.up, worker, count, rows);
    const auto* const tokens = scratch.tokens.data() + place;
    ops::packed_matmul(run.at(worker), packed_form(expert.gate.slice_rows(row, rows)), x.quantised, tokens, gate);
    ops::packed_matmul(run.at(worker), packed_form(expert.up.slice_rows(row, rows)), x.quantised, tokens, up);
    shape.limit.apply(gate, up);
    run.kernels.swiglu(gate, up, gate);
    for (std::int64_t i = 0; i < count; ++i) {
        auto to = inner_from(place + i, 1);
        to.q += row;
        to.scale += row / 256;
        to.sums += row / 16;
        to.block_sums += row / 32;
        run.kernels.panels.quantise(gate.slice_rows(i, 1), 0, 1, to.shaped(1, rows));
    }
}

// Rows of outputs there is room for: few tokens meet much of a matrix at once. Reading it is all the work then, and each beginning costs as
// much as reading 20 KB.
std::int64_t Mix::most_rows() const noexcept { return packed ? packed_blocks.rows * (packed_blocks.tokens / std::min(y.rows, packed_blocks.tokens)) : exact_blocks.rows; }

void Mix::gate_and_up() const {
    const auto used = static_cast<std::int64_t>(active.size());
    const auto tile = packed ? packed_blocks.rows : tile_rows(shape.width, used, run.workers.count(), exact_blocks.rows);
    const auto tiles = ceil_div(shape.width, tile), most = std::max(std::int64_t{1}, most_rows() / tile);
    run.parallel_ranges(used * tiles, [&](std::int64_t first, std::int64_t range, std::size_t worker) {
        std::int64_t now = 0;  // tiles of one expert
        for (auto at = first; at < first + range; at += now) {
            now = std::min({first + range - at, tiles - at % tiles, most});
            const auto id = active[static_cast<std::size_t>(at / tiles)];
            const auto& expert = experts[static_cast<std::size_t>(id)];
            const auto row = at % tiles * tile;
            const auto rows = std::min(now * tile, expert.gate.rows - row);
            if (rows <= 0) continue;  // narrower than the widest
            const auto end = first_place(id + 1);
            for (auto place = first_place(id); place < end; place += blocks().tokens) {
                const auto count = std::min(blocks().tokens, end - place);
                packed ? inner_of_packed(expert, place, count, row, rows, worker) : inner_of(expert, place, count, row, rows, worker);
            }
        }
    });
}

// out = down · inner at places from `place` on.
void Mix::down_of(const WeightView& down, std::int64_t place, const Rows& out, std::size_t worker) const {
    if (packed) return ops::packed_matmul(run.at(worker), packed_form(down), inner_from(place, out.rows), nullptr, out);
    ops::matmul(run.at(worker), down, inner.slice_rows(place, out.rows).slice_cols(0, down.cols), out);
}

void Mix::down_and_add() const {
    const auto tile = packed ? packed_down_rows : tile_rows(shape.hidden, 1, run.workers.count(), exact_blocks.rows);
    const auto most = std::max(std::int64_t{1}, most_rows() / tile);
    run.parallel_ranges(ceil_div(shape.hidden, tile), [&](std::int64_t first, std::int64_t range, std::size_t worker) {
        for (auto at = first; at < first + range; at += most) {
            const auto now = std::min(first + range - at, most);
            add_rows(at * tile, std::min(now * tile, shape.hidden - at * tile), worker);
        }
    });
}

// Adds what every expert makes of rows [row, row + rows) of y.
void Mix::add_rows(std::int64_t row, std::int64_t rows, std::size_t worker) const {
    for (const auto id : active) {
        const auto down = experts[static_cast<std::size_t>(id)].down.slice_rows(row, rows);
        const auto end = first_place(id + 1);
        for (auto place = first_place(id); place < end; place += blocks().tokens) {
            const auto out = outputs(scratch.down, worker, std::min(blocks().tokens, end - place), rows);
            down_of(down, place, out, worker);
            for (std::int64_t i = 0; i < out.rows; ++i) {
                const float weight = choice.weights[static_cast<std::size_t>(slot_at(place + i))];
                float* const to = y.data + token_at(place + i) * y.stride + row;
                const float* const from = out.data + i * out.stride;
                for (std::int64_t n = 0; n < rows; ++n) to[n] += weight * from[n];
            }
        }
    }
}

// Every matrix of every expert is packed and as wide as the others, and the rows that meet them have an int8 form.
bool all_packed(std::span<const Expert> experts, const ExpertsShape& shape, const ops::Input& x) {
    return x.is_quantised() && ops::quantisable(shape.width) && std::ranges::all_of(experts, [&](const Expert& e) {
               return has_packed_form(e.gate) && has_packed_form(e.up) && has_packed_form(e.down) && e.gate.rows == shape.width;
           });
}

}  // namespace

ExpertsScratch ExpertsScratch::cut(cpu::Arena& arena, const ExpertsShape& shape, std::int64_t chunk, std::size_t workers) {
    const auto each = static_cast<std::int64_t>(workers);
    const auto outputs = each * packed_blocks.tokens;
    return {.first = arena.take<std::int32_t>(shape.experts + 1),
            .active = arena.take<std::int32_t>(shape.experts),
            .slots = arena.take<std::int32_t>(chunk * shape.experts_per_token),
            .tokens = arena.take<std::int32_t>(chunk * shape.experts_per_token),
            .gathered = arena.take_rows(each * exact_blocks.tokens, shape.hidden),
            .gate = arena.take_rows(outputs, packed_blocks.rows),
            .up = arena.take_rows(outputs, packed_blocks.rows),
            .down = arena.take_rows(outputs, packed_blocks.rows)};
}

void mix_experts(const ops::Run& run, std::span<const Expert> experts, const ExpertsShape& shape, const Router::Choice& choice,
                 const ops::Input& x, Rows y, const FfnScratch& inner, const ExpertsScratch& scratch) {
    if (choice.ids.empty() || shape.hidden == 0 || shape.width == 0) return;
    const auto choices = static_cast<std::int64_t>(choice.ids.size());
    Mix mix{run, experts, shape, choice, x, y, inner.rows(choices, shape.width), inner.quantised, scratch, all_packed(experts, shape, x)};
    mix.sort_by_expert();
    mix.gate_and_up();
    mix.down_and_add();
}

Router::Choice ExpertFfn::forward(const ops::Run& run, const ops::Input& x, Rows y, const FfnScratch& inner, const Scratch& scratch) const {
    const auto choice = router.choose(run, x.x, scratch.router);
    mix(run, choice, x, y, inner, scratch.experts);
    return choice;
}

void ExpertFfn::mix(const ops::Run& run, const Router::Choice& choice, const ops::Input& x, Rows y, const FfnScratch& inner,
                    const ExpertsScratch& scratch) const {
    if (shared) {
        shared->forward(run, x, y, inner);
    } else {
        for (std::int64_t t = 0; t < y.rows; ++t) std::ranges::fill(y.row(t), 0.0f);
    }
    mix_experts(run, experts, shape, choice, x, y, inner, scratch);
}

}  // namespace rorqual::layers
