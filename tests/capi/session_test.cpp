// One timeline through the C interface.
#define RQ_ENABLE_UNSTABLE
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <limits>
#include <thread>

#include "capi/support.hpp"
#include "support/temp_folder.hpp"

using namespace rorqual::test;

namespace {

std::vector<std::int32_t> tokens_of(rq_session* session) {
    const std::int32_t* tokens = nullptr;
    std::size_t count = 0;
    Err err;
    must(rq_session_tokens(session, &tokens, &count, &err), err);
    return {tokens, tokens + count};
}

std::vector<std::int32_t> long_prompt(std::size_t count) {
    std::vector<std::int32_t> ids(count);
    for (std::size_t i = 0; i < count; ++i) ids[i] = static_cast<std::int32_t>((i * 37 + 11) % 4096);
    return ids;
}

}  // namespace

TEST_CASE("sync keeps the common prefix and evaluates only what is new", "[capi][session]") {
    const auto session = small_session();
    const auto ids = long_prompt(40);
    std::size_t kept = 9, evaluated = 9;
    Err err;
    must(rq_session_sync(session.get(), ids.data(), 40, &kept, &evaluated, &err), err);
    CHECK(kept == 0);
    CHECK(evaluated == 40);
    auto other = ids;
    other[30] = 1234;
    must(rq_session_sync(session.get(), other.data(), 35, &kept, &evaluated, &err), err);
    CHECK(kept == 30);
    CHECK(evaluated == 5);
    CHECK(tokens_of(session.get()) == std::vector<std::int32_t>(other.begin(), other.begin() + 35));
    const auto fresh = small_session();
    append(fresh.get(), {other.begin(), other.begin() + 35});
    CHECK(logits_of(session.get()) == logits_of(fresh.get()));
}

TEST_CASE("append gives the logits after every token where there is room for them", "[capi][session]") {
    const auto ids = long_prompt(9);
    const auto whole = small_session();
    std::vector<float> every(9 * 4096, std::numeric_limits<float>::quiet_NaN());
    Err err;
    must(rq_session_append(whole.get(), ids.data(), ids.size(), every.data(), every.size(), &err), err);
    const auto pieces = small_session();
    for (std::size_t i = 0; i < ids.size(); ++i) {
        append(pieces.get(), {ids[i]});
        const std::vector<float> row(every.begin() + static_cast<std::ptrdiff_t>(i * 4096), every.begin() + static_cast<std::ptrdiff_t>((i + 1) * 4096));
        CHECK(logits_of(pieces.get()) == row);
    }
    CHECK(rq_session_append(whole.get(), ids.data(), 2, every.data(), 4096, &err) == RQ_ERR_INVALID_ARGUMENT);
    CHECK(rq_session_append(whole.get(), ids.data(), 2, every.data(), 2 * 4096 + 1, &err) == RQ_ERR_INVALID_ARGUMENT);
    CHECK(length_of(whole.get()) == 9);
}

TEST_CASE("after a rewind a session is what it would be had it never seen the rest", "[capi][session]") {
    const auto ids = long_prompt(20);
    const auto session = small_session();
    append(session.get(), ids);
    Err err;
    CHECK(rq_session_rewind(session.get(), 21, &err) == RQ_ERR_INVALID_ARGUMENT);
    must(rq_session_rewind(session.get(), 7, &err), err);
    CHECK(length_of(session.get()) == 7);
    const auto fresh = small_session();
    append(fresh.get(), {ids.begin(), ids.begin() + 7});
    CHECK(logits_of(session.get()) == logits_of(fresh.get()));
    must(rq_session_rewind(session.get(), 0, &err), err);
    const float* logits = nullptr;
    std::size_t count = 0;
    CHECK(rq_session_logits(session.get(), &logits, &count, &err) == RQ_ERR_WRONG_STATE);
    CHECK(logits == nullptr);
}

