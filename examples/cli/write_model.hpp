#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <utility>

#include "library.hpp"
#include "progress.hpp"

namespace cli {

/// What commands that write a GGUF file share.
struct WriteArguments {
    std::string out;
    std::string format = "q4_k_m";
    bool pure = false;
    std::string latent = "joined";
    std::uint32_t threads = 0;
};

void add_write_options(CLI::App& command, WriteArguments& to);

/// One line on standard error: what was written, and how fast.
void tell_written(const std::string& path, double seconds);

/// Writes the file `out` by write(out) with a progress bar, and tells about it.
template <class Options, class Write>
void write_file(const std::string& out, Options& options, Write&& write) {
    Progress progress;
    options.progress = Progress::report;
    options.user = &progress;
    try {
        std::forward<Write>(write)(out);
    } catch (const LibraryError& error) {
        if (error.status == RQ_ERR_CALLBACK && Progress::interrupted()) throw Failure("", exit_interrupted);
        throw;
    }
    tell_written(out, progress.seconds());
}

/// The same after filling in what rq_synthesize_options and rq_quantize_options have in common.
template <class Options, class Write>
void write_model(const WriteArguments& arguments, Options& options, Write&& write) {
    options.threads = arguments.threads;
    options.format = arguments.format.data();
    options.format_len = arguments.format.size();
    options.pure = arguments.pure ? 1 : 0;
    options.latent = arguments.latent == "split" ? RQ_LATENT_SPLIT : RQ_LATENT_JOINED;
    write_file(arguments.out, options, std::forward<Write>(write));
}

}  // namespace cli
