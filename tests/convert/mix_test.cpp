// Which format each tensor gets: the mixes people know by name.
#include <catch2/catch.hpp>

#include <map>

#include "convert/mix.hpp"
#include "quant/encode.hpp"
#include "support/outcome.hpp"

using namespace rorqual;
using convert::Mix;

namespace {

constexpr std::int64_t layers = 27;

using Shape = std::vector<std::int64_t>;

std::optional<DType> dtype_in(std::string_view format, const std::string& name, const Shape& shape, bool pure = false, bool tied = false) {
    return convert::mixed_dtype(Mix::named(format, pure), {layers, tied}, name, shape);
}

std::string layer(std::int64_t i, const char* name) { return "blk." + std::to_string(i) + "." + name; }

std::vector<std::string> formats() {
    return {
#define RQ_MIX(name, file_type, dtype) #name,
#include "convert/mixes.inc"
#undef RQ_MIX
    };
}

}  // namespace

TEST_CASE("q4_k_m of DeepSeek-V2-Lite stores each tensor as the published files of that name do", "[convert][mix]") {
    const auto get = [](const std::string& name, const Shape& shape) { return dtype_in("q4_k_m", name, shape); };
    CHECK(get("token_embd.weight", {102400, 2048}) == DType::q4_k);
    CHECK(get("output.weight", {102400, 2048}) == DType::q6_k);
    CHECK(get(layer(9, "attn_q.weight"), {3072, 2048}) == DType::q4_k);
    CHECK(get(layer(9, "attn_output.weight"), {2048, 2048}) == DType::q4_k);
    CHECK(get(layer(9, "ffn_up_exps.weight"), {64, 1408, 2048}) == DType::q4_k);
    CHECK(get(layer(0, "ffn_down.weight"), {2048, 10944}) == DType::q8_0);          // q6_k, but 10944 is no multiple of 256
    CHECK(get(layer(3, "ffn_down_exps.weight"), {64, 2048, 1408}) == DType::q5_0);  // q4_k, but 1408 is none
    CHECK(get(layer(3, "attn_k_b.weight"), {16, 512, 128}) == DType::q5_0);
    CHECK(get(layer(3, "attn_v_b.weight"), {16, 128, 512}) == DType::q4_k);
    // The first and the last eighth of the layers and every third between have more bits.
    std::map<DType, int> down;
    for (std::int64_t i = 0; i < layers; ++i) ++down[get(layer(i, "ffn_down_shexp.weight"), {2048, 2816}).value()];
    CHECK(down == std::map<DType, int>{{DType::q4_k, 14}, {DType::q6_k, 13}});
    for (const std::int64_t i : {0, 1, 2, 5, 8, 11, 14, 17, 20, 23, 24, 25, 26}) {
        CAPTURE(i);
        CHECK(get(layer(i, "ffn_down_shexp.weight"), {2048, 2816}) == DType::q6_k);
        CHECK(get(layer(i, "attn_kv_b.weight"), {4096, 512}) == DType::q6_k);
    }
}

TEST_CASE("norms, biases and routers keep their precision in every mix", "[convert][mix]") {
    for (const auto& format : formats()) {
        for (const bool pure : {false, true}) {
            CAPTURE(format, pure);
            CHECK_FALSE(dtype_in(format, "output_norm.weight", {2048}, pure));
            CHECK_FALSE(dtype_in(format, layer(1, "attn_norm.weight"), {2048}, pure));
            CHECK_FALSE(dtype_in(format, layer(1, "attn_kv_a_norm.weight"), {512}, pure));
            CHECK_FALSE(dtype_in(format, layer(1, "ffn_gate_inp.weight"), {64, 2048}, pure));
            CHECK_FALSE(dtype_in(format, layer(1, "exp_probs_b.bias"), {64}, pure));
        }
    }
}

TEST_CASE("whatever the mix and the row's length, the format can be written and its blocks fill the row", "[convert][mix]") {
    int tried = 0;
    for (const auto& format : formats()) {
        for (const auto cols : {1, 31, 32, 96, 255, 256, 1408, 2048}) {
            for (const auto& name : {std::string("output.weight"), std::string("token_embd.weight"), layer(0, "ffn_down_exps.weight"),
                                     layer(5, "ffn_down.weight"), layer(9, "attn_kv_b.weight"), layer(3, "attn_output.weight"), layer(4, "attn_q.weight")}) {
                const auto dtype = dtype_in(format, name, {4, 8, cols}).value();
                CAPTURE(format, cols, name, rorqual::name(dtype));
                CHECK(quant::can_encode(dtype));
                CHECK(cols % block_length(dtype) == 0);
                ++tried;
            }
        }
    }
    CHECK(tried == 20 * 8 * 7);
}

TEST_CASE("a pure mix stores every matrix in one format wherever its rows allow", "[convert][mix]") {
    CHECK(dtype_in("q4_k", "output.weight", {100, 256}, true) == DType::q4_k);
    CHECK(dtype_in("q4_k", layer(0, "ffn_down.weight"), {100, 256}, true) == DType::q4_k);
    CHECK(dtype_in("q4_k", layer(0, "ffn_down.weight"), {100, 96}, true) == DType::q5_0);
    CHECK(dtype_in("mxfp4", layer(0, "attn_q.weight"), {100, 96}, true) == DType::mxfp4);
}

TEST_CASE("a tied embedding is stored as the output matrix would be", "[convert][mix]") {
    CHECK(dtype_in("q4_k_m", "token_embd.weight", {100, 256}, false, true) == DType::q6_k);
    CHECK(dtype_in("q8_0", "token_embd.weight", {100, 256}, false, true) == DType::q8_0);
}

TEST_CASE("mxfp4 is for the routed experts; the rest is q8_0", "[convert][mix]") {
    CHECK(dtype_in("mxfp4", layer(1, "ffn_up_exps.weight"), {64, 1408, 2048}) == DType::mxfp4);
    CHECK(dtype_in("mxfp4", layer(1, "attn_v_b.weight"), {16, 128, 512}) == DType::q8_0);
    CHECK(dtype_in("mxfp4", "output.weight", {100, 256}) == DType::q8_0);
}

TEST_CASE("a format nobody knows is refused with the list of those that are", "[convert][mix][hostile]") {
    for (const char* format : {"", "q4", "Q4_K_M", "q4_k_m ", "iq2_xxs", "q4_k_m\n"}) {
        CAPTURE(format);
        const auto outcome = test::outcome_of([&] { (void)Mix::named(format, false); });
        CHECK(outcome.status == Status::invalid_argument);
        CHECK(outcome.says("format: "));
        for (const auto& known : formats()) CHECK(outcome.says(known));
        CHECK_FALSE(outcome.says("\n"));
    }
}
