#include "layers/latent_cache.hpp"

#include <catch2/catch.hpp>

#include <bit>
#include <cstring>
#include <new>
#include <thread>

#include "ops/decoded.hpp"
#include "ops/operands.hpp"
#include "panels/kernels.hpp"
#include "quant/half.hpp"
#include "support/memory.hpp"
#include "tolerance.hpp"

using namespace rorqual;
using layers::LatentCache;
using layers::page_tokens;
using test::CountingMemory;

namespace {

constexpr std::int64_t kv_lora = 6, rope = 4;

float decoded(const WeightView& plane, std::int64_t row, std::int64_t col) {
    const std::byte* const at = plane.data + row * plane.row_bytes() + col * block_bytes(plane.dtype);
    if (plane.dtype == DType::bf16) {
        std::uint16_t code = 0;
        std::memcpy(&code, at, sizeof code);
        return quant::f32_from_bf16(code);
    }
    float value = 0;
    std::memcpy(&value, at, sizeof value);
    return value;
}

// The value of token s, column i: tells both, and needs more than 8 bits of mantissa.
float latent_of(std::int64_t s, std::int64_t i) { return static_cast<float>(1000 * s + i) + 0.125f; }
float rope_of(std::int64_t s, std::int64_t i) { return -latent_of(s, i); }

// Appends tokens position … position + count − 1, shifted by `mark`, so that timelines can be told apart.
void append(LatentCache& cache, std::int64_t count, float mark = 0) {
    test::Matrix c_kv(count, kv_lora, 3), k_pe(count, rope, 1);
    for (std::int64_t t = 0; t < count; ++t) {
        for (std::int64_t i = 0; i < kv_lora; ++i) c_kv.at(t, i) = latent_of(cache.position() + t, i) + mark;
        for (std::int64_t i = 0; i < rope; ++i) k_pe.at(t, i) = rope_of(cache.position() + t, i) + mark;
    }
    cache.append(c_kv.view(), k_pe.view());
}

// Every token of [first, last) is there as append() wrote it.
bool holds(const LatentCache& cache, std::int64_t first, std::int64_t last, float mark = 0) {
    for (auto s = first; s < last; ++s) {
        const auto& block = cache.blocks()[static_cast<std::size_t>(s / page_tokens)];
        const auto row = s % page_tokens;
        const bool rounded = block.latent.dtype == DType::bf16;
        const auto stored = [&](float x) { return rounded ? quant::f32_from_bf16(quant::bf16_from_f32(x)) : x; };
        for (std::int64_t i = 0; i < kv_lora; ++i) {
            if (decoded(block.latent, row, i) != stored(latent_of(s, i) + mark)) return false;
        }
        for (std::int64_t i = 0; i < rope; ++i) {
            if (decoded(block.rope, row, i) != stored(rope_of(s, i) + mark)) return false;
        }
    }
    return true;
}

std::int64_t rows_in_blocks(const LatentCache& cache) {
    std::int64_t rows = 0;
    for (const auto& block : cache.blocks()) {
        CHECK(block.latent.rows == block.rope.rows);
        rows += block.latent.rows;
    }
    return rows;
}

}  // namespace

TEST_CASE("a latent cache gives back every token, in whatever pieces it came", "[layers][cache]") {
    const auto format = GENERATE(CacheFormat::f32, CacheFormat::bf16);
    const std::int64_t piece = GENERATE(1, 3, 127, 128, 129, 300);
    CountingMemory memory;
    LatentCache cache(format, kv_lora, rope, memory);
    while (cache.position() < 300) append(cache, std::min<std::int64_t>(piece, 300 - cache.position()));
    CHECK(cache.position() == 300);
    CHECK(rows_in_blocks(cache) == 300);
    CHECK(cache.blocks().size() == 3);
    CHECK(holds(cache, 0, 300));
    CHECK(cache.bytes() == 3 * page_tokens * LatentCache::bytes_per_token(format, kv_lora, rope));
}

TEST_CASE("forks of a cache share full pages and never see each other's tokens", "[layers][cache]") {
    const std::int64_t length = GENERATE(1, 127, 128, 129, 200, 256);
    CountingMemory memory;
    LatentCache cache(CacheFormat::f32, kv_lora, rope, memory);
    append(cache, length);
    const auto before = memory.bytes();
    const auto fork = cache.fork();
    auto& twin = dynamic_cast<LatentCache&>(*fork);
    const auto page = page_tokens * LatentCache::bytes_per_token(CacheFormat::f32, kv_lora, rope);
    CHECK(memory.bytes() - before < page);  // lists of pages, no page
    CHECK(twin.position() == length);
    CHECK(holds(twin, 0, length));

    append(cache, 100, 1);
    append(twin, 100, 2);
    CHECK(holds(cache, 0, length));
    CHECK(holds(twin, 0, length));
    CHECK(holds(cache, length, length + 100, 1));
    CHECK(holds(twin, length, length + 100, 2));
}

