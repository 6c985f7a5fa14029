// A program of its own, because it replaces the global operator new: every allocation of the library fails in turn.

// GCC inlines the replaced delete into code whose new it has not inlined, and takes the free() there for a mistake.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

#include <vector>

#include <catch2/catch.hpp>

#include "rorqual/session.hpp"
#include "session/fake_network.hpp"
#include "support/failing_new.hpp"

using namespace rorqual;
using rorqual::test::FailingNew;
using rorqual::test::FakeModel;

namespace {

/// Calls with memory for 0, 1, 2, … allocations, until that is enough; `after` sees to each failure. Returns how many there were.
template <class Call, class After>
long each_allocation_fails(Call&& call, After&& after) {
    for (long left = 0;; ++left) {
        bool thrown = false;
        try {
            const FailingNew failing(left);
            call();
        } catch (const std::bad_alloc&) {
            thrown = true;
        }
        REQUIRE(thrown == FailingNew::happened());
        if (!thrown) return left;
        after();
    }
}

std::vector<float> copy(std::span<const float> values) { return {values.begin(), values.end()}; }

}  // namespace

TEST_CASE("append, sync, rewind and logits survive each allocation failing in turn", "[session][memory]") {
    const FakeModel fake(GENERATE(false, true));
    const std::vector<Token> first(11, 3);
    std::vector<Token> prompt(first);
    prompt.resize(35, 4);
    const auto expected = fake.fresh(prompt), expected_first = fake.fresh(first);
    auto session = fake.session(6);
    session.append(first);
    std::vector<float> logits;
    logits.reserve(expected.size());
    const long failures = each_allocation_fails(
        [&] {
            session.rewind(11);
            session.append(std::span(prompt).subspan(11));
            session.sync(first);
            session.sync(prompt);
            const auto now = session.logits();
            logits.assign(now.begin(), now.end());
        },
        [&] {
            session.sync(first);
            CHECK(copy(session.logits()) == expected_first);
        });
    CHECK(failures > 0);
    CHECK(logits == expected);
}

TEST_CASE("making and forking a session survives each allocation failing in turn", "[session][memory]") {
    const FakeModel fake(GENERATE(false, true));
    auto origin = fake.session(6);
    origin.append(std::vector<Token>(13, 3));
    const auto expected = copy(origin.logits());
    CHECK(each_allocation_fails([&] { (void)fake.session(6); }, [] {}) > 4);
    CHECK(each_allocation_fails([&] { (void)origin.fork(); }, [&] { CHECK(copy(origin.logits()) == expected); }) > 4);
}

TEST_CASE("a generation survives each allocation failing in turn and tells the same tokens", "[session][memory]") {
    const FakeModel fake(GENERATE(false, true));
    const GenerateOptions options{.sampling = {.temperature = 1, .repetition_penalty = 1.1f, .seed = 4}, .limit = 40, .ignore_eos = true};
    std::vector<Token> expected;
    {
        auto session = fake.session();
        session.append(std::vector<Token>(3, 3));
        for (auto generation = session.generate(options); const auto piece = generation.next();) expected.push_back(piece->token);
    }
    auto session = fake.session();
    session.append(std::vector<Token>(3, 3));
    std::optional<Generation> generation;
    CHECK(each_allocation_fails([&] { generation.emplace(session.generate(options)); }, [] {}) > 2);
    std::vector<Token> told;
    told.reserve(40);
    bool more = true;
    while (more) {
        each_allocation_fails(
            [&] {
                const auto piece = generation->next();
                more = piece.has_value();
                if (more) told.push_back(piece->token);
            },
            [&] { CHECK(session.length() == 3 + told.size()); });
    }
    CHECK(told == expected);
}