TEST_CASE("sessions evaluated together have the logits and write the tokens they would alone", "[capi][session]") {
    std::vector<SessionHandle> together, alone;
    for (std::int32_t i = 0; i < 3; ++i) {
        for (auto* const sessions : {&together, &alone}) {
            sessions->push_back(small_session());
            append(sessions->back().get(), {5 + i, 6, 7, 8});
            must(rq_session_rewind(sessions->back().get(), 3, nullptr), Err());
        }
    }
    rq_session* batch[] = {together[0].get(), together[1].get(), together[2].get()};
    rq_error errors[] = {RQ_ERROR_INIT, RQ_ERROR_INIT, RQ_ERROR_INIT};
    Err err;
    must(rq_session_evaluate_batch(batch, 3, errors, &err), err);
    for (std::size_t i = 0; i < 3; ++i) CHECK(logits_of(together[i].get()) == logits_of(alone[i].get()));

    // Also while generations are under way.
    std::vector<GenerationHandle> generations;
    for (std::size_t i = 0; i < 3; ++i) {
        generations.push_back(generate_on(together[i].get()));
        generations.push_back(generate_on(alone[i].get()));
    }
    for (int step = 0; step < 4; ++step) {
        must(rq_session_evaluate_batch(batch, 3, errors, &err), err);
        rq_piece pieces[6];
        for (std::size_t i = 0; i < 6; ++i) {
            pieces[i] = rq_piece RQ_PIECE_INIT;
            must(rq_generation_next(generations[i].get(), &pieces[i], &err), err);
        }
        for (std::size_t i = 0; i < 6; i += 2) CHECK(pieces[i].token == pieces[i + 1].token);
    }
}

TEST_CASE("of sessions evaluated together, each says what went wrong with it", "[capi][session]") {
    const auto one = small_session(), other = small_session();
    for (const auto& session : {one.get(), other.get()}) {
        append(session, {5, 6, 7});
        must(rq_session_rewind(session, 2, nullptr), Err());
    }
    rq_session* batch[] = {one.get(), other.get()};
    rq_error errors[] = {RQ_ERROR_INIT, RQ_ERROR_INIT};
    Err err;
    rq_session_cancel(other.get());
    CHECK(rq_session_evaluate_batch(batch, 2, errors, &err) == RQ_ERR_CANCELLED);
    CHECK(errors[0].code == RQ_OK);
    CHECK(std::string(errors[0].message).empty());
    CHECK(errors[1].code == RQ_ERR_CANCELLED);
    CHECK(std::string(errors[1].message) == err.message);
    must(rq_session_evaluate_batch(batch, 2, nullptr, &err), err);
    errors[1].struct_size = 8;
    CHECK(rq_session_evaluate_batch(batch, 2, errors, &err) == RQ_ERR_INVALID_ARGUMENT);
    CHECK(std::string(err.message).find("errors: struct_size 8 in number 1") != std::string::npos);
    batch[1] = one.get();
    CHECK(rq_session_evaluate_batch(batch, 2, nullptr, &err) == RQ_ERR_INVALID_ARGUMENT);
    const auto empty = small_session();
    batch[1] = empty.get();
    CHECK(rq_session_evaluate_batch(batch, 2, nullptr, &err) == RQ_ERR_WRONG_STATE);
    must(rq_session_evaluate_batch(nullptr, 0, nullptr, &err), err);
}

TEST_CASE("a fork goes its own way", "[capi][session]") {
    const auto session = small_session();
    append(session.get(), long_prompt(10));
    rq_session* made = nullptr;
    Err err;
    must(rq_session_fork(session.get(), &made, &err), err);
    const SessionHandle fork(made);
    CHECK(logits_of(fork.get()) == logits_of(session.get()));
    const auto before = logits_of(session.get());
    append(fork.get(), {5, 6, 7});
    CHECK(length_of(session.get()) == 10);
    CHECK(logits_of(session.get()) == before);
}

