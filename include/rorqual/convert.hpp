#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "rorqual/source.hpp"

namespace rorqual {

class Executor;

/// Writing models: as GGUF files, which this library, llama.cpp and ik_llama.cpp open, or packed for this library alone.
///
///     quantize(Source::path("models/v2-lite"), "v2-lite-q4_k_m.gguf", {.format = "q4_k_m"});
///     pack(Source::path("v2-lite-q4_k_m.gguf"), "v2-lite-q4_k_m.safetensors");
///
/// Common to the functions below: the file appears under its name only when it is whole, and replaces what had that name.
/// Memory stays bounded, whatever the size of the model. Equal input gives equal bytes, on any machine, with any number of
/// threads. Any thread may call. Errors, besides those named: Error(invalid_argument) naming the option, Error(io) for the file,
/// std::bad_alloc; no file is left behind then.

/// How far a conversion is. Called on the calling thread, a few times a second at least; false stops: Error(callback).
using ConvertProgress = std::function<bool(std::uint64_t done_bytes, std::uint64_t all_bytes, std::string_view tensor)>;

/// How a GGUF file keeps the matrix that expands the latent into keys and values (kv_b_proj).
enum class LatentLayout : std::int32_t {
    joined = 0,  ///< attn_kv_b, as published. All programs open it; llama.cpp then caches whole keys and values
    split = 1,   ///< attn_k_b, transposed, and attn_v_b: what llama.cpp needs for its absorbed attention
};

struct QuantizeOptions {
    /// How numbers are stored: "f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "q6_k", "iq4_nl", "iq4_xs", "mxfp4",
    /// or a mix that gives more bits where they matter more, as llama.cpp's of the same name: "q2_k", "q3_k_s", "q3_k_m",
    /// "q3_k_l", "q4_k_s", "q4_k_m", "q5_k_s", "q5_k_m". The output matrix of most is q6_k. Where rows are no multiple of 256,
    /// the K formats and iq4_xs give way to one with 32: q4_k to q5_0, q5_k to q5_1, q6_k to q8_0, q2_k and q3_k to q4_0,
    /// iq4_xs to iq4_nl; where they are no multiple of 32, to f16. Norms and routers stay f32; experts in fp4 become MXFP4 and stay so, but in pure formats and those with fewer bits.
    std::string format = "q4_k_m";
    bool pure = false;                           ///< every matrix in the format itself, no mix
    LatentLayout latent = LatentLayout::joined;  ///< of a checkpoint folder; a GGUF file keeps its own
    std::size_t threads = 0;                     ///< workers including the caller; 0 = one per physical core allowed
    Executor* executor = nullptr;                ///< the host's threads instead; borrowed for the call
    ConvertProgress progress{};                  ///< may be empty
};

/// Writes a model, a checkpoint folder as published or a GGUF file, as a GGUF file whose matrices are stored in another format.
/// Keys, tokenizer and chat template go along. Weights that are quantised already are decoded first, and lose twice; what is stored
/// in the wanted format is copied. Errors: as Model::open for the source; Error(unsupported) for what GGUF cannot say of the model or
/// its tokenizer; Error(corrupt) naming the tensor whose values are not finite or beyond the format's range.
void quantize(const Source& source, const std::filesystem::path& path, const QuantizeOptions& options = {});

struct PackOptions {
    std::size_t threads = 0;       ///< workers including the caller; 0 = one per physical core allowed
    Executor* executor = nullptr;  ///< the host's threads instead; borrowed for the call
    ConvertProgress progress{};    ///< may be empty
};

/// Writes a model, of whatever form, as one safetensors file that holds its weights as the engine computes with them, and its config
/// and tokenizer. Model::open maps such a file and is done: nothing is read or packed ahead, and the system may drop and reread its
/// pages. It computes the same bits and has the same identity as the original, which it does not need any more. Another version of
/// the library may refuse it (Error(unsupported)): keep the original. Errors: as Model::open for the source; Error(unsupported) for a
/// packed file; Error(corrupt) naming the matrix of a quantised model that cannot be packed, because its values are not finite.
void pack(const Source& source, const std::filesystem::path& path, const PackOptions& options = {});

struct SynthesizeOptions {
    std::string geometry = "v2-lite";  ///< "v2-lite": DeepSeek-V2-Lite's; "moonlight", "glm-4.7-flash", "v4-mini": Flash at an eighth of its width; "v2-tiny", "v32-tiny" and "v4-tiny": small, odd sizes
    std::string format = "q4_k_m";     ///< as in QuantizeOptions
    bool pure = false;
    LatentLayout latent = LatentLayout::joined;
    std::uint64_t seed = 0;   ///< another seed, other weights
    std::int64_t layers = 0;  ///< fewer or more layers than the geometry has; 0 = as many
    std::size_t threads = 0;
    Executor* executor = nullptr;
    ConvertProgress progress{};
};

/// Writes a model of a true geometry with random weights: what it says means nothing, but it takes the time and memory of the
/// real one, so that anybody can measure without a download. Matrices are bell-shaped with variance 1 / row length, so that
/// activations neither explode nor vanish; their blocks are drawn from a pool of encoded random blocks, so that writing is
/// about as fast as the disk. Norms are 1. The vocabulary is made up, of the right size, and encodes any text.
void synthesize(const std::filesystem::path& path, const SynthesizeOptions& options = {});

}  // namespace rorqual
