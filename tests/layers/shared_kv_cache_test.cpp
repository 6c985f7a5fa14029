#include "layers/shared_kv_cache.hpp"

#include <catch2/catch.hpp>

#include <bit>
#include <random>

#include "layers/row_format.hpp"
#include "support/memory.hpp"

using namespace rorqual;
using layers::page_tokens;
using layers::SharedKvCache;
using layers::SharedKvSizes;
using test::CountingMemory;

namespace {

constexpr SharedKvSizes sparse{.window = 9, .width = 6, .rope = 2, .ratio = 4, .waiting_width = 8, .lookback = 4, .index_width = 4, .index_waiting_width = 5};
constexpr SharedKvSizes heavy{.window = 130, .width = 6, .rope = 2, .ratio = 128, .waiting_width = 4};
constexpr SharedKvSizes plain{.window = 1, .width = 6, .rope = 2};

// What the token at `position` leaves, told apart by `kind` and `mark`.
float value_of(std::int64_t position, std::int64_t i, int kind, float mark) { return static_cast<float>(100 * position + 10 * kind + i) + mark; }

void fill(Rows rows, std::int64_t position, int kind, float mark) {
    for (std::int64_t t = 0; t < rows.rows; ++t) {
        for (std::int64_t i = 0; i < rows.cols; ++i) rows.row(t)[static_cast<std::size_t>(i)] = value_of(position + t, i, kind, mark);
    }
}

// Do the rows hold what was left, as `format` rounds it?
bool is_filled(ConstRows rows, std::int64_t position, int kind, const std::vector<float>& marks, const layers::RowFormat& format) {
    std::vector<float> expected(static_cast<std::size_t>(rows.cols));
    std::vector<std::byte> stored(static_cast<std::size_t>(format.bytes()));
    for (std::int64_t t = 0; t < rows.rows; ++t) {
        fill({expected.data(), 1, rows.cols}, position + t, kind, marks[static_cast<std::size_t>(position + t)]);
        format.store(expected, stored.data());
        format.load(stored.data(), expected);
        if (!std::ranges::equal(rows.row(t), expected)) return false;
    }
    return true;
}

// A cache and what it ought to hold: a mark for every token, and of every entry that of its last token.
struct Timeline {
    SharedKvSizes sizes;
    std::unique_ptr<SharedKvCache> cache;
    std::vector<float> marks;
    CacheFormat format;

    void append(std::int64_t count, float mark) {
        cache->reserve(cache->position() + count);
        for (std::int64_t part; count > 0; count -= part) {
            part = cache->begin(count);
            const auto position = cache->position();
            marks.resize(static_cast<std::size_t>(position + part), mark);
            for (std::int64_t t = 0; t < part; ++t) {
                std::vector<float> key(6);
                fill({key.data(), 1, 6}, position + t, 0, mark);
                cache->put_key(position + t, key);
            }
            if (sizes.ratio > 0) fill(cache->waiting(position, part), position, 1, mark);
            if (sizes.has_index()) fill(cache->index_waiting(position, part), position, 2, mark);
            for (auto w = sizes.ratio > 0 ? position / sizes.ratio : 0; sizes.ratio > 0 && w < (position + part) / sizes.ratio; ++w) {
                std::vector<float> entry(6), key(4);
                fill({entry.data(), 1, 6}, w, 3, mark);
                cache->put_entry(w, entry);
                fill({key.data(), 1, 4}, w, 4, mark);
                if (sizes.has_index()) cache->put_index_key(w, key);
            }
            REQUIRE(holds(position + part));  // as a query at the last of them would look
            cache->advance(part);
        }
    }
    void rewind(std::int64_t position) { marks.resize(static_cast<std::size_t>(cache->rewind(position))); }

    // All that a query at the last of `end` tokens sees.
    [[nodiscard]] bool holds(std::int64_t end) const {
        const auto first = std::max<std::int64_t>(end - sizes.window, 0);
        std::vector<float> room(static_cast<std::size_t>((end - first) * 6)), entry(6), index(4);
        const auto key_format = layers::RowFormat::of_keys(format, 6, 2), index_format = layers::RowFormat::of_index_keys(format, 4);
        const auto waiting_format = [](std::int64_t width) { return layers::RowFormat::of_keys(CacheFormat::f32, width, 0); };
        bool good = is_filled(cache->get_keys(first, {room.data(), end - first, 6}), first, 0, marks, key_format);
        if (sizes.ratio == 0) return good;
        const auto open = std::max<std::int64_t>((end - 1) / sizes.ratio * sizes.ratio - sizes.lookback, 0);
        good = good && is_filled(cache->waiting(open, end - open), open, 1, marks, waiting_format(sizes.waiting_width));
        if (sizes.has_index()) good = good && is_filled(cache->index_waiting(open, end - open), open, 2, marks, waiting_format(sizes.index_waiting_width));
        for (std::int64_t w = 0; w < cache->visible_entries(end - 1); ++w) {
            const std::vector<float> mark(static_cast<std::size_t>(w + 1), marks[static_cast<std::size_t>((w + 1) * sizes.ratio - 1)]);
            cache->get_entry(w, entry);
            good = good && is_filled({entry.data(), 1, 6}, w, 3, mark, key_format);
            if (!sizes.has_index()) continue;
            cache->get_index_key(w, index);
            good = good && is_filled({index.data(), 1, 4}, w, 4, mark, index_format);
        }
        return good;
    }
};

Timeline timeline(const SharedKvSizes& sizes, std::pmr::memory_resource& memory, CacheFormat format = CacheFormat::f32) {
    return {sizes, std::make_unique<SharedKvCache>(format, sizes, memory), {}, format};
}

}  // namespace

