// Latent attention that sees selected tokens only.
#include <catch2/catch.hpp>

#include <algorithm>
#include <numeric>
#include <set>
#include <tuple>

#include "layers/latent_attention.hpp"
#include "layers/picked_keys.hpp"
#include "ops/operands.hpp"
#include "support/effort.hpp"
#include "support/memory.hpp"
#include "tolerance.hpp"

using namespace rorqual;
using layers::page_tokens;
using layers::Selection;
using test::Matrix;

namespace {

constexpr AttentionForm forms[] = {AttentionForm::absorbed, AttentionForm::naive};

// One head or few: a block of rows holds many queries. 70 heads: a query fills more than a block by itself. Widths that int8 can hold.
const LatentAttentionShape shapes[] = {
    {.heads = 3, .kv_lora_rank = 64, .qk_nope_head_dim = 32, .qk_rope_head_dim = 32, .v_head_dim = 24, .softmax_scale = 0.05f},
    {.heads = 70, .kv_lora_rank = 32, .qk_nope_head_dim = 16, .qk_rope_head_dim = 32, .v_head_dim = 16, .softmax_scale = 0.1f},
};

// Queries at positions first …, each with tokens of its own choice.
struct Case {
    LatentAttentionShape shape;
    std::int64_t first, queries, most;
    test::Values values{23};
    Matrix q{queries, shape.heads*(shape.qk_nope_head_dim + shape.qk_rope_head_dim), 0, values};
    Matrix c_kv{first + queries, shape.kv_lora_rank, 0, values};
    Matrix k_pe{first + queries, shape.qk_rope_head_dim, 0, values};
    test::Weights w_kv_b{DType::f32, shape.heads*(shape.qk_nope_head_dim + shape.v_head_dim), shape.kv_lora_rank,
                         values.take(shape.heads*(shape.qk_nope_head_dim + shape.v_head_dim) * shape.kv_lora_rank)};
    std::vector<std::int32_t> tokens = std::vector<std::int32_t>(static_cast<std::size_t>(queries * most));

    Case(const LatentAttentionShape& s, std::int64_t position, std::int64_t count, std::int64_t selected) : shape(s), first(position), queries(count), most(selected) {
        for (std::int64_t t = 0; t < queries; ++t) {
            std::vector<std::int32_t> all(static_cast<std::size_t>(first + t + 1));
            std::iota(all.begin(), all.end(), 0);
            for (std::size_t i = 0; i < all.size(); ++i) std::swap(all[i], all[i + static_cast<std::size_t>((values.next() + 1) / 2 * static_cast<float>(all.size() - i))]);
            const auto n = selection(0).count(first + t);
            std::sort(all.begin(), all.begin() + n);
            std::copy_n(all.begin(), n, tokens.begin() + t * most);
        }
    }
    // That of the queries from `t` on.
    [[nodiscard]] Selection selection(std::int64_t t) const { return {tokens.data() + t * most, most, first + t}; }

    // In pieces of queries, on so many threads, over a cache of that format; or over all tokens.
    std::vector<float> run(AttentionForm form, std::int64_t piece, std::size_t threads = 1, CacheFormat format = CacheFormat::f32, bool fast = false, bool everything = false) {
        test::CountingMemory memory;
        const auto workers = cpu::Workers::pool(threads);
        const auto n = first + queries;
        const auto cut = [&](cpu::Arena& arena) {
            return std::tuple(layers::AttentionScratch::cut(arena, shape, queries, threads, true), ops::Scratch::cut(arena, layers::AttentionScratch::decoded_values(shape), threads),
                              ops::take_room(arena, n, shape.kv_lora_rank), ops::take_room(arena, n, shape.qk_rope_head_dim));
        };
        cpu::Arena counting;
        (void)cut(counting);
        cpu::Arena arena(counting.bytes(), memory);
        const auto [scratch, products, latents, ropes] = cut(arena);
        const auto kernels = ops::choose(cpu::detect());
        const auto ops_run = ops::Run{.kernels = kernels, .workers = *workers, .fast = fast}.with(products);
        layers::LatentCache cache(format, shape.kv_lora_rank, shape.qk_rope_head_dim, memory);
        if (format == CacheFormat::int8) {
            cache.append(ops::quantise(ops_run, c_kv.view(), latents), ops::quantise(ops_run, k_pe.view(), ropes));
        } else {
            cache.append(c_kv.view(), k_pe.view());
        }
        const auto width = shape.heads * shape.v_head_dim;
        std::vector<float> out(static_cast<std::size_t>(queries * width));
        for (std::int64_t t = 0; t < queries; t += piece) {
            const auto count = std::min(piece, queries - t);
            layers::attend(ops_run, shape, form, q.view().slice_rows(t, count), cache.blocks(), {w_kv_b.view(), {}, {}}, first + t, everything ? Selection{} : selection(t),
                           {out.data() + t * width, count, width}, scratch);
        }
        return out;
    }
};

}  // namespace

