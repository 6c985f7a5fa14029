#pragma once

#include <CLI/CLI.hpp>

namespace cli {

/// Each command adds itself to the program: its arguments, its help, and what it does when it is chosen.
void add_run(CLI::App& program);
void add_chat(CLI::App& program);
void add_inspect(CLI::App& program);
void add_tokenize(CLI::App& program);
void add_prompt(CLI::App& program);
void add_eval(CLI::App& program);
void add_synth(CLI::App& program);
void add_bench(CLI::App& program);
void add_quantize(CLI::App& program);
void add_pack(CLI::App& program);
void add_perplexity(CLI::App& program);

}  // namespace cli
