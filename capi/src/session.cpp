#define RQ_ENABLE_UNSTABLE
#include "rorqual/session.hpp"

#include <algorithm>
#include <exception>
#include <string>
#include <vector>

#include "arguments.hpp"
#include "boundary.hpp"
#include "handles.hpp"
#include "options.hpp"

using namespace rorqual;
using namespace rorqual::capi;

namespace {

// A session that no generation is using: calls that evaluate or change a session need it.
Timeline& idle(rq_session* session) {
    Timeline& timeline = *required(session, "session").timeline;
    if (timeline.generating) {
        throw Error(Status::wrong_state, "session: a generation is under way on it; take its last piece or free it first");
    }
    return timeline;
}

Session& any(rq_session* session) { return required(session, "session").timeline->session; }

rq_metrics published(const SessionMetrics& metrics) noexcept {
    rq_metrics m = RQ_METRICS_INIT;
    m.prefill_tokens = metrics.prefill_tokens;
    m.prefill_seconds = metrics.prefill_seconds;
    m.decode_tokens = metrics.decode_tokens;
    m.decode_seconds = metrics.decode_seconds;
    m.cache_bytes = metrics.cache_bytes;
    m.scratch_bytes = metrics.scratch_bytes;
    m.guesses = metrics.guesses;
    m.kept_guesses = metrics.kept_guesses;
    return m;
}

// NULL, or exactly one row of logits for each token.
std::span<float> every_logit(float* logits, std::size_t logits_count, std::size_t token_count, const Session& session, const char* argument = "logits") {
    const auto given = array(logits, logits_count, argument);
    if (given.empty()) return given;
    const auto vocabulary = static_cast<std::size_t>(session.model()->geometry().vocab_size);
    if (given.size() % vocabulary != 0 || given.size() / vocabulary != token_count) {
        refuse((std::string(argument) + "_count").c_str(), std::to_string(given.size()) + ", expected " + std::to_string(token_count) + " x " +
                                                               std::to_string(vocabulary) + " floats");
    }
    return given;
}

// Where the errors of several sessions go: structs of the caller's size, one after another.
std::vector<rq_error*> error_places(rq_error* errors, std::size_t count) {
    std::vector<rq_error*> places;
    if (errors == nullptr) return places;
    for (std::size_t i = 0; i < count; ++i) {
        auto* const place = reinterpret_cast<rq_error*>(reinterpret_cast<std::byte*>(errors) + i * errors->struct_size);
        if (errors->struct_size % alignof(rq_error) != 0 || place->struct_size != errors->struct_size) {
            refuse("errors", "struct_size " + std::to_string(place->struct_size) + " in number " + std::to_string(i) + ", expected one size in all");
        }
        places.push_back(place);
    }
    for (rq_error* const place : places) (void)report(place, RQ_OK, "");
    return places;
}

}  // namespace

int32_t rq_session_create(const rq_model* model, const rq_session_options* options, rq_session** out, rq_error* err) {
    return boundary(err, [&] {
        auto*& made = result(out, "out");
        const rq_model& m = required(model, "model");
        made = new rq_session{std::make_shared<Timeline>(m.open, m->session(session_options(options)))};
    });
}

void rq_session_free(rq_session* session) { delete session; }

int32_t rq_session_sync(rq_session* session, const int32_t* tokens, size_t token_count, size_t* kept, size_t* evaluated,
                        rq_error* err) {
    return boundary(err, [&] {
        clear(kept);
        clear(evaluated);
        const SyncReport report = idle(session).session.sync(array(tokens, token_count, "tokens"));
        if (kept != nullptr) *kept = report.kept;
        if (evaluated != nullptr) *evaluated = report.evaluated;
    });
}

int32_t rq_session_append(rq_session* session, const int32_t* tokens, size_t token_count, float* logits, size_t logits_count,
                          rq_error* err) {
    return boundary(err, [&] {
        Session& s = idle(session).session;
        const auto ids = array(tokens, token_count, "tokens");
        s.append(ids, every_logit(logits, logits_count, ids.size(), s));
    });
}

