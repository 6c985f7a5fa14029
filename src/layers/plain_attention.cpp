// rorqual/mla.hpp: latent attention on plain arrays, without a cache.
#include <algorithm>
#include <memory_resource>
#include <string>
#include <utility>
#include <vector>

#include "layers/latent_attention.hpp"
#include "ops/check.hpp"
#include "ops/decoded.hpp"
#include "rorqual/error.hpp"

namespace rorqual::layers {

AttentionForm cheaper_form(const LatentAttentionShape& s, std::int64_t queries, std::int64_t cached, std::int64_t seen) noexcept {
    // In floating point: the products leave 64 bits long before the comparison loses its meaning.
    const auto T = static_cast<double>(queries);
    const auto n = static_cast<double>(cached);
    const auto latent = static_cast<double>(s.kv_lora_rank);
    const auto rope = static_cast<double>(s.qk_rope_head_dim);
    const auto nope_and_v = static_cast<double>(s.qk_nope_head_dim) + static_cast<double>(s.v_head_dim);
    const double absorbed = T * ((2 * latent + rope) * static_cast<double>(seen) + latent * nope_and_v);
    const double naive = T * (nope_and_v + rope) * n + latent * nope_and_v * n;
    return naive < absorbed ? AttentionForm::naive : AttentionForm::absorbed;
}

}  // namespace rorqual::layers

namespace rorqual {

AttentionForm cheaper_form(const LatentAttentionShape& shape, std::int64_t queries, std::int64_t cached) noexcept {
    return layers::cheaper_form(shape, queries, cached, cached);
}

namespace {

void check_dimension(const char* name, std::int64_t value) {
    constexpr std::int64_t most = std::int64_t{1} << 24;  // no product of two, nor a sum of such, leaves 64 bits
    if (value >= 1 && value <= most) return;
    throw Error(Status::invalid_argument, std::string("shape.") + name + ": expected 1 to 2^24, got " + std::to_string(value));
}

void check(const LatentAttentionShape& s, const ConstRows& q, const ConstRows& c_kv, const ConstRows& k_pe,
           const WeightView& w_kv_b, std::int64_t first, const Rows& out) {
    using namespace ops;
    check_dimension("heads", s.heads);
    check_dimension("kv_lora_rank", s.kv_lora_rank);
    check_dimension("qk_nope_head_dim", s.qk_nope_head_dim);
    check_dimension("qk_rope_head_dim", s.qk_rope_head_dim);
    check_dimension("v_head_dim", s.v_head_dim);
    check_rows("q", q);
    check_rows("c_kv", c_kv);
    check_rows("k_pe", k_pe);
    check_weight("w_kv_b", w_kv_b);
    check_rows("out", out);
    check_size("q: columns", q.cols, s.heads * (s.qk_nope_head_dim + s.qk_rope_head_dim));
    check_size("first: queries end where c_kv does", first, c_kv.rows - q.rows);
    check_size("c_kv: columns", c_kv.cols, s.kv_lora_rank);
    check_size("k_pe: rows", k_pe.rows, c_kv.rows);
    check_size("k_pe: columns", k_pe.cols, s.qk_rope_head_dim);
    check_size("w_kv_b: rows", w_kv_b.rows, s.heads * (s.qk_nope_head_dim + s.v_head_dim));
    check_size("w_kv_b: columns", w_kv_b.cols, s.kv_lora_rank);
    check_size("out: rows", out.rows, q.rows);
    check_size("out: columns", out.cols, s.heads * s.v_head_dim);
    if (first < 0) throw Error(Status::invalid_argument, "c_kv: rows: expected at least as many as q has");
}

// Adjacent rows: the operand itself, or a copy in `storage`.
ConstRows adjacent(const ConstRows& x, std::vector<float>& storage) {
    if (x.stride == x.cols) return x;
    storage.resize(static_cast<std::size_t>(x.rows * x.cols));
    const Rows copy(storage.data(), x.rows, x.cols);
    for (std::int64_t i = 0; i < x.rows; ++i) std::ranges::copy(x.row(i), copy.row(i).begin());
    return copy;
}

}  // namespace

void latent_attention(const LatentAttentionShape& shape, ConstRows q, ConstRows c_kv, ConstRows k_pe, WeightView w_kv_b,
                      std::int64_t first, Rows out, AttentionForm form, Executor* executor) {
    check(shape, q, c_kv, k_pe, w_kv_b, first, out);
    if (q.rows == 0) return;
    std::vector<float> q_storage, latent_storage, rope_storage;
    q = adjacent(q, q_storage);
    const auto latent = weight_view(adjacent(c_kv, latent_storage));
    const auto rope = weight_view(adjacent(k_pe, rope_storage));
    std::vector<layers::KeyBlock> blocks;
    for (std::int64_t s = 0; s < latent.rows; s += layers::page_tokens) {
        const auto count = std::min(layers::page_tokens, latent.rows - s);
        blocks.push_back({latent.slice_rows(s, count), rope.slice_rows(s, count)});
    }
    const auto workers = executor ? cpu::Workers::on(*executor) : cpu::Workers::caller();
    const auto decoded = ops::is_plain(w_kv_b.dtype) ? 0 : layers::AttentionScratch::decoded_values(shape);
    const auto cut = [&](cpu::Arena& arena) {
        return std::pair(layers::AttentionScratch::cut(arena, shape, q.rows, workers->count()), ops::Scratch::cut(arena, decoded, workers->count()));
    };
    cpu::Arena counting;
    (void)cut(counting);
    cpu::Arena arena(counting.bytes(), *std::pmr::new_delete_resource());
    const auto [scratch, products] = cut(arena);
    const ops::Run run{ops::best_kernels(), *workers};
    layers::attend(run.with(products), shape, form, q, blocks, {w_kv_b, {}, {}}, first, {}, out, scratch);
}

}  // namespace rorqual
