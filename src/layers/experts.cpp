#include "layers/experts.hpp"

#include <algorithm>

#include "base/ceil_div.hpp"

namespace rorqual::layers {
namespace {

constexpr std::int64_t token_block = 64;  // tokens of one expert in one product
constexpr std::int64_t tile_most = 128;   // rows of a weight matrix in one task: gathering tokens costs 1/128 of their products

// Rows of a matrix in one task, so that `matrices` like it make about four tasks for every worker. No result depends on it.
std::int64_t tile_rows(std::int64_t rows, std::int64_t matrices, std::size_t workers) noexcept {
    constexpr std::int64_t step = 16;
    const auto tiles = ceil_div(4 * static_cast<std::int64_t>(workers), matrices);
    return std::clamp(ceil_div(ceil_div(rows, tiles), step) * step, step, tile_most);
}

struct Mix {
    const ops::Run& run;
    std::span<const Expert> experts;
    const ExpertsShape& shape;
    const Router::Choice& choice;
    ConstRows x;
    Rows y;
    Rows inner;  // [T·k, m] silu(gate) ⊙ up of every choice, at its place
    const ExpertsScratch& scratch;
    std::span<const std::int32_t> active = {};

    void sort_by_expert();
    void gate_and_up() const;
    void down_and_add() const;

    std::int64_t first_place(std::int64_t expert) const noexcept { return scratch.first[static_cast<std::size_t>(expert)]; }
    std::int64_t slot_at(std::int64_t place) const noexcept { return scratch.slots[static_cast<std::size_t>(place)]; }
    std::int64_t token_at(std::int64_t place) const noexcept { return slot_at(place) / shape.experts_per_token; }
    static Rows of_worker(const Rows& rows, std::size_t worker, std::int64_t count) noexcept {
        return rows.slice_rows(static_cast<std::int64_t>(worker) * token_block, count);
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
    }
    std::copy_backward(scratch.first.begin(), scratch.first.end() - 1, scratch.first.end());
    scratch.first[0] = 0;
    active = scratch.active.first(used);
}

// The tokens at places [place, place + count) as adjacent rows. Formats with quantised activations will quantise here.
ConstRows Mix::gather(std::int64_t place, std::int64_t count, std::size_t worker) const noexcept {
    if (count == 1) return x.slice_rows(token_at(place), 1);
    const auto rows = of_worker(scratch.gathered, worker, count);
    for (std::int64_t i = 0; i < count; ++i) std::ranges::copy(x.row(token_at(place + i)), rows.row(i).begin());
    return rows;
}

void Mix::gate_and_up() const {
    const auto tile = tile_rows(shape.width, static_cast<std::int64_t>(active.size()), run.workers.count());
    const auto tiles = ceil_div(shape.width, tile);
    run.parallel_for(static_cast<std::int64_t>(active.size()) * tiles, [&](std::int64_t task, std::size_t worker) {
        const auto id = active[static_cast<std::size_t>(task / tiles)];
        const auto& expert = experts[static_cast<std::size_t>(id)];
        const auto row = task % tiles * tile;
        const auto count = std::min(tile, expert.gate.rows - row);
        if (count <= 0) return;  // narrower than the widest
        const auto end = first_place(id + 1);
        for (auto place = first_place(id); place < end; place += token_block) {
            const auto tokens = std::min(token_block, end - place);
            const auto h = gather(place, tokens, worker);
            const auto gate = of_worker(scratch.gate, worker, tokens).slice_cols(0, count);
            const auto up = of_worker(scratch.up, worker, tokens).slice_cols(0, count);
            ops::matmul(run.at(worker), expert.gate.slice_rows(row, count), h, gate);
            ops::matmul(run.at(worker), expert.up.slice_rows(row, count), h, up);
            run.kernels.swiglu(gate, up, inner.slice_rows(place, tokens).slice_cols(row, count));
        }
    });
}

void Mix::down_and_add() const {
    const auto tile = tile_rows(shape.hidden, 1, run.workers.count());
    run.parallel_for(ceil_div(shape.hidden, tile), [&](std::int64_t task, std::size_t worker) {
        const auto row = task * tile;
        const auto count = std::min(tile, shape.hidden - row);
        for (const auto id : active) {
            const auto& down = experts[static_cast<std::size_t>(id)].down;
            const auto end = first_place(id + 1);
            for (auto place = first_place(id); place < end; place += token_block) {
                const auto tokens = std::min(token_block, end - place);
                const auto out = of_worker(scratch.down, worker, tokens).slice_cols(0, count);
                ops::matmul(run.at(worker), down.slice_rows(row, count), inner.slice_rows(place, tokens).slice_cols(0, down.cols), out);
                for (std::int64_t i = 0; i < tokens; ++i) {
                    const float weight = choice.weights[static_cast<std::size_t>(slot_at(place + i))];
                    float* const to = y.data + token_at(place + i) * y.stride + row;
                    const float* const from = out.data + i * out.stride;
                    for (std::int64_t n = 0; n < count; ++n) to[n] += weight * from[n];
                }
            }
        }
    });
}

}  // namespace

ExpertsScratch ExpertsScratch::cut(cpu::Arena& arena, const ExpertsShape& shape, std::int64_t chunk, std::size_t workers) {
    const auto rows = static_cast<std::int64_t>(workers) * token_block;
    return {.first = arena.take<std::int32_t>(shape.experts + 1),
            .active = arena.take<std::int32_t>(shape.experts),
            .slots = arena.take<std::int32_t>(chunk * shape.experts_per_token),
            .gathered = arena.take_rows(rows, shape.hidden),
            .gate = arena.take_rows(rows, tile_most),
            .up = arena.take_rows(rows, tile_most),
            .down = arena.take_rows(rows, tile_most)};
}

void mix_experts(const ops::Run& run, std::span<const Expert> experts, const ExpertsShape& shape, const Router::Choice& choice,
                 ConstRows x, Rows y, const FfnScratch& inner, const ExpertsScratch& scratch) {
    if (choice.ids.empty() || shape.hidden == 0 || shape.width == 0) return;
    const auto choices = static_cast<std::int64_t>(choice.ids.size());
    Mix mix{run, experts, shape, choice, x, y, inner.rows(choices, shape.width), scratch};
    mix.sort_by_expert();
    mix.gate_and_up();
    mix.down_and_add();
}

Router::Choice ExpertFfn::forward(const ops::Run& run, ConstRows x, Rows y, const FfnScratch& inner, const Scratch& scratch) const {
    const auto choice = router.choose(run, x, scratch.router);
    if (shared) {
        shared->forward(run, x, y, inner);
    } else {
        for (std::int64_t t = 0; t < y.rows; ++t) std::ranges::fill(y.row(t), 0.0f);
    }
    mix_experts(run, experts, shape, choice, x, y, inner, scratch.experts);
    return choice;
}

}  // namespace rorqual::layers