TEST_CASE("tokens outside the vocabulary and tokens beyond the room change nothing", "[capi][session]") {
    rq_session_options options = RQ_SESSION_OPTIONS_INIT;
    options.context = 16;
    const auto session = session_on(tale(), &options);
    append(session.get(), long_prompt(10));
    const auto before = logits_of(session.get());
    std::size_t capacity = 0;
    Err err;
    must(rq_session_capacity(session.get(), &capacity, &err), err);
    CHECK(capacity == 16);
    const auto more = long_prompt(7);
    CHECK(rq_session_append(session.get(), more.data(), 7, nullptr, 0, &err) == RQ_ERR_CONTEXT_FULL);
    for (const std::int32_t wrong : {-1, 4096, INT32_MAX, INT32_MIN}) {
        const std::int32_t ids[] = {5, wrong};
        CAPTURE(wrong);
        CHECK(rq_session_append(session.get(), ids, 2, nullptr, 0, &err) == RQ_ERR_INVALID_ARGUMENT);
        CHECK(rq_session_sync(session.get(), ids, 2, nullptr, nullptr, &err) == RQ_ERR_INVALID_ARGUMENT);
    }
    CHECK(length_of(session.get()) == 10);
    CHECK(logits_of(session.get()) == before);
}

TEST_CASE("a saved session comes back, in another session and through any kind of source", "[capi][session]") {
    const TempFolder folder;
    const std::string path = (folder.path() / "saved").string();
    const auto session = session_on(tale());
    append(session.get(), {5, 6, 7, 8, 9});
    Err err;
    must(rq_session_save(session.get(), path.data(), path.size(), &err), err);
    const auto other = session_on(tale());
    append(other.get(), {1, 2});
    must(rq_session_load(other.get(), source_of(path).get(), &err), err);
    CHECK(length_of(other.get()) == 5);
    CHECK(logits_of(other.get()) == logits_of(session.get()));
    CHECK(rq_session_load(other.get(), source_of(tale_folder() / "model.safetensors").get(), &err) == RQ_ERR_CORRUPT);
    CHECK(err.says("no saved session"));
    CHECK(rq_session_load(other.get(), source_of(folder.path() / "nothing").get(), &err) == RQ_ERR_NOT_FOUND);
    CHECK(rq_session_save(session.get(), "/no/such/folder/x", 17, &err) == RQ_ERR_IO);
    CHECK(length_of(other.get()) == 5);
}

TEST_CASE("session options out of range are refused", "[capi][session]") {
    const auto refused = [](auto set) {
        rq_session_options o = RQ_SESSION_OPTIONS_INIT;
        set(o);
        rq_session* session = nullptr;
        Err err;
        CHECK(rq_session_create(tale(), &o, &session, &err) == RQ_ERR_INVALID_ARGUMENT);
        CHECK(session == nullptr);
        CAPTURE(err.message);
        CHECK(err.says("context:") + err.says("chunk:") + err.says("mode:") + err.says("cache:") + err.says("relaxed:") + err.says("drafting:") + err.says("draft_tokens:") == 1);
    };
    refused([](auto& o) { o.context = 2049; });
    refused([](auto& o) { o.context = UINT64_MAX; });
    refused([](auto& o) { o.chunk = UINT64_MAX; });
    refused([](auto& o) { o.mode = 99; });
    refused([](auto& o) { o.mode = -1; });
    refused([](auto& o) { o.cache = 5; });
    refused([](auto& o) { o.relaxed = 2; });
    refused([](auto& o) { o.drafting = 3; });
    refused([](auto& o) { o.draft_tokens = 16; });
}

