#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <memory_resource>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rorqual/chat_template.hpp"
#include "rorqual/sampler.hpp"
#include "rorqual/source.hpp"
#include "rorqual/tokenizer.hpp"

namespace rorqual {

class Executor;

/// How a session keeps what each layer remembers.
enum class CacheFormat : std::int32_t {
    f32 = 0,
    bf16 = 1,       ///< half the memory; latents rounded to 8 bits of mantissa
    int8 = 2,       ///< a quarter; one scale per 256 values. For models whose latents are made of blocks of 32; what mode fast computes with as it lies
    automatic = 3,  ///< int8 in mode fast where the model has it, else f32
    compact = 4,    ///< a quarter of the memory, for DeepSeek-V4, as it was trained: keys in e4m3 but for their rotated part in bf16, index keys in fp4
};

/// How products are computed.
enum class Mode : std::int32_t {
    exact = 0,      ///< weights as stored, f32 activations and sums: the truth other modes are compared with
    fast = 1,       ///< int8 activations where weights are quantised, and for all the cheapest way to compute
    automatic = 2,  ///< fast for models with quantised weights, else exact
};

/// A model's sizes. Names as in config.json.
struct Geometry {
    std::string model_type;  ///< "deepseek_v2"
    std::int64_t vocab_size = 0;
    std::int64_t hidden_size = 0;
    std::int64_t layers = 0;        ///< num_hidden_layers
    std::int64_t dense_layers = 0;  ///< layers without routed experts
    std::int64_t heads = 0;
    std::int64_t routed_experts = 0;  ///< per expert layer; 0 = none
    std::int64_t experts_per_token = 0;
    std::int64_t context = 0;             ///< max_position_embeddings
    std::uint64_t parameters = 0;         ///< all weights
    std::uint64_t active_parameters = 0;  ///< used per token, head included, embedding row not
};

/// Memory a model and its sessions need, before any weight is read. Bytes.
struct Plan {
    std::uint64_t weights = 0;          ///< all tensors as stored, or as made from several when opening
    std::uint64_t weights_mapped = 0;   ///< of these, mapped from files: the system may drop and reread them
    std::uint64_t cache_per_token = 0;  ///< state of all layers, per token of context
    std::uint64_t context = 0;          ///< tokens the figures below are for
    std::uint64_t cache = 0;            ///< state at that context, in whole pages
    std::uint64_t scratch = 0;          ///< buffers of one session
    std::uint64_t peak = 0;             ///< weights + cache + scratch of one session
};

/// Where the library's one-line notices go; it writes nowhere by itself. Called on the thread that makes the call.
enum class LogLevel : std::int32_t { error = 0,
                                     warning = 1,
                                     info = 2,
                                     debug = 3 };
using Log = std::function<void(LogLevel level, std::string_view line)>;

struct ModelOptions {
    std::size_t threads = 0;                      ///< workers including the caller; 0 = one per physical core allowed
    Executor* executor = nullptr;                 ///< the host's threads instead of an own pool; borrowed for the model's life
    std::pmr::memory_resource* memory = nullptr;  ///< where weights that cannot be mapped, caches and scratch come from; nullptr = operator new. Borrowed for the life of the model and its sessions; called on whatever threads use them
    std::string isa{};                            ///< force kernels of one instruction set by name ("avx2"); "" = best of this machine
    Log log{};                                    ///< may be empty
    bool headers_only = false;                    ///< read no weights: a model to look at and to tokenize with, which has no sessions
};

/// Who guesses tokens ahead of a generation, which the model then verifies several at a time. The tokens of a generation are those it would have
/// without; how fast they come is the difference ("Fast Inference from Transformers via Speculative Decoding", §2).
enum class Drafting : std::int32_t {
    none = 0,
    lookup = 1,  ///< what followed the last few tokens where they stood before: for answers that repeat their prompt. Any model
    head = 2,    ///< the model's own layer for it (multi-token prediction): Model::has_draft_head()
};

struct SessionOptions {
    std::int64_t context = 0;   ///< room in tokens; 0 = the model's own
    std::int64_t chunk = 2048;  ///< a prompt is evaluated in pieces of at most so many tokens: more is faster for long prompts and takes more scratch memory
    CacheFormat cache = CacheFormat::automatic;
    Mode mode = Mode::automatic;
    Drafting drafting = Drafting::none;
    std::int64_t draft_tokens = 0;  ///< guesses at most before they are verified, up to 15; 0 = 8 of lookup, 2 of head. Each takes room for its logits
    bool reproducible = true;       ///< in mode exact, same bits for every way of cutting a prompt. false, like mode fast, lets oneDNN or Eigen carry long chunks' products and attention take the cheaper form
};

/// One tensor of the checkpoint, for display.
struct TensorSummary {
    std::string name;
    std::string file;
    DType dtype = DType::f32;
    std::vector<std::int64_t> shape;
    std::uint64_t bytes = 0;
};

/// What generation_config.json recommends; fields it does not mention keep SamplingOptions' defaults. As in the library that
/// writes these files, sampling is greedy unless do_sample is true, and then at temperature 1 unless it says another.
struct GenerationDefaults {
    SamplingOptions sampling;
    std::vector<Token> stop_tokens;  ///< eos_token_id, from generation_config.json or config.json; eos, eot and eom of a GGUF file
};

class Session;

/// A model: config, weights, tokenizer. Immutable: any number of threads may use it and open sessions on it at once.
class Model : public std::enable_shared_from_this<Model> {
 public:
    /// Opens a checkpoint or a GGUF model and maps its weights. Everything that is wrong with it is told in one Error
    /// (not_found, corrupt, unsupported, io) naming files, keys and tensors. A checkpoint without a tokenizer opens; its text calls fail.
    [[nodiscard]] static std::shared_ptr<const Model> open(const Source& source, const ModelOptions& options = {});

