// Several sessions in one evaluation.
#include <algorithm>
#include <exception>
#include <random>
#include <stdexcept>
#include <vector>

#include <catch2/catch.hpp>

#include "families/golden_run.hpp"
#include "rorqual/session.hpp"
#include "session/fake_network.hpp"
#include "support/effort.hpp"
#include "support/golden.hpp"
#include "support/outcome.hpp"

using namespace rorqual;
using rorqual::test::FakeModel;
using rorqual::test::outcome_of;

namespace {

const std::filesystem::path checkpoints = std::filesystem::path(RQ_SOURCE_DIR) / "tests/data/checkpoints";

std::vector<float> copy(std::span<const float> values) { return {values.begin(), values.end()}; }

using Failures = std::vector<std::exception_ptr>;

Failures evaluate(std::vector<Session>& sessions) {
    std::vector<Session*> batch;
    for (auto& session : sessions) batch.push_back(&session);
    Failures failures(batch.size());
    Session::evaluate_batch(batch, failures);
    return failures;
}

Status status_of(const std::exception_ptr& failure) {
    if (!failure) return Status::ok;
    return outcome_of([&] { std::rethrow_exception(failure); }).status;
}

/// Sessions whose last token is not evaluated: each was rewound to its own length.
std::vector<Session> standing_before_last(const FakeModel& fake, std::initializer_list<Token> firsts) {
    std::vector<Session> sessions;
    for (const Token first : firsts) {
        sessions.push_back(fake.session());
        std::vector<Token> tokens;
        for (Token t = 0; t < 6 + first % 3; ++t) tokens.push_back((first * 7 + t) % 50);
        sessions.back().append(tokens);
        sessions.back().rewind(tokens.size() - 2);
    }
    return sessions;
}

/// Greedy tokens of sessions that are evaluated together before each.
std::vector<std::vector<Token>> written_together(std::vector<Session>& sessions, std::size_t count) {
    std::vector<Generation> generations;
    for (auto& session : sessions) generations.push_back(session.generate({.limit = count, .ignore_eos = true}));
    std::vector<std::vector<Token>> written(sessions.size());
    for (std::size_t step = 0; step < count; ++step) {
        for (const auto& failure : evaluate(sessions)) REQUIRE(failure == nullptr);
        for (std::size_t i = 0; i < sessions.size(); ++i) written[i].push_back(generations[i].next()->token);
    }
    return written;
}

std::vector<Token> written_alone(Session& session, std::size_t count) {
    std::vector<Token> written;
    auto generation = session.generate({.limit = count, .ignore_eos = true});
    while (const auto piece = generation.next()) written.push_back(piece->token);
    return written;
}

}  // namespace

TEST_CASE("a batch evaluates the last token of every session, each in its own timeline", "[session][batch]") {
    const bool rolling = GENERATE(false, true);
    const FakeModel fake(rolling);
    auto sessions = standing_before_last(fake, {1, 2, 3, 4, 5});
    sessions.push_back(fake.session());
    sessions.back().append(std::vector<Token>{7, 8});  // has its logits already
    for (const auto& failure : evaluate(sessions)) CHECK(failure == nullptr);
    const auto before = fake.network->evaluated.load();
    for (auto& session : sessions) CHECK(copy(session.logits()) == fake.fresh(session.tokens()));
    std::size_t lengths = 0;
    for (const auto& session : sessions) lengths += session.length();
    CHECK(fake.network->evaluated.load() - before == lengths);  // by the fresh sessions alone
}

TEST_CASE("a batch of more sessions than one evaluation takes is evaluated all the same", "[session][batch]") {
    const FakeModel fake;
    std::vector<Session> sessions;
    for (Token i = 0; i < 40; ++i) {
        sessions.push_back(fake.session(i % 2 == 0 ? 3 : 100, 20 + i));  // of small pieces, of other contexts
        sessions.back().append(std::vector<Token>{i, 1, i});
        sessions.back().rewind(2);
    }
    for (const auto& failure : evaluate(sessions)) CHECK(failure == nullptr);
    for (auto& session : sessions) CHECK(copy(session.logits()) == fake.fresh(session.tokens()));
}

TEST_CASE("a batch writes what each of its sessions writes alone, to the bit", "[session][batch]") {
    const auto mode = GENERATE(from_range(test::variants({Mode::exact, Mode::fast})));
    for (const auto& folder : test::reference_checkpoints()) {
        CAPTURE(folder.filename().string(), mode);
        const test::Golden golden(folder / "golden.safetensors");
        const auto model = Model::open(Source::path(folder), {.threads = 2});
        const SessionOptions options{.context = 300, .mode = mode};
        std::vector<Session> together, alone;
        for (const char* const prompt : {"input_ids.0", "input_ids.1", "input_ids.2"}) {
            for (auto* const sessions : {&together, &alone}) {
                sessions->push_back(model->session(options));
                sessions->back().append(golden.tokens(prompt));
            }
        }
        const auto written = written_together(together, 5);
        for (std::size_t i = 0; i < alone.size(); ++i) {
            CHECK(written[i] == written_alone(alone[i], 5));
            CHECK(copy(together[i].logits()) == copy(alone[i].logits()));
        }
    }
}