int32_t rq_session_append_drafts(rq_session* session, const int32_t* tokens, size_t token_count, float* logits, size_t logits_count,
                                 float* draft_logits, size_t draft_logits_count, rq_error* err) {
    return boundary(err, [&] {
        Session& s = idle(session).session;
        const auto ids = array(tokens, token_count, "tokens");
        (void)required(draft_logits, "draft_logits");
        s.append(ids, every_logit(logits, logits_count, ids.size(), s), every_logit(draft_logits, draft_logits_count, ids.size(), s, "draft_logits"));
    });
}

int32_t rq_session_rewind(rq_session* session, size_t length, rq_error* err) {
    return boundary(err, [&] {
        Session& s = idle(session).session;
        if (length > s.length()) refuse("length", std::to_string(length) + ", the timeline has " + std::to_string(s.length()) + " tokens");
        s.rewind(length);
    });
}

int32_t rq_session_fork(rq_session* session, rq_session** out, rq_error* err) {
    return boundary(err, [&] {
        auto*& made = result(out, "out");
        const Timeline& timeline = idle(session);
        auto copy = std::make_shared<Timeline>(timeline.model, timeline.session.fork());
        copy->session.observe(nullptr);
        made = new rq_session{std::move(copy)};
    });
}

int32_t rq_session_save(rq_session* session, const char* path, size_t path_len, rq_error* err) {
    return boundary(err, [&] {
        const auto to = path_argument(path, path_len, "path");
        idle(session).session.save(to);
    });
}

int32_t rq_session_load(rq_session* session, const rq_source* source, rq_error* err) {
    return boundary(err, [&] {
        const auto& from = required(source, "source").source;
        idle(session).session.load(from);
    });
}

int32_t rq_session_logits(rq_session* session, const float** logits, size_t* count, rq_error* err) {
    return boundary(err, [&] {
        auto& answer = result(logits, "logits");
        auto& length = result(count, "count");
        const auto row = idle(session).session.logits();
        answer = row.data();
        length = row.size();
    });
}

int32_t rq_session_evaluate_batch(rq_session* const* sessions, size_t count, rq_error* errors, rq_error* err) {
    return boundary(err, [&] {
        const auto given = array(sessions, count, "sessions");
        const auto places = error_places(errors, given.size());
        std::vector<Session*> batch;
        batch.reserve(given.size());
        for (rq_session* const session : given) batch.push_back(session == nullptr ? nullptr : &session->timeline->session);
        std::vector<std::exception_ptr> failures(batch.size());
        Session::evaluate_batch(batch, failures);
        for (std::size_t i = 0; i < places.size(); ++i) (void)report_exception(places[i], failures[i]);
        const auto first = std::ranges::find_if(failures, [](const auto& failure) { return failure != nullptr; });
        if (first != failures.end()) std::rethrow_exception(*first);
    });
}

int32_t rq_session_tokens(rq_session* session, const int32_t** tokens, size_t* count, rq_error* err) {
    return boundary(err, [&] {
        auto& answer = result(tokens, "tokens");
        auto& length = result(count, "count");
        const auto ids = any(session).tokens();
        answer = ids.data();
        length = ids.size();
    });
}

int32_t rq_session_length(rq_session* session, size_t* length, rq_error* err) {
    return boundary(err, [&] {
        auto& answer = result(length, "length");
        answer = any(session).length();
    });
}

int32_t rq_session_capacity(rq_session* session, size_t* capacity, rq_error* err) {
    return boundary(err, [&] {
        auto& answer = result(capacity, "capacity");
        answer = any(session).capacity();
    });
}

int32_t rq_session_metrics(rq_session* session, rq_metrics* metrics, rq_error* err) {
    return boundary(err, [&] {
        Output answer(metrics, "metrics");
        answer.set(published(any(session).metrics()));
    });
}

void rq_session_cancel(const rq_session* session) {
    if (session != nullptr) session->timeline->session.cancel();
}
