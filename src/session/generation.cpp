#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rorqual/error.hpp"
#include "session/constraint.hpp"
#include "session/generated_text.hpp"
#include "session/impl.hpp"
#include "session/speculation.hpp"

namespace rorqual {
namespace {

/// The tokens that end a generation, sorted.
std::vector<Token> stop_tokens(const Model& model, const GenerateOptions& options) {
    std::vector<Token> tokens = options.stop_tokens;
    for (const Token token : tokens) {
        if (token < 0 || token >= model.geometry().vocab_size) {
            throw Error(Status::invalid_argument,
                        "stop_tokens: " + std::to_string(token) + ", expected an id below " + std::to_string(model.geometry().vocab_size));
        }
    }
    if (!options.ignore_eos) {
        const auto& own = model.generation_defaults().stop_tokens;
        tokens.insert(tokens.end(), own.begin(), own.end());
    }
    std::ranges::sort(tokens);
    return tokens;
}

// Nothing where no grammar is asked for.
std::optional<session::Constraint> constraint(const Model& model, const GenerateOptions& options) {
    if (!options.grammar) {
        if (!options.grammar_after.empty()) throw Error(Status::invalid_argument, "grammar_after: given without a grammar");
        return std::nullopt;
    }
    if (!model.has_tokenizer()) throw Error(Status::wrong_state, "grammar: the model has no tokenizer");
    return session::Constraint(*options.grammar, options.grammar_after, model.tokenizer(), stop_tokens(model, options), static_cast<std::size_t>(model.geometry().vocab_size));
}

}  // namespace

struct Generation::Impl {
    session::Timeline& timeline;
    Sampler sampler;
    std::vector<Token> stop_tokens;
    session::GeneratedText text;
    std::optional<session::Constraint> constraint;
    session::Speculation speculation;
    std::size_t limit;  // tokens at most; 0 = none
    std::size_t drawn = 0;
    Finish finish = Finish::none;

    /// Tokens that may still be drawn, at least one.
    [[nodiscard]] std::size_t left() const noexcept {
        const std::size_t room = timeline.capacity() - timeline.length();
        return limit == 0 ? room : std::min(room, limit - drawn);
    }
    /// What a token that is now the last of the timeline means for the generation; stop strings are the text's affair.
    [[nodiscard]] Finish outcome(Token token, std::size_t count) const noexcept {
        if (std::ranges::binary_search(stop_tokens, token)) return Finish::stop_token;
        if (constraint && constraint->complete()) return Finish::complete;
        if (count == limit) return Finish::limit;
        return timeline.length() == timeline.capacity() ? Finish::context_full : Finish::none;
    }
};

Generation Session::generate(const GenerateOptions& options) {
    if (length() == 0) throw Error(Status::wrong_state, "session: a generation needs at least one token to start from");
    const Model& m = *model();
    return Generation(std::make_unique<Generation::Impl>(Generation::Impl{
        .timeline = *impl_,
        .sampler = Sampler(options.sampling, m.geometry().vocab_size),
        .stop_tokens = stop_tokens(m, options),
        .text = session::GeneratedText(m.has_tokenizer() ? &m.tokenizer() : nullptr, options.special, options.stop_strings),
        .constraint = constraint(m, options),
        .speculation = session::Speculation(impl_->options()),
        .limit = options.limit,
    }));
}

Generation::Generation(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Generation::Generation(Generation&&) noexcept = default;
Generation& Generation::operator=(Generation&&) noexcept = default;
Generation::~Generation() = default;

Finish Generation::finish() const noexcept { return impl_->finish; }

std::optional<Piece> Generation::next() {
    Impl& g = *impl_;
    if (g.finish != Finish::none) return std::nullopt;
    if (g.timeline.length() == g.timeline.capacity()) {  // only before the first token: later ones say so themselves
        g.finish = Finish::context_full;
        return Piece{.finish = g.finish};
    }

    const auto logits = g.speculation.logits(g.timeline, g.left() - 1);
    const auto allowed = g.constraint ? g.constraint->allowed() : std::span<const std::uint64_t>{};
    const Sampled drawn = g.sampler.sample(logits, g.timeline.tokens(), g.timeline.length(), allowed);
    std::optional<session::Constraint::Mark> before;
    if (g.constraint) {
        before = g.constraint->mark();
        g.constraint->accept(drawn.token);
    }
    g.timeline.push(drawn.token);
    Piece piece{.token = drawn.token, .logprob = drawn.logprob, .finish = g.outcome(drawn.token, g.drawn + 1)};
    try {
        const bool visible = piece.finish != Finish::stop_token;
        piece.text = g.text.add(visible ? std::optional(drawn.token) : std::nullopt, piece.finish != Finish::none);
    } catch (...) {
        g.timeline.cut(g.timeline.length() - 1);
        if (g.constraint) g.constraint->back_to(*std::move(before));
        throw;
    }
    if (g.text.stopped() && piece.finish != Finish::stop_token) piece.finish = Finish::stop_string;
    ++g.drawn;
    g.finish = piece.finish;
    return piece;
}

}  // namespace rorqual