TEST_CASE("a shared key-value cache shows every query its window, open windows and entries, through any appending, rewinding and forking", "[layers][cache]") {
    const auto sizes = GENERATE(sparse, heavy, plain);
    const auto format = GENERATE(CacheFormat::f32, CacheFormat::bf16, CacheFormat::compact);
    CountingMemory memory;
    std::mt19937 random(1);
    {
        std::vector<Timeline> all;
        all.push_back(timeline(sizes, memory, format));
        for (int i = 0; i < 400; ++i) {
            auto& at = all[random() % all.size()];
            const auto length = at.cache->position();
            switch (random() % 4) {
                case 0: at.append(1 + static_cast<std::int64_t>(random() % 300), static_cast<float>(i % 8) / 8); break;
                case 1: at.append(1 + static_cast<std::int64_t>(random() % 5), static_cast<float>(i % 8) / 8); break;
                case 2: {
                    const auto to = random() % 2 == 0 ? std::max<std::int64_t>(length - static_cast<std::int64_t>(random() % 9), 0) : static_cast<std::int64_t>(random()) % (length + 1);
                    at.rewind(to);
                    CHECK(at.cache->position() <= to);
                    CHECK(to - at.cache->position() < 2 * (length - to) + page_tokens + 1);
                    break;
                }
                default: {
                    auto copy = at.cache->fork();
                    Timeline fork{sizes, std::unique_ptr<SharedKvCache>(static_cast<SharedKvCache*>(copy.release())), at.marks, at.format};
                    if (all.size() < 4)
                        all.push_back(std::move(fork));
                    else
                        all[random() % all.size()] = std::move(fork);
                }
            }
        }
    }
    CHECK(memory.bytes() == 0);
}

TEST_CASE("a shared key-value cache takes the bytes it tells, with as many snapshots as the pages behind have binary digits", "[layers][cache]") {
    const auto format = GENERATE(CacheFormat::f32, CacheFormat::bf16, CacheFormat::compact);
    for (const auto& sizes : {sparse, heavy, plain}) {
        CountingMemory memory;
        auto one = timeline(sizes, memory);
        one.cache = std::make_unique<SharedKvCache>(format, sizes, memory);
        CHECK(one.cache->bytes() == 0);
        std::mt19937 random(4);
        for (std::int64_t position = 0; position < 3000;) {
            const auto count = 1 + static_cast<std::int64_t>(random() % 200);
            one.cache->reserve(position + count);
            for (std::int64_t left = count; left > 0;) {
                const auto part = one.cache->begin(left);
                one.cache->advance(part);
                left -= part;
            }
            position += count;
            CHECK(one.cache->bytes() == SharedKvCache::bytes_at(format, sizes, position));
        }
    }
    const auto grown = [](std::int64_t pages) { return SharedKvCache::bytes_at(CacheFormat::f32, plain, pages * page_tokens); };
    CHECK(grown(100) == grown(2));  // a window of one token leaves nothing behind
}

TEST_CASE("a long text that is given up halfway can be gone back in as one that was to be no longer", "[layers][cache]") {
    CountingMemory memory;
    auto one = timeline(sparse, memory);
    one.append(100, 0);
    for (const std::int64_t end : {1000, 1700, 2000, 4003}) {
        one.cache->reserve(100'000);
        while (one.cache->position() < end) {
            const auto part = one.cache->begin(end - one.cache->position());
            one.cache->advance(part);
        }
        auto fork = one.cache->fork();
        const auto stands = fork->rewind(end - 140);
        CHECK(stands > end - 140 - (2 * 140 + page_tokens));
        CHECK(one.cache->rewind(end) == end);
        CHECK(one.cache->bytes() == SharedKvCache::bytes_at(CacheFormat::f32, sparse, end));
    }
}

TEST_CASE("a shared key-value cache whose memory ends in reserve() is what it was", "[layers][cache][memory]") {
    CountingMemory memory;
    auto one = timeline(sparse, memory);
    one.append(200, 0);
    auto twin = one.cache->fork();
    const auto before = memory.bytes();
    for (std::size_t left = 0;; ++left) {
        memory.fail_after(left);
        bool thrown = false;
        try {
            one.cache->reserve(900);
        } catch (const std::bad_alloc&) {
            thrown = true;
        }
        memory.never_fail();
        CHECK(one.holds(200));
        if (!thrown) break;
    }
    CHECK(memory.bytes() > before);
    one.append(700, 0.5f);
    CHECK(one.holds(900));
}