TEST_CASE("drafts are refused by models without a draft head, and by sessions made without", "[capi][session][unstable]") {
    rq_model_info info = RQ_MODEL_INFO_INIT;
    Err err;
    must(rq_model_get_info(tale(), &info, &err), err);
    CHECK(info.has_draft_head == 0);
    rq_session_options options = RQ_SESSION_OPTIONS_INIT;
    options.drafting = RQ_DRAFTING_HEAD;
    rq_session* session = nullptr;
    CHECK(rq_session_create(tale(), &options, &session, &err) == RQ_ERR_UNSUPPORTED);
    CHECK(err.says("drafting: "));
    const auto plain = session_on(tale());
    const std::int32_t ids[] = {5, 6};
    std::vector<float> drafts(2 * 4096);
    CHECK(rq_session_append_drafts(plain.get(), ids, 2, nullptr, 0, drafts.data(), drafts.size(), &err) == RQ_ERR_WRONG_STATE);
    CHECK(rq_session_append_drafts(plain.get(), ids, 2, nullptr, 0, drafts.data(), 4096, &err) == RQ_ERR_INVALID_ARGUMENT);
    CHECK(err.says("draft_logits_count: "));
}

TEST_CASE("a model with a draft head tells what that expects, row by row", "[capi][session][unstable]") {
    const std::string folder = std::string(RQ_SOURCE_DIR) + "/tests/data/checkpoints/v3";
    Err err;
    rq_source* source = nullptr;
    must(rq_source_create_path(folder.data(), folder.size(), &source, &err), err);
    rq_model* opened = nullptr;
    const auto status = rq_model_open(source, nullptr, &opened, &err);
    rq_source_free(source);
    must(status, err);
    const std::unique_ptr<rq_model, decltype(&rq_model_free)> model(opened, rq_model_free);
    rq_model_info info = RQ_MODEL_INFO_INIT;
    must(rq_model_get_info(model.get(), &info, &err), err);
    CHECK(info.has_draft_head == 1);
    rq_session_options options = RQ_SESSION_OPTIONS_INIT;
    options.drafting = RQ_DRAFTING_HEAD;
    const auto session = session_on(model.get(), &options);
    const std::int32_t ids[] = {5, 6, 7};
    std::vector<float> drafts(3 * 320);
    must(rq_session_append_drafts(session.get(), ids, 3, nullptr, 0, drafts.data(), drafts.size(), &err), err);
    CHECK(drafts[0] == 0);
    CHECK(drafts[320] != 0);
    CHECK(drafts[640] != drafts[320]);
}

TEST_CASE("a cache in int8 is refused by models that cannot have one, and the info says which can", "[capi][session]") {
    rq_model_info info = RQ_MODEL_INFO_INIT;
    Err err;
    must(rq_model_get_info(tale(), &info, &err), err);
    CHECK(info.has_int8_cache == 0);  // rope keys of 16
    rq_session_options options = RQ_SESSION_OPTIONS_INIT;
    options.cache = RQ_CACHE_INT8;
    rq_session* session = nullptr;
    CHECK(rq_session_create(tale(), &options, &session, &err) == RQ_ERR_UNSUPPORTED);
    CHECK(session == nullptr);
    CHECK(err.says("cache: int8"));
}

TEST_CASE("a compact cache is refused by models that cannot have one and takes fewer bytes where they can", "[capi][session]") {
    rq_session_options options = RQ_SESSION_OPTIONS_INIT;
    options.cache = RQ_CACHE_COMPACT;
    rq_session* session = nullptr;
    Err err;
    CHECK(rq_session_create(tale(), &options, &session, &err) == RQ_ERR_UNSUPPORTED);
    CHECK(err.says("cache: compact"));
    options.cache = RQ_CACHE_COMPACT + 1;
    CHECK(rq_session_create(tale(), &options, &session, &err) == RQ_ERR_INVALID_ARGUMENT);
    CHECK(err.says("options.cache"));
    CHECK(session == nullptr);

    const auto model = open_model(RQ_SOURCE_DIR "/tests/data/checkpoints/v4");
    rq_model_info info = RQ_MODEL_INFO_INIT;
    must(rq_model_get_info(model.get(), &info, &err), err);
    CHECK(info.has_compact_cache == 1);
    rq_plan plain = RQ_PLAN_INIT, compact = RQ_PLAN_INIT;
    options.cache = RQ_CACHE_F32;
    must(rq_model_plan(model.get(), &options, &plain, &err), err);
    options.cache = RQ_CACHE_COMPACT;
    must(rq_model_plan(model.get(), &options, &compact, &err), err);
    CHECK(compact.cache_per_token_bytes * 2 < plain.cache_per_token_bytes);
    CHECK(compact.cache_bytes < plain.cache_bytes);
    CHECK(session_on(model.get(), &options));
}