    /// What opening and one session would need; reads headers only.
    [[nodiscard]] static Plan plan(const Source& source, const SessionOptions& session = {}, const ModelOptions& options = {});

    ~Model();
    Model(const Model&) = delete;
    Model& operator=(const Model&) = delete;

    [[nodiscard]] const Geometry& geometry() const noexcept;
    /// The same figures for this open model.
    [[nodiscard]] Plan plan(const SessionOptions& session = {}) const;
    /// 32 hexadecimal digits: XXH3-128 over config, tokenizer and tensor table.
    [[nodiscard]] const std::string& identity() const noexcept;
    /// config.json as text; of a GGUF model, its metadata in the words of config.json.
    [[nodiscard]] const std::string& config() const noexcept;
    [[nodiscard]] std::vector<TensorSummary> tensors() const;
    [[nodiscard]] bool has_tokenizer() const noexcept;
    /// Throws Error(wrong_state) for a checkpoint without one.
    [[nodiscard]] const Tokenizer& tokenizer() const;
    /// Token ids of a prompt as the model expects it: begin-of-sentence first where tokenizer_config.json or the GGUF file says add_bos_token
    /// (and the text does not bring it itself), added tokens recognised only when asked for.
    [[nodiscard]] std::vector<Token> encode_prompt(std::string_view text, AddedTokens added = AddedTokens::ignore) const;
    [[nodiscard]] std::optional<Token> bos() const noexcept;
    [[nodiscard]] const GenerationDefaults& generation_defaults() const noexcept;
    /// The template that comes with it, for prompt_format_for() and Prompt: of chat_template.jinja, tokenizer_config.json (the one called
    /// "default", where there are several) or the GGUF file, with the special tokens of tokenizer_config.json or the GGUF file.
    [[nodiscard]] const ChatTemplate& chat_template() const noexcept;
    /// Threads in use, kernels in use and why no better ones: one line each.
    [[nodiscard]] std::vector<std::string> kernel_report() const;
    [[nodiscard]] std::size_t threads() const noexcept;
    /// What Mode::automatic means for this model.
    [[nodiscard]] Mode default_mode() const noexcept;
    /// Can its sessions remember in int8?
    [[nodiscard]] bool has_int8_cache() const noexcept;
    /// Can they remember in the compact form of compressed attention?
    [[nodiscard]] bool has_compact_cache() const noexcept;
    /// Has it a layer that guesses the token after the next, which sessions can draft with?
    [[nodiscard]] bool has_draft_head() const noexcept;

    /// A new, empty timeline. Throws Error(invalid_argument) for a context beyond the model's, Error(wrong_state) for a model opened with
    /// headers_only, std::bad_alloc.
    [[nodiscard]] Session session(const SessionOptions& options = {}) const;

    /// For the library's own layers.
    struct Parts;
    [[nodiscard]] const Parts& parts() const noexcept { return *parts_; }

 private:
    explicit Model(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

}  // namespace rorqual
