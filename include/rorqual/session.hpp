#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rorqual/grammar.hpp"
#include "rorqual/model.hpp"

namespace rorqual {

/// What Session::sync did. kept + evaluated = length of the prompt.
struct SyncReport {
    std::size_t kept = 0;       ///< tokens of the common prefix that were not evaluated again
    std::size_t evaluated = 0;  ///< tokens evaluated now
};

/// Counters of a session since its creation; a fork starts anew. Tokens evaluated twice count twice, tokens of an evaluation
/// that was given up do not count.
struct SessionMetrics {
    std::uint64_t prefill_tokens = 0;  ///< evaluated together with others
    double prefill_seconds = 0;        ///< wall time of these evaluations
    std::uint64_t decode_tokens = 0;   ///< evaluated alone, or with guesses of what follows
    double decode_seconds = 0;
    std::uint64_t guesses = 0;        ///< evaluated along with decoded tokens, because they might follow (SessionOptions::drafting)
    std::uint64_t kept_guesses = 0;   ///< of these, what was drawn then; tokens a second = (decode_tokens + kept_guesses) / decode_seconds
    std::uint64_t cache_bytes = 0;    ///< state of all layers now; pages shared with forks count fully in each
    std::uint64_t scratch_bytes = 0;  ///< buffers, allocated once when the session was made
};

/// Looks on while a session evaluates. Called on the evaluating thread with borrowed views; must not call the session.
/// What it throws ends the evaluation as a cancel does and leaves the call. Tokens evaluated again are shown again, guesses as if
/// they were tokens.
class SessionObserver {
 public:
    virtual ~SessionObserver() = default;
    /// x [T, D]: embedding (layer −1), then the residual stream after each layer.
    virtual void hidden([[maybe_unused]] std::int64_t layer, [[maybe_unused]] std::int64_t position, [[maybe_unused]] ConstRows x) {}
    /// The router's choice: ids, weights [T·per_token], by descending selection score.
    virtual void experts([[maybe_unused]] std::int64_t layer, [[maybe_unused]] std::int64_t position, [[maybe_unused]] std::int64_t per_token,
                         [[maybe_unused]] std::span<const std::int32_t> ids, [[maybe_unused]] std::span<const float> weights) {}
};

/// How tokens are drawn, and when a generation ends.
struct GenerateOptions {
    SamplingOptions sampling = {};
    std::size_t limit = 0;                       ///< tokens at most; 0 = as many as the context holds
    std::vector<Token> stop_tokens = {};         ///< in addition to the model's own; they end the generation and have no text
    std::vector<std::string> stop_strings = {};  ///< UTF-8 that ends the generation and is not part of its text; needs a tokenizer
    bool ignore_eos = false;                     ///< the model's own stop tokens are tokens like others
    bool special = false;                        ///< special tokens appear in the text
    std::optional<Grammar> grammar = {};         ///< what the text may be; needs a tokenizer. A stop token may come where the grammar lets the text end
    std::string grammar_after = {};              ///< UTF-8 behind whose first occurrence the grammar holds, after white space: "</think>"; empty = from the beginning
};

/// Why a generation ended. Where several reasons meet in one token, the first of this list counts.
enum class Finish : std::int32_t {
    none = 0,         ///< still running
    stop_token = 1,   ///< the piece's token is the stop token
    stop_string = 2,  ///< the text ends before the stop string
    limit = 3,
    context_full = 4,  ///< the timeline has no room for another token
    complete = 5,      ///< the grammar's text is whole and cannot go on
};

/// One step of a generation.
struct Piece {
    Token token = -1;              ///< the token drawn; −1 on a last piece without one: the context was full before the first
    float logprob = 0;             ///< natural logarithm of the model's probability of it, before penalties and filters
    std::string_view text = {};    ///< new text that is certain; empty while a character or a possible stop string is incomplete.
                                   ///< The last piece brings what was held back. Borrowed until the next call
    Finish finish = Finish::none;  ///< set on the last piece
};

class Generation;

/// One timeline of a model: the tokens so far and what each layer remembers of them.
/// Movable; fork() is the explicit copy. One thread at a time, any thread; cancel() from any thread at any time.
///
/// A call that throws leaves a valid timeline: length() tells how much of it there is, and every later call gives what a fresh
/// session with those tokens would. Any call that evaluates can throw, besides what it names:
///   cancelled     somebody called cancel()
///   wrong_state   in a child process after fork(2): the model's threads are gone
///   std::bad_alloc   memory for new pages of the cache; buffers are allocated when the session is made
/// and whatever an executor or an observer throws. With SessionOptions::reproducible the logits depend on the tokens alone: not
/// on how they were cut into calls, on what was rewound, or on the number of threads.
class Session {
 public:
    Session(Session&&) noexcept;
    Session& operator=(Session&&) noexcept;
    ~Session();

    /// Makes the timeline equal to `prompt`: keeps the common prefix, forgets the rest, evaluates only what is new.
    /// Errors: invalid_argument (an id outside the vocabulary; nothing changed), context_full (nothing changed), or as above:
    /// the timeline is then a prefix of the prompt.
    SyncReport sync(std::span<const Token> prompt);