TEST_CASE("a session counts what it does", "[capi][session]") {
    const auto session = small_session();
    append(session.get(), long_prompt(33));
    append(session.get(), {5});
    rq_metrics metrics = RQ_METRICS_INIT;
    Err err;
    must(rq_session_metrics(session.get(), &metrics, &err), err);
    CHECK(metrics.prefill_tokens == 33);
    CHECK(metrics.decode_tokens == 1);
    CHECK(metrics.prefill_seconds > 0);
    CHECK(metrics.decode_seconds > 0);
    CHECK(metrics.cache_bytes > 0);
}

namespace {

// Holds an evaluation at a chosen moment, its n-th look at a hidden state, until another thread has cancelled it.
struct Moment {
    std::int64_t looks_left = 0;
    std::atomic<bool> reached{false};
    std::atomic<bool> cancelled{false};

    rq_observer observer() {
        rq_observer o = RQ_OBSERVER_INIT;
        o.user = this;
        o.hidden = [](std::int64_t, std::int64_t, std::int64_t, std::int64_t, std::int64_t, const float*, void* user) -> std::int32_t {
            auto& moment = *static_cast<Moment*>(user);
            if (moment.looks_left-- == 0) {
                moment.reached = true;
                while (!moment.cancelled) std::this_thread::yield();
            }
            return 0;
        };
        return o;
    }
};

}  // namespace

TEST_CASE("a cancel from another thread stops an evaluation at any moment, and the session goes on correctly", "[capi][session][cancel]") {
    rq_session_options options = RQ_SESSION_OPTIONS_INIT;
    options.chunk = 16;
    options.context = 128;
    const auto ids = long_prompt(100);
    const auto fresh = small_session();
    append(fresh.get(), ids);
    const auto expected = logits_of(fresh.get());
    for (const std::int64_t look : {0, 1, 5, 6, 17, 39}) {  // in the first chunk, at its end, in later ones
        CAPTURE(look);
        const auto session = session_on(tale(), &options);
        Moment moment;
        moment.looks_left = look;
        const rq_observer observer = moment.observer();
        Err err;
        must(rq_session_observe(session.get(), &observer, &err), err);
        std::thread canceller([&] {
            while (!moment.reached) std::this_thread::yield();
            rq_session_cancel(session.get());
            moment.cancelled = true;
        });
        const std::int32_t status = rq_session_append(session.get(), ids.data(), ids.size(), nullptr, 0, &err);
        canceller.join();
        CHECK(status == RQ_ERR_CANCELLED);
        CHECK(length_of(session.get()) < ids.size());
        must(rq_session_sync(session.get(), ids.data(), ids.size(), nullptr, nullptr, &err), err);
        CHECK(logits_of(session.get()) == expected);
    }
}

TEST_CASE("a cancel between two calls stops the next one, once", "[capi][session][cancel]") {
    const auto session = small_session();
    append(session.get(), long_prompt(5));
    rq_session_cancel(session.get());
    const std::int32_t ids[] = {5, 6};
    Err err;
    CHECK(rq_session_append(session.get(), ids, 2, nullptr, 0, &err) == RQ_ERR_CANCELLED);
    CHECK(rq_session_append(session.get(), ids, 2, nullptr, 0, &err) == RQ_OK);
}

