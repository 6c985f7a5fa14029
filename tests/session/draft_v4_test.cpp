// The block that drafts in checkpoints of DeepSeek-V4. No published reference has one: it is compared with its formulas in float64, and with a
// network of that block alone.
#include <catch2/catch.hpp>

#include <cmath>

#include "rorqual/session.hpp"
#include "support/checkpoint_copy.hpp"
#include "support/difference.hpp"
#include "support/golden.hpp"
#include "support/outcome.hpp"
#include "support/temp_folder.hpp"
#include "support/v4_draft_checkpoint.hpp"
#include "support/v4_draft_reference.hpp"
#include "tolerance.hpp"

using namespace rorqual;
using test::CheckpointCopy;
using test::TempFolder;

namespace {

const std::filesystem::path checkpoint = std::filesystem::path(RQ_SOURCE_DIR) / "tests/data/checkpoints/v4";
constexpr std::size_t vocab = 320, hidden = 64, streams = 4;

// The draft block as a network of one layer.
CheckpointCopy block_alone(const CheckpointCopy& model) {
    auto alone = model;
    std::erase_if(alone.tensors, [](const auto& entry) { return entry.first.starts_with("layers.") || entry.first.starts_with("mtp."); });
    for (const auto& [name, tensor] : model.tensors) {
        if (!name.starts_with("mtp.0.")) continue;
        const auto within = name.substr(6);
        if (within.starts_with("enorm") || within.starts_with("hnorm") || within.starts_with("e_proj") || within.starts_with("h_proj")) continue;
        alone.tensors[(within.starts_with("hc_head") || within == "norm.weight" ? "" : "layers.0.") + within] = tensor;
    }
    alone.config["num_hidden_layers"] = 1;
    alone.config["num_hash_layers"] = 0;
    alone.config["compress_ratios"] = {0};
    return alone;
}

// Σ_i weight[o, i]·x_i of a square matrix.
std::vector<double> product(std::span<const float> weight, std::span<const double> x) {
    std::vector<double> y(x.size());
    for (std::size_t o = 0; o < x.size(); ++o) {
        for (std::size_t i = 0; i < x.size(); ++i) y[o] += double{weight[o * x.size() + i]} * x[i];
    }
    return y;
}

std::vector<double> normed(std::span<const double> x, std::span<const float> weight) {
    double squares = 0;
    for (const double value : x) squares += value * value;
    const double r = 1 / std::sqrt(squares / static_cast<double>(x.size()) + 1e-6);
    std::vector<double> y(x.begin(), x.end());
    for (std::size_t i = 0; i < y.size(); ++i) y[i] *= r * double{weight[i]};
    return y;
}

// e_proj·norm(e) of each token's embedding.
std::vector<float> joined_embeddings(const CheckpointCopy& model) {
    const auto e = model.tensors.at("embed.weight").values(), norm = model.tensors.at("mtp.0.enorm.weight").values(), proj = model.tensors.at("mtp.0.e_proj.weight").values();
    std::vector<float> joined;
    for (std::size_t v = 0; v < vocab; ++v) {
        const auto row = std::span(e).subspan(v * hidden, hidden);
        for (const double value : product(proj, normed(std::vector<double>(row.begin(), row.end()), norm))) joined.push_back(static_cast<float>(value));
    }
    return joined;
}

// Layers that add nothing, and streams that pass by one another: C = 1.
void silence_block(CheckpointCopy& model) {
    for (auto& [name, tensor] : model.tensors) {
        const bool adds = name.ends_with("wo_b.weight") || name.ends_with("w2.weight");
        const bool mixes = name.ends_with("hc_attn_fn") || name.ends_with("hc_ffn_fn");
        if (!name.starts_with("mtp.0.")) continue;
        if (adds || mixes) tensor = test::random_tensor(tensor.shape, 0, 1);
        if (!name.ends_with("hc_attn_base") && !name.ends_with("hc_ffn_base")) continue;
        std::vector<float> base((2 + streams) * streams);
        for (std::size_t i = 0; i < streams; ++i) base[(2 + i) * streams + i] = 60;
        tensor = CheckpointCopy::of(tensor.shape, base);
    }
}

// h_proj·norm(S_k) of one token's streams.
std::vector<double> joined_streams(const CheckpointCopy& model, std::span<const float> of_token) {
    const auto norm = model.tensors.at("mtp.0.hnorm.weight").values(), proj = model.tensors.at("mtp.0.h_proj.weight").values();
    std::vector<double> joined;
    for (std::size_t k = 0; k < streams; ++k) {
        const auto stream = of_token.subspan(k * hidden, hidden);
        const auto y = product(proj, normed(std::vector<double>(stream.begin(), stream.end()), norm));
        joined.insert(joined.end(), y.begin(), y.end());
    }
    return joined;
}

// The block's own output, then the network's head.
std::vector<float> output_of_streams(const CheckpointCopy& model, std::span<const double> x) {
    const auto values = [&](const char* name) { return model.tensors.at(name).values(); };
    const auto fn = values("mtp.0.hc_head_fn"), base = values("mtp.0.hc_head_base"), scale = values("mtp.0.hc_head_scale"), head = values("head.weight");
    double squares = 0;
    for (const double value : x) squares += value * value;
    const double r = 1 / std::sqrt(squares / static_cast<double>(x.size()) + 1e-6);
    std::vector<double> h(hidden);
    for (std::size_t k = 0; k < streams; ++k) {
        double mu = 0;
        for (std::size_t i = 0; i < x.size(); ++i) mu += double{fn[k * x.size() + i]} * x[i];
        const double p = 1 / (1 + std::exp(-(mu * r * double{scale[0]} + double{base[k]}))) + 1e-6;
        for (std::size_t i = 0; i < hidden; ++i) h[i] += p * x[k * hidden + i];
    }
    const auto last = normed(h, values("mtp.0.norm.weight"));
    std::vector<float> logits(vocab);
    for (std::size_t v = 0; v < vocab; ++v) {
        double sum = 0;
        for (std::size_t i = 0; i < hidden; ++i) sum += double{head[v * hidden + i]} * last[i];
        logits[v] = static_cast<float>(sum);
    }
    return logits;
}

// The streams after the last layer.
struct LastStreams final : SessionObserver {
    explicit LastStreams(std::int64_t layer) : last(layer) {}
    void hidden(std::int64_t layer, std::int64_t, ConstRows x) override {
        if (layer != last) return;
        for (std::int64_t t = 0; t < x.rows; ++t) values.insert(values.end(), x.row(t).begin(), x.row(t).end());
    }
    std::int64_t last;
    std::vector<float> values;
};

std::shared_ptr<const Model> open(const CheckpointCopy& model, const TempFolder& folder) {
    model.write(folder.path());
    return Model::open(Source::path(folder.path()), {.threads = 2});
}

std::vector<float> drafts(Session& session, std::span<const Token> tokens) {
    std::vector<float> rows(tokens.size() * vocab);
    session.append(tokens, {}, rows);
    return rows;
}

std::vector<Token> prompt(int n) { return test::Golden(checkpoint / "golden.safetensors").tokens("input_ids." + std::to_string(n)); }

}  // namespace