TEST_CASE("writing into a shared page after a rewind writes into a copy", "[layers][cache]") {
    const std::int64_t cut = GENERATE(0, 1, 100, 127, 128, 150, 255, 256, 300);
    CountingMemory memory;
    LatentCache cache(CacheFormat::f32, kv_lora, rope, memory);
    append(cache, 300);
    const auto fork = cache.fork();
    auto& twin = dynamic_cast<LatentCache&>(*fork);
    CHECK(twin.rewind(cut) == cut);
    CHECK(twin.position() == cut);
    CHECK(rows_in_blocks(twin) == cut);
    append(twin, 150, 3);
    CHECK(holds(cache, 0, 300));
    CHECK(holds(twin, 0, cut));
    CHECK(holds(twin, cut, cut + 150, 3));
}

TEST_CASE("appending allocates nothing after reserve", "[layers][cache]") {
    CountingMemory memory;
    LatentCache cache(CacheFormat::bf16, kv_lora, rope, memory);
    append(cache, 130);
    const auto fork = cache.fork();  // the growing page is shared: reserve has to copy it
    cache.reserve(400);
    const auto allocations = memory.allocations();
    while (cache.position() < 400) append(cache, 27);
    CHECK(memory.allocations() == allocations);
    CHECK(holds(cache, 0, 400));
    CHECK(holds(dynamic_cast<LatentCache&>(*fork), 0, 130));
}

TEST_CASE("a reserve that runs out of memory leaves a cache as it was", "[layers][cache][memory]") {
    CountingMemory memory;
    LatentCache cache(CacheFormat::f32, kv_lora, rope, memory);
    append(cache, 200);
    const auto fork = cache.fork();
    const auto bytes = cache.bytes();
    bool succeeded = false;
    for (std::size_t n = 0; !succeeded && n < 20; ++n) {
        memory.fail_after(n);
        try {
            cache.reserve(1000);
            succeeded = true;
        } catch (const std::bad_alloc&) {
            CHECK(cache.bytes() == bytes);
            CHECK(cache.position() == 200);
            CHECK(holds(cache, 0, 200));
        }
        memory.never_fail();
    }
    CHECK(succeeded);
    append(cache, 800);
    CHECK(holds(cache, 0, 1000));
}

TEST_CASE("caches give all their memory back, whichever of several forks goes first", "[layers][cache][memory]") {
    const bool original_first = GENERATE(false, true);
    CountingMemory memory;
    auto cache = std::make_unique<LatentCache>(CacheFormat::f32, kv_lora, rope, memory);
    append(*cache, 300);
    auto fork = cache->fork();
    if (original_first)
        cache.reset();
    else
        fork.reset();
    CHECK(memory.bytes() > 0);
    cache.reset();
    fork.reset();
    CHECK(memory.bytes() == 0);
}

TEST_CASE("forks may be used and dropped on different threads", "[layers][cache][threads]") {
    CountingMemory memory;
    {
        LatentCache cache(CacheFormat::f32, kv_lora, rope, memory);
        append(cache, 200);
        std::vector<std::unique_ptr<layers::LayerState>> forks;
        for (int i = 0; i < 4; ++i) forks.push_back(cache.fork());
        std::vector<int> right(forks.size());
        std::vector<std::thread> threads;
        for (std::size_t i = 0; i < forks.size(); ++i) {
            threads.emplace_back([&, i] {
                auto& own = dynamic_cast<LatentCache&>(*forks[i]);
                append(own, 100, static_cast<float>(i));
                right[i] = holds(own, 0, 200) && holds(own, 200, 300, static_cast<float>(i));
                forks[i].reset();
            });
        }
        append(cache, 100, 9);
        for (auto& thread : threads) thread.join();
        CHECK(std::ranges::count(right, 1) == 4);
        CHECK(holds(cache, 0, 200));
        CHECK(holds(cache, 200, 300, 9));
    }
    CHECK(memory.bytes() == 0);
}