TEST_CASE("in a batch, guesses go on and come true as they do alone", "[session][batch][mtp]") {
    const auto folder = checkpoints / "v3";
    const test::Golden golden(folder / "golden.safetensors");
    const auto model = Model::open(Source::path(folder), {.threads = 2});
    std::vector<Session> together;
    for (const auto drafting : {Drafting::head, Drafting::none, Drafting::head, Drafting::lookup}) together.push_back(model->session({.drafting = drafting}));
    for (auto& session : together) session.append(golden.tokens("input_ids.1"));
    auto alone = model->session();
    alone.append(golden.tokens("input_ids.1"));
    const auto expected = written_alone(alone, 12);
    for (const auto& written : written_together(together, 8)) CHECK(written == std::vector<Token>(expected.begin(), expected.begin() + 8));
    const std::vector<Token> rest(expected.begin() + 8, expected.end());
    for (auto& session : together) CHECK(written_alone(session, 4) == rest);  // the head has followed
}

TEST_CASE("sessions of several models and modes can stand in one batch", "[session][batch]") {
    const FakeModel one, other;
    std::vector<Session> sessions;
    for (const auto* const fake : {&one, &other, &one, &other}) {
        sessions.push_back(fake->model->session({.mode = sessions.size() == 2 ? Mode::fast : Mode::exact}));
        sessions.back().append(std::vector<Token>{3, 4, static_cast<Token>(sessions.size())});
        sessions.back().rewind(2);
    }
    for (const auto& failure : evaluate(sessions)) CHECK(failure == nullptr);
    for (auto& session : sessions) CHECK(copy(session.logits()) == one.fresh(session.tokens()));
}

TEST_CASE("a cancelled session of a batch is as it was, and the others take no notice", "[session][batch]") {
    const bool before = GENERATE(true, false);
    CAPTURE(before);
    const FakeModel fake;
    auto sessions = standing_before_last(fake, {1, 2, 3});
    if (before) sessions[1].cancel();
    fake.network->on_step = [&] {
        if (!before) sessions[1].cancel();
    };
    const auto failures = evaluate(sessions);
    fake.network->on_step = nullptr;
    CHECK(status_of(failures[0]) == Status::ok);
    CHECK(status_of(failures[1]) == Status::cancelled);
    CHECK(status_of(failures[2]) == Status::ok);
    for (auto& session : sessions) CHECK(copy(session.logits()) == fake.fresh(session.tokens()));  // once, not for ever
}

TEST_CASE("what goes wrong while a batch computes is told to each session, and all are as they were", "[session][batch]") {
    const bool rolling = GENERATE(false, true);
    const FakeModel fake(rolling);
    for (int steps = 0; steps < 12; ++steps) {
        auto sessions = standing_before_last(fake, {1, 2, 3});
        fake.network->on_step = [left = steps]() mutable {
            if (left-- == 0) throw std::runtime_error("no more");
        };
        const auto failures = evaluate(sessions);
        fake.network->on_step = nullptr;
        for (std::size_t i = 0; i < 3; ++i) {
            if (failures[i]) CHECK_THROWS_WITH(std::rethrow_exception(failures[i]), "no more");
            CHECK(copy(sessions[i].logits()) == fake.fresh(sessions[i].tokens()));
        }
    }
}

TEST_CASE("a batch that makes no sense is refused before anything is evaluated", "[session][batch]") {
    const FakeModel fake;
    auto sessions = standing_before_last(fake, {1, 2});
    auto empty = fake.session();
    const auto before = fake.network->evaluated.load();
    const auto refused = [&](std::vector<Session*> batch, std::size_t places, Status status, const char* word) {
        Failures failures(places);
        const auto outcome = outcome_of([&] { Session::evaluate_batch(batch, failures); });
        CAPTURE(outcome.line);
        CHECK(outcome.status == status);
        CHECK(outcome.says(word));
    };
    refused({&sessions[0], nullptr}, 2, Status::invalid_argument, "sessions[1]: null");
    refused({&sessions[0], &sessions[1], &sessions[0]}, 3, Status::invalid_argument, "sessions[2]: stands twice");
    refused({&sessions[0], &empty}, 2, Status::wrong_state, "sessions[1]: an empty timeline");
    refused({&sessions[0]}, 2, Status::invalid_argument, "failures: 2 places, expected 1");
    CHECK(fake.network->evaluated.load() == before);
    Session::evaluate_batch({}, {});
}

TEST_CASE("a step in a batch counts as a decoded token of each session", "[session][batch]") {
    const FakeModel fake;
    auto sessions = standing_before_last(fake, {1, 2});
    const auto before = sessions[0].metrics();
    (void)evaluate(sessions);
    const auto after = sessions[0].metrics();
    CHECK(after.decode_tokens == before.decode_tokens + 1);
    CHECK(after.decode_seconds > before.decode_seconds);
    CHECK(after.prefill_tokens == before.prefill_tokens);
}
