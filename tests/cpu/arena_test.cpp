#include <catch2/catch.hpp>

#include <cstdint>
#include <limits>

#include "cpu/arena.hpp"
#include "support/outcome.hpp"

using namespace rorqual;
using cpu::Arena;

namespace {

/// Remembers what is out, and can be told to fail.
class Counted : public std::pmr::memory_resource {
 public:
    std::size_t out = 0;
    bool empty = false;

 private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
        if (empty) throw std::bad_alloc();
        out += bytes;
        return std::pmr::new_delete_resource()->allocate(bytes, alignment);
    }
    void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
        out -= bytes;
        std::pmr::new_delete_resource()->deallocate(p, bytes, alignment);
    }
    bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
};

void take_three(Arena& arena, std::vector<void*>& taken) {
    taken.push_back(arena.take<float>(3).data());
    taken.push_back(arena.take<std::int32_t>(17).data());
    taken.push_back(arena.take_rows(5, 7).data);
}

}  // namespace

TEST_CASE("an arena without memory counts the bytes that the same calls need with it", "[cpu][arena]") {
    Arena counting;
    std::vector<void*> none, some;
    take_three(counting, none);
    CHECK(none == std::vector<void*>(3, nullptr));
    CHECK(counting.bytes() == 64 + 128 + 192);  // 12, 68 and 140 bytes, each rounded up to 64

    Counted memory;
    {
        Arena arena(counting.bytes(), memory);
        take_three(arena, some);
        CHECK(arena.bytes() == counting.bytes());
        for (void* p : some) CHECK(reinterpret_cast<std::uintptr_t>(p) % 64 == 0);
        CHECK(static_cast<std::byte*>(some[2]) - static_cast<std::byte*>(some[0]) == 192);
        const Arena moved(std::move(arena));
        CHECK(memory.out == counting.bytes());
    }
    CHECK(memory.out == 0);
}

TEST_CASE("an arena refuses more than it holds, negative counts and sizes beyond the address space", "[cpu][arena][hostile]") {
    Counted memory;
    Arena arena(64, memory);
    CHECK(test::outcome_of([&] { arena.take<float>(17); }).status == Status::internal);
    CHECK(arena.bytes() == 0);
    Arena counting;
    const auto most = std::numeric_limits<std::int64_t>::max();
    CHECK(test::outcome_of([&] { counting.take<double>(-1); }).status == Status::no_memory);
    CHECK(test::outcome_of([&] { counting.take<double>(most); }).status == Status::no_memory);
    CHECK(test::outcome_of([&] { counting.take_rows(most / 2, 3); }).status == Status::no_memory);
    CHECK(counting.bytes() == 0);
    counting.take<char>(most);
    CHECK(test::outcome_of([&] { counting.take<char>(most); counting.take<char>(most); }).status == Status::no_memory);
}

TEST_CASE("an arena whose memory is refused holds nothing", "[cpu][arena][hostile]") {
    Counted memory;
    memory.empty = true;
    CHECK_THROWS_AS(Arena(64, memory), std::bad_alloc);
    CHECK(memory.out == 0);
}