TEST_CASE("a bf16 cache takes half the bytes of an f32 cache and rounds to nearest even", "[layers][cache]") {
    CHECK(2 * LatentCache::bytes_per_token(CacheFormat::bf16, 512, 64) == LatentCache::bytes_per_token(CacheFormat::f32, 512, 64));
    CountingMemory memory;
    LatentCache cache(CacheFormat::bf16, 4, 2, memory);
    std::vector<float> latent{1 + 0x1p-8f, 1 + 0x3p-8f, 1 + 0x1.8p-8f, -0x1.fffffep127f}, k_pe{0.0f, -0.0f};
    cache.append({latent.data(), 1, 4}, {k_pe.data(), 1, 2});
    const auto& block = cache.blocks().front();
    CHECK(decoded(block.latent, 0, 0) == 1);  // ties go to the even neighbour
    CHECK(decoded(block.latent, 0, 1) == 1 + 0x4p-8f);
    CHECK(decoded(block.latent, 0, 2) == 1 + 0x2p-8f);
    CHECK(decoded(block.latent, 0, 3) == -std::numeric_limits<float>::infinity());
    CHECK(std::signbit(decoded(block.rope, 0, 1)));
}

TEST_CASE("an int8 cache holds tokens to half a step of their scales, through rewinding and forking", "[layers][cache][int8]") {
    constexpr std::int64_t latent_width = 288, rope_width = 32;
    CHECK(LatentCache::has_int8(latent_width, rope_width));
    CHECK_FALSE(LatentCache::has_int8(latent_width, 16));
    CHECK(LatentCache::bytes_per_token(CacheFormat::int8, 512, 64) == 512 + 64 + 3 * sizeof(float));
    CountingMemory memory;
    LatentCache cache(CacheFormat::int8, latent_width, rope_width, memory);
    cpu::Arena counting;
    const auto cut = [](cpu::Arena& arena) { return std::pair(panels::QuantisedRows::take(arena, 1, latent_width), panels::QuantisedRows::take(arena, 1, rope_width)); };
    (void)cut(counting);
    cpu::Arena arena(counting.bytes(), memory);
    const auto rooms = cut(arena);
    const panels::QuantisedRows latent_room = rooms.first, rope_room = rooms.second;
    const auto append_one = [&](LatentCache& to, float mark) {
        test::Matrix c_kv(1, latent_width), k_pe(1, rope_width);
        for (std::int64_t i = 0; i < latent_width; ++i) c_kv.at(0, i) = mark * static_cast<float>(i % 13 - 6);
        for (std::int64_t i = 0; i < rope_width; ++i) k_pe.at(0, i) = mark * static_cast<float>(i % 7 - 3);
        panels::quantise_portable(c_kv.view(), 0, 1, latent_room);
        panels::quantise_portable(k_pe.view(), 0, 1, rope_room);
        to.append(latent_room, rope_room);
    };
    const auto holds_mark = [&](const LatentCache& in, std::int64_t s, float mark) {
        const auto& block = in.blocks()[static_cast<std::size_t>(s / page_tokens)];
        std::vector<float> latents(static_cast<std::size_t>(block.latent.rows * latent_width)), keys(static_cast<std::size_t>(block.rope.rows * rope_width));
        ops::decode_rows(block.latent, 0, block.latent.rows, latents.data());
        ops::decode_rows(block.rope, 0, block.rope.rows, keys.data());
        const auto row = s % page_tokens;
        const double half_step = 6.0 * std::abs(mark) * (1.0 / 254 + tolerance::f32_units(4));
        bool right = block.is_int8();
        for (std::int64_t i = 0; i < latent_width; ++i) {
            right = right && std::abs(double{latents[static_cast<std::size_t>(row * latent_width + i)]} - mark * static_cast<float>(i % 13 - 6)) <= half_step;
        }
        for (std::int64_t i = 0; i < rope_width; ++i) {
            right = right && std::abs(double{keys[static_cast<std::size_t>(row * rope_width + i)]} - mark * static_cast<float>(i % 7 - 3)) <= half_step;
        }
        return right;
    };
    for (int s = 0; s < 200; ++s) append_one(cache, static_cast<float>(s + 1));
    for (const int s : {0, 15, 16, 127, 128, 199}) CHECK(holds_mark(cache, s, static_cast<float>(s + 1)));
    auto fork = cache.fork();
    auto& twin = dynamic_cast<LatentCache&>(*fork);
    CHECK(twin.format() == CacheFormat::int8);
    CHECK(cache.rewind(130) == 130);
    append_one(cache, 500);
    append_one(twin, 900);
    CHECK(holds_mark(cache, 129, 130));
    CHECK(holds_mark(cache, 130, 500));
    CHECK(holds_mark(twin, 130, 131));
    CHECK(holds_mark(twin, 200, 900));
    CHECK(holds_mark(twin, 5, 6));
}
