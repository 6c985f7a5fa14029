#include "arguments.hpp"
#include "boundary.hpp"
#include "handles.hpp"
#include "options.hpp"

using namespace rorqual;
using namespace rorqual::capi;

namespace {

static_assert(RQ_FINISH_NONE == static_cast<std::int32_t>(Finish::none));
static_assert(RQ_FINISH_STOP_TOKEN == static_cast<std::int32_t>(Finish::stop_token));
static_assert(RQ_FINISH_STOP_STRING == static_cast<std::int32_t>(Finish::stop_string));
static_assert(RQ_FINISH_LIMIT == static_cast<std::int32_t>(Finish::limit));
static_assert(RQ_FINISH_CONTEXT_FULL == static_cast<std::int32_t>(Finish::context_full));
static_assert(RQ_FINISH_COMPLETE == static_cast<std::int32_t>(Finish::complete));

rq_piece published(const Piece& piece) noexcept {
    rq_piece p = RQ_PIECE_INIT;
    p.token = piece.token;
    p.logprob = piece.logprob;
    p.finish = static_cast<std::int32_t>(piece.finish);
    p.text = piece.text.empty() ? "" : piece.text.data();
    p.text_len = piece.text.size();
    return p;
}

// The next piece; after the last, an empty one that says again how it ended.
Piece next_piece(rq_generation& g) {
    if (!g.ended) {
        if (auto piece = g.generation.next()) {
            if (piece->finish != Finish::none) g.end();
            return *piece;
        }
        g.end();
    }
    Piece nothing;
    nothing.finish = g.generation.finish();
    // A caller loops until a piece has a finish: one that never comes would be an endless loop in the host.
    if (nothing.finish == Finish::none) throw Error(Status::internal, "generation: over without saying why");
    return nothing;
}

}  // namespace

int32_t rq_generation_create(rq_session* session, const rq_generation_options* options, rq_generation** out, rq_error* err) {
    return boundary(err, [&] {
        auto*& made = result(out, "out");
        const auto& timeline = required(session, "session").timeline;
        if (timeline->generating) throw Error(Status::wrong_state, "session: a generation is under way on it already");
        made = new rq_generation(timeline, generation_options(options));
    });
}

int32_t rq_generation_next(rq_generation* generation, rq_piece* piece, rq_error* err) {
    return boundary(err, [&] {
        Output answer(piece, "piece");
        rq_piece failed = RQ_PIECE_INIT;
        failed.token = -1;
        answer.set(failed);
        answer.set(published(next_piece(required(generation, "generation"))));
    });
}

void rq_generation_free(rq_generation* generation) { delete generation; }