TEST_CASE("the draft block of V4 gives the logits of a network made of that block", "[session][mtp][v4]") {
    // Without a part in what the network computed, all streams begin as the embeddings of the following tokens, joined.
    const auto drafting = test::v4_with_draft_block(1, 0);
    auto of_block = block_alone(drafting);
    of_block.tensors["embed.weight"] = CheckpointCopy::of({vocab, hidden}, joined_embeddings(drafting));
    const TempFolder first, second;
    const auto model = open(drafting, first), alone = open(of_block, second);
    CHECK(model->has_draft_head());
    CHECK_FALSE(alone->has_draft_head());
    for (const int n : {1, 2, 3, 4}) {
        const auto tokens = prompt(n);
        auto session = model->session({.drafting = Drafting::head});
        const auto rows = drafts(session, tokens);
        auto reference = alone->session();
        std::vector<float> expected((tokens.size() - 1) * vocab);
        reference.append(std::span(tokens).subspan(1), expected);
        CAPTURE(n);
        CHECK(test::difference(std::span(rows).subspan(vocab), expected) <= tolerance::logits());
        CHECK(std::ranges::all_of(std::span(rows).first(vocab), [](float v) { return v == 0; }));
    }
}

TEST_CASE("the draft block of V4 begins with each stream of the network, normed and projected", "[session][mtp][v4]") {
    auto drafting = test::v4_with_draft_block(0, 1);
    silence_block(drafting);
    const TempFolder folder;
    const auto model = open(drafting, folder);
    const auto tokens = prompt(2);
    auto session = model->session({.drafting = Drafting::head});
    LastStreams last(model->geometry().layers - 1);
    session.observe(&last);
    const auto rows = drafts(session, tokens);
    for (std::size_t t = 0; t + 1 < tokens.size(); ++t) {
        CAPTURE(t);
        const auto expected = output_of_streams(drafting, joined_streams(drafting, std::span(last.values).subspan(t * streams * hidden, streams * hidden)));
        CHECK(test::difference(std::span(rows).subspan((t + 1) * vocab, vocab), expected) <= tolerance::logits());
    }
}

