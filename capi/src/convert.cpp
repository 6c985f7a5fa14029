#include "rorqual/convert.hpp"

#include "arguments.hpp"
#include "boundary.hpp"
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

}  // namespace

int32_t rq_synthesize(const char* path, size_t path_len, const rq_synthesize_options* options, rq_error* err) {
    return boundary(err, [&] {
        const auto to = path_argument(path, path_len, "path");
        const auto o = input(options, "options");
        reserved(o.reserved_pointer, "options.reserved_pointer");
        OptionalExecutor executor(o.executor);
        SynthesizeOptions synthesize_options;
        take_text(o.geometry, o.geometry_len, "options.geometry", synthesize_options.geometry);
        take_text(o.format, o.format_len, "options.format", synthesize_options.format);
        synthesize_options.pure = yes_or_no(o.pure, "options.pure");
        synthesize_options.latent = latent_layout(o.latent);
        synthesize_options.seed = o.seed;
        synthesize_options.layers = size(o.layers, "options.layers");
        synthesize_options.threads = o.threads;
        synthesize_options.executor = executor.get();
        synthesize_options.progress = progress_to(o.progress, o.user);
        synthesize(to, synthesize_options);
    });
}
