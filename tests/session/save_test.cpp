// Saved sessions: what comes back is what was, to the bit, or nothing.
#include <catch2/catch.hpp>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "families/golden_run.hpp"
#include "rorqual/session.hpp"
#include "session/fake_network.hpp"
#include "support/gguf_model.hpp"
#include "support/memory.hpp"
#include "support/outcome.hpp"
#include "support/temp_folder.hpp"

using namespace rorqual;
using test::TempFolder;

namespace {

const std::filesystem::path checkpoints = std::filesystem::path(RQ_SOURCE_DIR) / "tests/data/checkpoints";
const std::filesystem::path tale = std::filesystem::path(RQ_SOURCE_DIR) / "examples/models/tale";

std::vector<Token> tokens_of(std::size_t count, Token vocab, std::uint32_t seed = 1) {
    std::vector<Token> tokens(count);
    for (auto& token : tokens) token = static_cast<Token>((seed = seed * 1664525 + 1013904223) >> 8) % vocab;
    return tokens;
}

std::string contents(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// What a session is to its user: its tokens, their logits, and what it makes of more.
struct Seen {
    std::vector<Token> tokens;
    std::vector<float> logits, further;
    friend bool operator==(const Seen&, const Seen&) = default;
};

Seen look_at(Session session) {
    Seen seen;
    seen.tokens.assign(session.tokens().begin(), session.tokens().end());
    const auto vocab = session.model()->geometry().vocab_size;
    if (session.length() > 0) {
        const auto logits = session.logits();
        seen.logits.assign(logits.begin(), logits.end());
    }
    const auto more = tokens_of(std::min<std::size_t>(20, session.capacity() - session.length()), static_cast<Token>(vocab), 77);
    seen.further.resize(more.size() * static_cast<std::size_t>(vocab));
    session.append(more, seen.further);
    return seen;
}

struct Case {
    std::filesystem::path model;
    SessionOptions options;
};

}  // namespace

TEST_CASE("a saved session comes back to the bit, in every family, mode and cache and at every kind of length", "[session][save]") {
    const TempFolder folder;
    auto quantised = test::gguf_of(tale);
    quantised.encode(DType::q8_0);
    const auto gguf = folder.write("tale.gguf", quantised.file());
    const Case cases[] = {
        {checkpoints / "v2-f16", {}},
        {checkpoints / "v2-bf16-shards", {.cache = CacheFormat::bf16}},
        {checkpoints / "v2-group-limited", {.mode = Mode::exact, .reproducible = false}},
        {checkpoints / "v3", {.drafting = Drafting::lookup}},
        {checkpoints / "v3", {.drafting = Drafting::head}},
        {checkpoints / "v31-fp8-e8m0", {.mode = Mode::fast}},
        {checkpoints / "v32", {}},
        {checkpoints / "v4", {}},
        {checkpoints / "v4", {.cache = CacheFormat::bf16, .mode = Mode::fast}},
        {checkpoints / "v4", {.cache = CacheFormat::compact}},
        {gguf, {}},
    };
    for (const auto& [path, given] : cases) {
        const auto model = Model::open(Source::path(path), {.threads = 2});
        auto options = given;
        options.context = 300;
        for (const std::size_t length : {0, 1, 2, 127, 128, 129, 256, 270}) {
            CAPTURE(path.filename(), length);
            auto session = model->session(options);
            session.append(tokens_of(length, static_cast<Token>(model->geometry().vocab_size)));
            session.save(folder.path() / "saved");
            auto back = model->session(options);
            back.append(tokens_of(33, 50, 9));  // forgotten
            back.load(Source::path(folder.path() / "saved"));
            CHECK(back.metrics().cache_bytes == session.metrics().cache_bytes);
            CHECK(look_at(back.fork()) == look_at(session.fork()));
            back.save(folder.path() / "again");
            CHECK(contents(folder.path() / "again") == contents(folder.path() / "saved"));
        }
    }
}

TEST_CASE("a session saved amid a generation goes on with the same tokens", "[session][save]") {
    const TempFolder folder;
    const auto model = Model::open(Source::path(checkpoints / "v3"));
    for (const Drafting drafting : {Drafting::none, Drafting::lookup, Drafting::head}) {
        auto session = model->session({.drafting = drafting});
        session.append(tokens_of(30, 320));
        const GenerateOptions options{.sampling = {.temperature = 0.5f, .seed = 3}, .limit = 12, .ignore_eos = true};
        const auto write = [&](Session& in) {
            auto generation = in.generate(options);
            while (generation.next()) {
            }
        };
        write(session);
        session.save(folder.path() / "saved");
        auto back = model->session({.drafting = drafting});
        back.load(Source::path(folder.path() / "saved"));
        write(session);
        write(back);
        CHECK(std::ranges::equal(session.tokens(), back.tokens()));
        if (drafting != Drafting::head) continue;
        std::vector<float> drafts(320 * 5), same(320 * 5);
        session.append(tokens_of(5, 320), {}, drafts);
        back.append(tokens_of(5, 320), {}, same);
        CHECK(drafts == same);
    }
}

TEST_CASE("layers that can be cut at some positions only come back as they were", "[session][save]") {
    const TempFolder folder;
    const test::FakeModel fake(true);
    for (const std::size_t rewound : {0, 1, 4, 9, 10, 23}) {
        auto session = fake.session();
        session.append(tokens_of(23, 50));
        session.rewind(23 - rewound);
        session.save(folder.path() / "saved");
        auto back = fake.session();
        back.load(Source::path(folder.path() / "saved"));
        CAPTURE(rewound);
        CHECK(look_at(back.fork()) == look_at(session.fork()));
    }
}

TEST_CASE("a saved file with any bit changed or any part missing is refused, and the session stays what it was", "[session][save][hostile]") {
    const TempFolder folder;
    const auto model = Model::open(Source::path(checkpoints / "v3"));
    for (const Drafting drafting : {Drafting::none, Drafting::head}) {
        auto session = model->session({.context = 200, .drafting = drafting});
        session.append(tokens_of(12, 320));
        session.save(folder.path() / "saved");
        const std::string good = contents(folder.path() / "saved");
        auto other = model->session({.context = 200, .drafting = drafting});
        other.append(tokens_of(7, 320, 5));
        const auto before = look_at(other.fork());
        std::uint64_t header = 0;
        std::memcpy(&header, good.data(), sizeof header);
        const auto load = [&](const std::string& bytes) {
            return test::outcome_of([&] { other.load(Source::files().add_memory("session.safetensors", std::as_bytes(std::span(bytes)))); });
        };
        for (std::size_t at = 0; at < good.size(); at += at < header + 80 ? 1 : 61) {
            std::string bad = good;
            bad[at] = static_cast<char>(bad[at] ^ (1 << at % 8));
            CAPTURE(at);
            CHECK(load(bad).says("session.safetensors: "));
        }
        for (std::size_t size = 0; size < good.size(); size += 41) {
            CAPTURE(size);
            CHECK_FALSE(load(good.substr(0, size)).ok());
        }
        CHECK_FALSE(load(good + "x").ok());
        CHECK(look_at(other.fork()) == before);
        CHECK(load(good).ok());
        CHECK(look_at(other.fork()) == look_at(session.fork()));
    }
}

TEST_CASE("a session loads only what was saved with its model, mode and cache and fits", "[session][save]") {
    const TempFolder folder;
    const auto file = folder.path() / "saved";
    const auto v3 = Model::open(Source::path(checkpoints / "v3")), v2 = Model::open(Source::path(checkpoints / "v2-f16"));
    const auto load = [&](const Model& model, SessionOptions options) {
        auto session = model.session(options);
        return test::outcome_of([&] { session.load(Source::path(file)); });
    };
    auto session = v3->session({.mode = Mode::exact});
    session.append(tokens_of(40, 320));
    session.save(file);
    CHECK(load(*v3, {.mode = Mode::exact}).ok());
    CHECK(load(*v3, {.context = 40, .chunk = 3, .mode = Mode::exact, .drafting = Drafting::lookup}).ok());
    CHECK(load(*v2, {.mode = Mode::exact}).says("saved: saved with model "));
    CHECK(load(*v3, {.mode = Mode::fast}).says("saved with mode exact, this session has fast"));
    CHECK(load(*v3, {.mode = Mode::exact, .reproducible = false}).says("saved with mode exact, this session has exact, relaxed"));
    CHECK(load(*v3, {.cache = CacheFormat::bf16, .mode = Mode::exact}).says("saved with cache f32, this session has bf16"));
    CHECK(load(*v3, {.mode = Mode::exact, .drafting = Drafting::head}).says("draft head"));
    const auto small = load(*v3, {.context = 39, .mode = Mode::exact});
    CHECK(small.status == Status::context_full);
    CHECK(small.says("40 tokens, this session has room for 39"));
    auto drafting = v3->session({.mode = Mode::exact, .drafting = Drafting::head});
    drafting.append(tokens_of(40, 320));
    drafting.save(file);
    CHECK(load(*v3, {.mode = Mode::exact}).ok());  // without a head: that part is left
    const auto v4 = Model::open(Source::path(checkpoints / "v4"));
    auto compact = v4->session({.cache = CacheFormat::compact});
    compact.append(tokens_of(40, 320));
    compact.save(file);
    CHECK(load(*v4, {}).says("saved with cache compact, this session has f32"));
    const auto missing = test::outcome_of([&] { session.load(Source::path(folder.path() / "nothing")); });
    CHECK(missing.status == Status::not_found);
    const auto model_file = test::outcome_of([&] { session.load(Source::path(checkpoints / "v2-f16/model.safetensors")); });
    CHECK(model_file.says("model.safetensors: no saved session"));
}

TEST_CASE("saving where nothing can be written leaves what was there", "[session][save]") {
    const TempFolder folder;
    const auto model = Model::open(Source::path(checkpoints / "v3"));
    auto session = model->session();
    session.append(tokens_of(3, 320));
    CHECK(test::outcome_of([&] { session.save(folder.path() / "no/such/folder/saved"); }).status == Status::io);
    session.save(folder.path() / "saved");
    const auto before = contents(folder.path() / "saved");
    std::filesystem::create_directory(folder.path() / "saved.partial");  // in the way
    session.append(tokens_of(3, 320));
    CHECK(test::outcome_of([&] { session.save(folder.path() / "saved"); }).status == Status::io);
    CHECK(contents(folder.path() / "saved") == before);
}