TEST_CASE("the draft block of V4 gives the logits of its formulas in float64", "[session][mtp][v4]") {
    const auto drafting = test::v4_with_draft_block();
    const TempFolder folder;
    const auto model = open(drafting, folder);
    for (const int n : {2, 4}) {  // the second reaches past the window and a page
        const auto tokens = prompt(n);
        auto session = model->session({.drafting = Drafting::head});
        LastStreams last(model->geometry().layers - 1);
        session.observe(&last);
        const auto rows = drafts(session, tokens);
        test::V4DraftReference reference(drafting);
        for (std::size_t t = 0; t + 1 < tokens.size(); ++t) {
            CAPTURE(n, t);
            const auto expected = reference.logits(std::span(last.values).subspan(t * streams * hidden, streams * hidden), tokens[t + 1]);
            CHECK(test::difference(std::span(rows).subspan((t + 1) * vocab, vocab), std::vector<float>(expected.begin(), expected.end())) <= tolerance::logits());
        }
    }
}

TEST_CASE("a draft block of V4 is whole or is not asked for", "[session][mtp][v4]") {
    const auto whole = test::v4_with_draft_block();
    const auto opening = [](const CheckpointCopy& model) {
        const TempFolder folder;
        return test::outcome_of([&] { (void)open(model, folder); });
    };
    for (const char* name : {"mtp.0.e_proj.weight", "mtp.0.hnorm.weight", "mtp.0.norm.weight", "mtp.0.hc_head_base", "mtp.0.attn.attn_sink", "mtp.0.ffn.gate.bias"}) {
        auto model = whole;
        model.tensors.erase(name);
        const auto outcome = opening(model);
        CAPTURE(name, outcome.line);
        CHECK(outcome.status == Status::not_found);
        CHECK(outcome.says(std::string(name) + ": missing"));
        CHECK(outcome.says("num_nextn_predict_layers"));
    }
    const auto drafts_with = [](const CheckpointCopy& model) {
        const TempFolder folder;
        return open(model, folder)->has_draft_head();
    };
    CHECK(drafts_with(whole));
    auto unannounced = whole;
    unannounced.config["num_nextn_predict_layers"] = 0;
    CHECK_FALSE(drafts_with(unannounced));
    auto in_stages = whole;  // of later checkpoints, which draft otherwise
    in_stages.config["dspark_block_size"] = 5;
    in_stages.tensors["mtp.0.main_norm.weight"] = in_stages.tensors.at("mtp.0.norm.weight");
    CHECK_FALSE(drafts_with(in_stages));
}