TEST_CASE("sparse attention gives what dense attention gives over the selected tokens alone", "[layers][mla][sparse]") {
    const auto& shape = GENERATE(from_range(std::begin(shapes), std::end(shapes)));
    const auto form = GENERATE(from_range(std::begin(forms), std::end(forms)));
    Case c(shape, 380, 4, 50);
    const auto got = c.run(form, 4);
    const auto width = shape.heads * shape.v_head_dim;
    double worst = 0, largest = 0;
    for (std::int64_t t = 0; t < c.queries; ++t) {
        const auto seen = c.selection(0).of(c.first + t);
        Matrix c_kv(50, shape.kv_lora_rank), k_pe(50, shape.qk_rope_head_dim), out(1, width);
        for (std::int64_t i = 0; i < 50; ++i) {
            std::ranges::copy(c.c_kv.view().row(seen[static_cast<std::size_t>(i)]), c_kv.view().row(i).begin());
            std::ranges::copy(c.k_pe.view().row(seen[static_cast<std::size_t>(i)]), k_pe.view().row(i).begin());
        }
        latent_attention(shape, c.q.view().slice_rows(t, 1), c_kv.view(), k_pe.view(), c.w_kv_b.view(), 49, out.view(), form);
        for (std::int64_t n = 0; n < width; ++n) {
            worst = std::max(worst, std::abs(double{got[static_cast<std::size_t>(t * width + n)]} - out.at(0, n)));
            largest = std::max(largest, std::abs(double{out.at(0, n)}));
        }
    }
    CHECK(worst <= tolerance::attention_forms() * largest);
    CHECK(c.run(form, 4, 1, CacheFormat::f32, false, true) != got);  // the others would have counted
}

TEST_CASE("sparse attention has the same bits however queries are cut into pieces and on any number of threads", "[layers][mla][sparse][threads]") {
    const auto& shape = GENERATE(from_range(std::begin(shapes), std::end(shapes)));
    const auto form = GENERATE(from_range(std::begin(forms), std::end(forms)));
    // Few of 600, so that single queries touch them alone and blocks of queries the whole pages; and nearly all.
    const std::int64_t most = GENERATE(5, 60, 480);
    const auto format = GENERATE(from_range(test::variants({CacheFormat::f32, CacheFormat::bf16, CacheFormat::int8})));
    for (const bool fast : {false, true}) {
        Case c(shape, 560, 40, most);
        CAPTURE(shape.heads, static_cast<int>(form), most, static_cast<int>(format), fast);
        const auto whole = c.run(form, c.queries, 1, format, fast);
        for (const auto piece : test::variants<std::int64_t>({1, 3, 27})) CHECK(c.run(form, piece, 1, format, fast) == whole);
        CHECK(c.run(form, c.queries, 3, format, fast) == whole);
        CHECK(c.run(form, 1, 3, format, fast) == whole);
    }
}

TEST_CASE("sparse attention to everything has the bits of dense attention", "[layers][mla][sparse]") {
    const auto& shape = GENERATE(from_range(std::begin(shapes), std::end(shapes)));
    const auto form = GENERATE(from_range(std::begin(forms), std::end(forms)));
    Case c(shape, 250, 10, 300);
    CHECK(c.run(form, 10) == c.run(form, 10, 1, CacheFormat::f32, false, true));
}

TEST_CASE("picked keys are the tokens that some row's query selected, and a page of which too many are wanted stays whole", "[layers][mla][sparse]") {
    Case c(shapes[0], 300, 6, 40);
    test::CountingMemory memory;
    layers::LatentCache cache(CacheFormat::f32, c.shape.kv_lora_rank, c.shape.qk_rope_head_dim, memory);
    cache.append(c.c_kv.view(), c.k_pe.view());
    const auto rows = c.queries * c.shape.heads;
    Matrix q_hat(rows, c.shape.kv_lora_rank), q_pe(rows, c.shape.qk_rope_head_dim);
    layers::QueryRows queries{q_hat.view(), q_pe.view(), c.first, c.shape.heads};
    queries.selection = c.selection(0);
    const auto& block = cache.blocks()[1];
    const layers::PageKeys page{block.latent, block.rope, block.latent, page_tokens};
    Matrix latents(page_tokens, c.shape.kv_lora_rank), ropes(page_tokens, c.shape.qk_rope_head_dim);
    layers::PickRoom room{latents.view(), ropes.view(), {}};

    const auto some = queries.slice(4, 7);  // of queries 1, 2 and 3
    std::set<std::int32_t> expected;
    for (std::int64_t t = 1; t <= 3; ++t) {
        for (const auto token : c.selection(0).of(c.first + t)) {
            if (token / page_tokens == 1) expected.insert(token);
        }
    }
    const auto picked = layers::pick(page, some, page_tokens, room);
    REQUIRE(picked.picked);
    CHECK(std::vector<std::int32_t>(picked.tokens.begin(), picked.tokens.end()) == std::vector<std::int32_t>(expected.begin(), expected.end()));
    REQUIRE(picked.content.rows == static_cast<std::int64_t>(expected.size()));
    for (std::size_t i = 0; i < picked.tokens.size(); ++i) {
        CHECK(latents.at(static_cast<std::int64_t>(i), 0) == c.c_kv.at(picked.tokens[i], 0));
        CHECK(ropes.at(static_cast<std::int64_t>(i), 0) == c.k_pe.at(picked.tokens[i], 0));
    }
    CHECK_FALSE(layers::pick(page, some, static_cast<std::int64_t>(expected.size()) - 1, room).picked);
}
