// rorqual: runs DeepSeek-family models from the command line. It is a program like any other that uses librorqual: everything it
// does goes through rorqual.h.
#include <csignal>
#include <cstdio>
#include <exception>

#include "commands.hpp"
#include "library.hpp"
#include "output.hpp"

namespace {

std::string version_text() {
    const std::uint32_t version = rq_version();
    return "rorqual " + std::to_string(version / 1000000) + "." + std::to_string(version / 1000 % 1000) + "." + std::to_string(version % 1000);
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);  // a closed output shows up as EPIPE instead
    CLI::App program{"Runs DeepSeek-family models on the CPU."};
    program.name("rorqual");
    program.set_version_flag("--version", version_text());
    program.require_subcommand(1);
    program.footer("Exit codes: 0 done, 1 failed (one line on standard error says why), 2 wrong usage, 130 stopped by Ctrl-C.");
    cli::add_run(program);
    cli::add_chat(program);
    cli::add_inspect(program);
    cli::add_tokenize(program);
    cli::add_prompt(program);
    cli::add_eval(program);
    cli::add_quantize(program);
    cli::add_pack(program);
    cli::add_synth(program);
    cli::add_bench(program);
    cli::add_perplexity(program);
    try {
        program.parse(argc, argv);
        return 0;
    } catch (const CLI::ParseError& error) {
        return program.exit(error) == 0 ? 0 : cli::exit_usage;
    } catch (const cli::Quiet&) {
        return 0;
    } catch (const cli::Failure& failure) {
        if (*failure.what() != '\0') std::fprintf(stderr, "rorqual: %s\n", failure.what());
        return failure.exit_code;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "rorqual: %s\n", error.what());
        return cli::exit_failed;
    }
}
