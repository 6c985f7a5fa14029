#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rorqual/model.hpp"

namespace rorqual {

/// What Session::sync did.
struct SyncReport {
    std::size_t kept = 0;        ///< tokens of the common prefix that were not evaluated again
    std::size_t evaluated = 0;   ///< tokens evaluated now
};

/// Counters of a session since its creation.
struct SessionMetrics {
    std::uint64_t prefill_tokens = 0;   ///< evaluated in pieces of two or more
    double prefill_seconds = 0;
    std::uint64_t decode_tokens = 0;    ///< evaluated one at a time
    double decode_seconds = 0;
    std::uint64_t cache_bytes = 0;      ///< state of all layers now
    std::uint64_t scratch_bytes = 0;
};

/// Looks on while a session evaluates. Called on the evaluating thread with borrowed views; must not call the session.
class SessionObserver {
 public:
    virtual ~SessionObserver() = default;
    /// x [T, D]: embedding (layer −1), then the residual stream after each layer.
    virtual void hidden(std::int64_t layer, std::int64_t position, ConstRows x) { (void)layer; (void)position; (void)x; }
    /// The router's choice: ids, weights [T·per_token], by descending selection score.
    virtual void experts(std::int64_t layer, std::int64_t position, std::int64_t per_token, std::span<const std::int32_t> ids,
                         std::span<const float> weights) { (void)layer; (void)position; (void)per_token; (void)ids; (void)weights; }
};

/// When and with what a generation ends.
struct GenerateOptions {
    SamplingOptions sampling;
    std::size_t limit = 0;                    ///< tokens at most; 0 = as many as the context holds
    std::vector<Token> stop_tokens;           ///< in addition to the model's own, unless ignore_eos
    std::vector<std::string> stop_strings;    ///< text that ends the generation and is not part of it; needs a tokenizer
    bool ignore_eos = false;                  ///< do not stop at the model's stop tokens
    bool special = false;                     ///< special tokens appear in the text
};

enum class Finish : std::int32_t {
    none = 0,          ///< still running
    stop_token = 1,
    stop_string = 2,
    limit = 3,
    context_full = 4,
};

/// One step of a generation.
struct Piece {
    Token token = -1;               ///< the token drawn; −1 for a last piece that only carries held-back text
    float logprob = 0;              ///< natural logarithm of the model's probability of it
    std::string_view text;          ///< new text that is certain; may be empty. Borrowed until the next call
    Finish finish = Finish::none;   ///< set on the last piece
};

class Generation;

/// One timeline of a model: the tokens so far and what each layer remembers of them.
/// Movable; fork() is the explicit copy. One thread at a time, any thread; cancel() from any thread at any time.
/// A call that throws leaves a valid timeline: length() tells how much of it there is.
class Session {
 public:
    Session(Session&&) noexcept;
    Session& operator=(Session&&) noexcept;
    ~Session();

    /// Makes the timeline equal to `prompt`: keeps the common prefix, forgets the rest, evaluates only what is new.
    SyncReport sync(std::span<const Token> prompt);

    /// Evaluates tokens after the last. every_logit: empty, or [tokens.size() · vocab_size] f32 for the logits after each of them.
    /// Errors: invalid_argument (an id outside the vocabulary; nothing changed), context_full (nothing changed), cancelled
    /// (what was evaluated in whole pieces stays), wrong_state after fork(2) in the child.
    void append(std::span<const Token> tokens, std::span<float> every_logit = {});

    /// Forgets all tokens from `length` on. length ≤ length(). Exactly the state of a session that never saw them.
    void rewind(std::size_t length);

    /// An independent session with the same timeline. Pages that are full are shared.
    [[nodiscard]] Session fork() const;

    /// Logits after the last token: [vocab_size] f32, borrowed until the next call that changes the session. After a rewind the
    /// last token is evaluated again to have them. Error(wrong_state) on an empty timeline.
    [[nodiscard]] std::span<const float> logits();

    [[nodiscard]] std::span<const Token> tokens() const noexcept;
    [[nodiscard]] std::size_t length() const noexcept;
    [[nodiscard]] std::size_t capacity() const noexcept;   ///< tokens that fit
    [[nodiscard]] SessionMetrics metrics() const noexcept;
    [[nodiscard]] const std::shared_ptr<const Model>& model() const noexcept;

    /// Starts a generation after the last token. The session is borrowed and must not be used otherwise until it ends.
    [[nodiscard]] Generation generate(const GenerateOptions& options = {});

    /// Stops the evaluation that is running: it throws Error(cancelled) after at most one task's time. When none is running, the
    /// next one is stopped instead, once: a cancel between two tokens is not lost. Any thread; also from a signal handler.
    void cancel() const noexcept;

    /// nullptr = none. Borrowed.
    void observe(SessionObserver* observer) noexcept;

 private:
    friend class Model;
    friend class Generation;
    struct Impl;
    explicit Session(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// A generation under way, pulled one token a call:
///
///     auto generation = session.generate({.sampling = {.temperature = 0.7f}, .limit = 64});
///     while (auto piece = generation.next()) print(piece->text);
///
/// Dropping it early is fine: the session then holds the tokens drawn so far.
class Generation {
 public:
    Generation(Generation&&) noexcept;
    Generation& operator=(Generation&&) noexcept;
    ~Generation();

    /// The next token, or nothing after the last. Throws Error(cancelled) and can be called again afterwards; context_full ends it
    /// with a piece, not an error.
    std::optional<Piece> next();

    [[nodiscard]] Finish finish() const noexcept;

 private:
    friend class Session;
    struct Impl;
    explicit Generation(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace rorqual
