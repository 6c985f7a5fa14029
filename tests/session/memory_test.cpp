#include <vector>

#include <catch2/catch.hpp>

#include "rorqual/session.hpp"
#include "session/fake_network.hpp"
#include "support/memory.hpp"

using namespace rorqual;
using rorqual::test::CountingMemory;
using rorqual::test::each_allocation_fails;
using rorqual::test::FakeModel;

namespace {

std::vector<float> copy(std::span<const float> values) { return {values.begin(), values.end()}; }

}  // namespace

TEST_CASE("a session that cannot be made leaves no memory behind", "[session][memory]") {
    CountingMemory memory;
    const FakeModel fake(true, cpu::Workers::caller(), &memory);
    const std::size_t before = memory.bytes();
    const std::size_t failed = each_allocation_fails(memory, [&] {
        try {
            (void)fake.session();
        } catch (...) {
            CHECK(memory.bytes() == before);
            throw;
        }
    });
    CHECK(failed >= 2);  // buffers and tokens
    CHECK(memory.bytes() == before);
}

TEST_CASE("a page that cannot be allocated leaves the timeline as it was", "[session][memory]") {
    CountingMemory memory;
    const FakeModel fake(GENERATE(false, true), cpu::Workers::caller(), &memory);
    const std::vector<Token> prompt(40, 3);
    const auto expected = fake.fresh(prompt);
    auto session = fake.session(6);
    session.append(std::span(prompt).first(9));
    const std::size_t failed = each_allocation_fails(memory, [&] {
        session.rewind(9);
        try {
            session.append(std::span(prompt).subspan(9));
        } catch (...) {
            CHECK(session.length() == 9);
            throw;
        }
    });
    CHECK(failed >= 4);  // one in each layer at least
    CHECK(copy(session.logits()) == expected);
}

TEST_CASE("a fork that cannot be made leaves its origin as it was", "[session][memory]") {
    CountingMemory memory;
    const FakeModel fake(true, cpu::Workers::caller(), &memory);
    auto session = fake.session();
    session.append(std::vector<Token>(13, 3));
    CHECK(each_allocation_fails(memory, [&] { (void)session.fork(); }) > 4);
    session.append(std::vector<Token>(5, 3));
    CHECK(copy(session.logits()) == fake.fresh(std::vector<Token>(18, 3)));
}

TEST_CASE("forks are independent also where a failed allocation left pages reserved", "[session][memory]") {
    CountingMemory memory;
    const FakeModel fake(false, cpu::Workers::caller(), &memory);
    const std::vector<Token> prompt(8, 3), left(9, 4), right(9, 5);
    for (std::size_t n = 0; n < 12; ++n) {
        auto session = fake.session();
        session.append(prompt);
        memory.fail_after(n);
        try {
            session.append(left);
        } catch (const std::bad_alloc&) {
        }
        memory.never_fail();
        session.rewind(8);
        auto fork = session.fork();
        session.append(left);
        fork.append(right);
        auto expected = prompt;
        expected.insert(expected.end(), left.begin(), left.end());
        session.rewind(16);
        session.append(std::span(left).last(1));
        CHECK(copy(session.logits()) == fake.fresh(expected));
    }
}

TEST_CASE("evaluating allocates nothing but pages", "[session][memory]") {
    CountingMemory memory;
    const FakeModel fake(false, cpu::Workers::caller(), &memory);
    auto session = fake.session();
    session.append(std::vector<Token>(9, 1));
    const std::size_t before = memory.allocations();
    for (int i = 0; i < 7; ++i) session.append(std::vector<Token>(1, 1));  // to the end of the second page
    CHECK(memory.allocations() == before);
    session.append(std::vector<Token>(1, 1));
    CHECK(memory.allocations() > before);
}

TEST_CASE("everything a session took is given back", "[session][memory]") {
    CountingMemory memory;
    {
        const FakeModel fake(true, cpu::Workers::caller(), &memory);
        auto session = fake.session();
        session.append(std::vector<Token>(30, 1));
        auto fork = session.fork();
        session.rewind(3);
        fork.append(std::vector<Token>(3, 1));
        CHECK(memory.bytes() > 0);
    }
    CHECK(memory.bytes() == 0);
}
