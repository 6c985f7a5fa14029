#include "rorqual/convert.hpp"

#include "arguments.hpp"
#include "boundary.hpp"
#include "handles.hpp"
#include "hooks.hpp"

using namespace rorqual;
using namespace rorqual::capi;

namespace {

ConvertProgress progress_to(rq_progress_fn host, void* user) {
    if (host == nullptr) return {};
    return [host, user](std::uint64_t done, std::uint64_t all, std::string_view tensor) {
        return host(done, all, tensor.data(), tensor.size(), user) == 0;
    };
}

LatentLayout latent_layout(std::int32_t given) {
    return code(given, RQ_LATENT_SPLIT + 1, "options.latent") == RQ_LATENT_SPLIT ? LatentLayout::split : LatentLayout::joined;
}

/// Text of the caller where there is some; else the default stays.
void take_text(const char* data, std::size_t length, const char* argument, std::string& to) {
    if (const auto given = text(data, length, argument); !given.empty()) to = given;
}

/// Who does the work, and who hears of it.
template <class Given, class Options>
void take_workers(const Given& given, Executor* executor, Options& to) {
    to.threads = given.threads;
    to.executor = executor;
    to.progress = progress_to(given.progress, given.user);
}

/// What the options of functions that write GGUF files have in common.
template <class Given, class Options>
void take_common(const Given& given, Executor* executor, Options& to) {
    take_text(given.format, given.format_len, "options.format", to.format);
    to.pure = yes_or_no(given.pure, "options.pure");
    to.latent = latent_layout(given.latent);
    take_workers(given, executor, to);
}

}  // namespace

int32_t rq_quantize(const rq_source* source, const char* path, size_t path_len, const rq_quantize_options* options, rq_error* err) {
    return boundary(err, [&] {
        const auto& from = required(source, "source").source;
        const auto to = path_argument(path, path_len, "path");
        const auto o = input_or_defaults(options, "options");
        OptionalExecutor executor(o.executor);
        QuantizeOptions quantize_options;
        take_common(o, executor.get(), quantize_options);
        quantize(from, to, quantize_options);
    });
}

int32_t rq_pack(const rq_source* source, const char* path, size_t path_len, const rq_pack_options* options, rq_error* err) {
    return boundary(err, [&] {
        const auto& from = required(source, "source").source;
        const auto to = path_argument(path, path_len, "path");
        const auto o = input_or_defaults(options, "options");
        OptionalExecutor executor(o.executor);
        PackOptions pack_options;
        take_workers(o, executor.get(), pack_options);
        pack(from, to, pack_options);
    });
}

int32_t rq_synthesize(const char* path, size_t path_len, const rq_synthesize_options* options, rq_error* err) {
    return boundary(err, [&] {
        const auto to = path_argument(path, path_len, "path");
        const auto o = input(options, "options");
        reserved(o.reserved_pointer, "options.reserved_pointer");
        OptionalExecutor executor(o.executor);
        SynthesizeOptions synthesize_options;
        take_common(o, executor.get(), synthesize_options);
        take_text(o.geometry, o.geometry_len, "options.geometry", synthesize_options.geometry);
        synthesize_options.seed = o.seed;
        synthesize_options.layers = size(o.layers, "options.layers");
        synthesize(to, synthesize_options);
    });
}
