#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "library.hpp"

namespace cli {

/// The options by which commands say how a model is computed: --threads, --isa, --mode, --cache, --chunk. `group`: their heading in the
/// help; "" = among the others.
void add_compute_options(CLI::App& command, ModelArguments& model, SessionArguments& session, const std::string& group = "");

/// --draft, --draft-tokens: guesses ahead of a generation.
void add_drafting_options(CLI::App& command, SessionArguments& session, const std::string& group = "");

/// Those of the former that decide what is remembered and how much room it takes.
CLI::Option* add_isa_option(CLI::App& command, ModelArguments& model);
CLI::Option* add_cache_option(CLI::App& command, SessionArguments& session);
CLI::Option* add_chunk_option(CLI::App& command, SessionArguments& session);

}  // namespace cli