TEST_CASE("in a child process after fork() evaluations are refused, and all can be freed", "[capi][session][fork]") {
    if (RQ_SANITIZED) return;  // sanitizers have threads of their own, which a child lacks
    rq_model_options options = RQ_MODEL_OPTIONS_INIT;
    options.threads = 2;
    auto model = open_model(tale_folder(), &options);
    auto session = small_session(model.get());
    append(session.get(), long_prompt(20));
    const ::pid_t child = ::fork();
    if (child == 0) {
        const std::int32_t id = 5;
        const std::int32_t status = rq_session_append(session.get(), &id, 1, nullptr, 0, nullptr);
        rq_session_free(session.release());
        rq_model_free(model.release());
        ::_exit(status);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == RQ_ERR_WRONG_STATE);
    append(session.get(), {5});  // the parent goes on
}

namespace {

struct Seen {
    std::vector<std::int64_t> hidden_layers;
    std::vector<std::int64_t> expert_layers;
    std::int64_t tokens = 0;
    std::int32_t answer = 0;
};

rq_observer observer_of(Seen& seen) {
    rq_observer observer = RQ_OBSERVER_INIT;
    observer.user = &seen;
    observer.hidden = [](std::int64_t layer, std::int64_t position, std::int64_t tokens, std::int64_t cols, std::int64_t stride,
                         const float* x, void* user) -> std::int32_t {
        auto& s = *static_cast<Seen*>(user);
        s.hidden_layers.push_back(layer);
        if (position != s.tokens && layer == -1) return 1;
        if (layer == -1) s.tokens += tokens;
        return cols == 256 && stride >= cols && std::isfinite(x[(tokens - 1) * stride + cols - 1]) ? 0 : 2;
    };
    observer.experts = [](std::int64_t layer, std::int64_t, std::int64_t tokens, std::int64_t per_token, const std::int32_t* ids,
                          const float* weights, void* user) -> std::int32_t {
        auto& s = *static_cast<Seen*>(user);
        s.expert_layers.push_back(layer);
        for (std::int64_t i = 0; i < tokens * per_token; ++i) {
            if (ids[i] < 0 || ids[i] >= 16 || !(weights[i] > 0)) return 3;
        }
        return per_token == 4 ? s.answer : 4;
    };
    return observer;
}

}  // namespace

TEST_CASE("an observer sees the residual stream of every layer and the experts of every expert layer", "[capi][session][unstable]") {
    const auto session = small_session();
    Seen seen;
    const rq_observer observer = observer_of(seen);
    Err err;
    must(rq_session_observe(session.get(), &observer, &err), err);
    append(session.get(), long_prompt(7));
    CHECK(seen.hidden_layers == std::vector<std::int64_t>{-1, 0, 1, 2, 3, 4});
    CHECK(seen.expert_layers == std::vector<std::int64_t>{1, 2, 3, 4});
    CHECK(seen.tokens == 7);
    rq_session* fork = nullptr;
    must(rq_session_fork(session.get(), &fork, &err), err);
    append(fork, {5});
    rq_session_free(fork);
    CHECK(seen.tokens == 7);  // forks have no observer
    must(rq_session_observe(session.get(), nullptr, &err), err);
    append(session.get(), {5});
    CHECK(seen.tokens == 7);
}

TEST_CASE("an observer that says stop ends the call with RQ_ERR_CALLBACK, and the session stays right", "[capi][session][unstable]") {
    const auto session = small_session();
    append(session.get(), long_prompt(7));
    Seen seen;
    seen.tokens = 7;
    seen.answer = 42;
    const rq_observer observer = observer_of(seen);
    Err err;
    must(rq_session_observe(session.get(), &observer, &err), err);
    const std::int32_t ids[] = {5, 6, 7};
    CHECK(rq_session_append(session.get(), ids, 3, nullptr, 0, &err) == RQ_ERR_CALLBACK);
    CHECK(err.says("42"));
    must(rq_session_observe(session.get(), nullptr, &err), err);
    auto all = long_prompt(7);
    all.insert(all.end(), ids, ids + 3);
    must(rq_session_sync(session.get(), all.data(), all.size(), nullptr, nullptr, &err), err);
    const auto fresh = small_session();
    append(fresh.get(), all);
    CHECK(logits_of(session.get()) == logits_of(fresh.get()));
}
