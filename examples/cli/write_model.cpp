#include "write_model.hpp"

#include <cstdio>
#include <filesystem>

#include "output.hpp"

namespace cli {

void add_write_options(CLI::App& command, WriteArguments& to) {
    command.add_option("-o,--out", to.out, "File to write; it appears when it is whole")->required();
    command.add_option("--format", to.format,
                       "f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1, q6_k, iq4_nl, iq4_xs, mxfp4, or a mix: q2_k, q3_k_s, q3_k_m, q3_k_l, q4_k_s, q4_k_m, q5_k_s, q5_k_m")
        ->capture_default_str();
    command.add_flag("--pure", to.pure, "Every matrix in the format itself, no mix");
    command.add_option("--latent", to.latent, "How the matrix that expands the latent is kept: attn_kv_b, or attn_k_b and attn_v_b")
        ->check(CLI::IsMember({"joined", "split"}))
        ->capture_default_str();
    command.add_option("--threads", to.threads, "0 = one per physical core");
}

void tell_written(const std::string& path, double seconds) {
    const auto bytes = std::filesystem::file_size(path);
    std::fprintf(stderr, "%s: %s in %.1f s, %s/s\n", path.c_str(), bytes_text(bytes).c_str(), seconds,
                 bytes_text(static_cast<std::uint64_t>(static_cast<double>(bytes) / (seconds > 0 ? seconds : 1))).c_str());
}

}  // namespace cli