    /// Evaluates tokens after the last. every_logit: empty, or [tokens.size(), vocab_size] f32 for the logits after each of them.
    /// Errors: invalid_argument (an id outside the vocabulary, every_logit of another size; nothing changed), context_full
    /// (nothing changed), or as above: tokens that were evaluated in whole pieces stay. std::bad_alloc changes nothing.
    ///
    /// every_draft_logit: empty, or of the same size for what the draft head expects after each of them: its guess from the token and from what
    /// the model made of those before it. After the first token of a timeline it expects nothing: zeros. Error(wrong_state) where the
    /// session was made without Drafting::head.
    void append(std::span<const Token> tokens, std::span<float> every_logit = {}, std::span<float> every_draft_logit = {});

    /// Forgets all tokens from `length` on: exactly the state of a session that never saw them. Evaluates nothing itself; where a
    /// layer cannot be cut at `length`, the next evaluation starts a little earlier. Error(invalid_argument) for length > length().
    void rewind(std::size_t length);

    /// Writes the timeline to a file, which gets its name when it is whole: what was there before stays until then. Safetensors with a checksum
    /// (XXH3). Evaluates nothing. Error(io).
    void save(const std::filesystem::path& path);

    /// Makes the timeline the one that was saved, as if it had been evaluated here: the same bits follow. All or nothing.
    ///   source   the saved file: a path, or a file set with one named "session.safetensors"; read during the call only
    /// Errors, which leave the session as it was: corrupt (no saved session, cut off, a bit that fell over), unsupported (of a later version),
    /// invalid_argument (another model, mode or cache, or without what this session's draft head needs), context_full, not_found, io, std::bad_alloc.
    void load(const Source& source);

    /// An independent session with the same timeline, without observer. Pages that are full are shared. Throws std::bad_alloc.
    [[nodiscard]] Session fork() const;

    /// Logits after the last token: [vocab_size] f32, borrowed until the next call that evaluates or changes the session.
    /// Evaluates what is not evaluated yet: after a rewind the last token again, after a generation its last token.
    /// Error(wrong_state) on an empty timeline.
    [[nodiscard]] std::span<const float> logits();

    /// What logits() evaluates, for several sessions at once: their last tokens go through the model together, and each weight that several of
    /// them need is read once. Then logits() of each, and the next token of a generation under way, take no evaluation.
    /// Gives the bits that logits() gives. Sessions of other models or modes, those with an observer, and those with more
    /// than one token to evaluate are evaluated too, one after another. A step is over when all are.
    ///   sessions   each once, none empty; all are used by this thread until the call returns
    ///   failures   as many: what logits() of each would have thrown, nullptr where all went well. Such a session is as it was, and the others take no
    ///              notice. cancel() of one of several takes effect when the step ends
    /// Errors, which change nothing: invalid_argument, wrong_state (an empty timeline).
    static void evaluate_batch(std::span<Session* const> sessions, std::span<std::exception_ptr> failures);

    /// Oldest first. Borrowed until the next call that changes the timeline.
    [[nodiscard]] std::span<const Token> tokens() const noexcept;
    [[nodiscard]] std::size_t length() const noexcept;
    [[nodiscard]] std::size_t capacity() const noexcept;  ///< tokens that fit
    [[nodiscard]] SessionMetrics metrics() const noexcept;
    [[nodiscard]] const std::shared_ptr<const Model>& model() const noexcept;

    /// Starts a generation after the last token. The session is borrowed (it may be moved, not destroyed) and must not be used
    /// otherwise until the generation ends. Errors: invalid_argument (naming the option), wrong_state (an empty timeline, or stop
    /// strings or a grammar without a tokenizer).
    [[nodiscard]] Generation generate(const GenerateOptions& options = {});

    /// Stops the evaluation that is running: it throws Error(cancelled) after at most one task's time. When none is running, the
    /// next one is stopped instead, once: a cancel between two tokens is not lost. Any thread; also from a signal handler.
    void cancel() const noexcept;

    /// Who looks on from now on; nullptr = nobody. Borrowed.
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
/// Every token drawn becomes part of the session's timeline at once, a stop token and those of a stop string included: the next
/// turn of a conversation is appended to what is there, and a rewind by one token takes a stop token back. The last token is
/// evaluated only when somebody asks for what follows it. Dropping a generation early is fine.
///
/// The text of all pieces joined is that of the tokens drawn, up to a stop token or stop string. A checkpoint without a tokenizer
/// generates tokens with empty text. One thread at a time, together with its session.
class Generation {
 public:
    Generation(Generation&&) noexcept;
    Generation& operator=(Generation&&) noexcept;
    ~Generation();

    /// The next token, or nothing after the last piece. What it throws (as Session; invalid_argument where the model gives no finite
    /// logit, or none to a token that the grammar allows; unsupported where a grammar's text can be read in too many ways) leaves the timeline and the text as they were: it can be called again and goes on as if nothing had been. A full
    /// context ends a generation with a piece, not an error.
    std::optional<Piece> next();

    /// Finish::none until the last piece was delivered.
    [[nodiscard]] Finish finish() const noexcept;

 private:
    friend class Session;
    struct Impl;
    explicit Generation(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace rorqual
