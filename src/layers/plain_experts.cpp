// rorqual/moe.hpp: mixing experts on plain arrays.
#include <algorithm>
#include <memory_resource>
#include <string>
#include <tuple>

#include "layers/experts.hpp"
#include "ops/check.hpp"
#include "ops/decoded.hpp"
#include "rorqual/error.hpp"

namespace rorqual {
namespace {

layers::ExpertsShape check(std::span<const Expert> experts, std::int64_t experts_per_token, std::span<const std::int32_t> ids,
                           std::span<const float> weights, const ConstRows& x, const Rows& y) {
    using namespace ops;
    const auto refuse = [](const std::string& line) { throw Error(Status::invalid_argument, line); };
    check_rows("x", x);
    check_rows("y", y);
    check_size("y: rows", y.rows, x.rows);
    check_size("y: columns", y.cols, x.cols);
    if (experts_per_token < 1) refuse("experts_per_token: expected at least 1, got " + std::to_string(experts_per_token));
    const auto k = static_cast<std::size_t>(experts_per_token);
    if (ids.size() % k != 0 || ids.size() / k != static_cast<std::size_t>(x.rows) || ids.size() > INT32_MAX || experts.size() > INT32_MAX) {
        refuse("ids: expected experts_per_token for each row of x, got " + std::to_string(ids.size()));
    }
    check_size("weights: elements", static_cast<std::int64_t>(weights.size()), static_cast<std::int64_t>(ids.size()));
    for (std::size_t i = 0; i < ids.size(); ++i) {
        if (ids[i] >= 0 && static_cast<std::size_t>(ids[i]) < experts.size()) continue;
        refuse("ids[" + std::to_string(i) + "]: expected an id below " + std::to_string(experts.size()) + ", got " + std::to_string(ids[i]));
    }
    layers::ExpertsShape shape{static_cast<std::int64_t>(experts.size()), experts_per_token, x.cols, 0};
    for (std::size_t e = 0; e < experts.size(); ++e) {
        const auto& [gate, up, down] = experts[e];
        const auto name = [&](const char* what) { return "experts[" + std::to_string(e) + "]." + what; };
        check_weight(name("gate").c_str(), gate);
        check_weight(name("up").c_str(), up);
        check_weight(name("down").c_str(), down);
        check_size(name("gate: columns").c_str(), gate.cols, x.cols);
        check_size(name("up: columns").c_str(), up.cols, x.cols);
        check_size(name("up: rows").c_str(), up.rows, gate.rows);
        check_size(name("down: rows").c_str(), down.rows, x.cols);
        check_size(name("down: columns").c_str(), down.cols, gate.rows);
        shape.width = std::max(shape.width, gate.rows);
    }
    return shape;
}

std::int64_t decoded_values(std::span<const Expert> experts) {
    std::int64_t most = 0;
    for (const auto& expert : experts) {
        for (const auto& w : {expert.gate, expert.up, expert.down}) most = std::max(most, ops::decoded_values(w));
    }
    return most;
}

}  // namespace

void mix_experts(std::span<const Expert> experts, std::int64_t experts_per_token, std::span<const std::int32_t> ids,
                 std::span<const float> weights, ConstRows x, Rows y, Executor* executor) {
    const auto shape = check(experts, experts_per_token, ids, weights, x, y);
    const auto workers = executor ? cpu::Workers::on(*executor) : cpu::Workers::caller();
    const auto cut = [&](cpu::Arena& arena) {
        return std::tuple(layers::FfnScratch::cut(arena, layers::ExpertsScratch::inner_values(shape, x.rows)),
                          layers::ExpertsScratch::cut(arena, shape, x.rows, workers->count()),
                          ops::Scratch::cut(arena, decoded_values(experts), workers->count()));
    };
    cpu::Arena counting;
    (void)cut(counting);
    cpu::Arena arena(counting.bytes(), *std::pmr::new_delete_resource());
    const auto [inner, scratch, products] = cut(arena);
    const ops::Run run{ops::best_kernels(), *workers};
    layers::mix_experts(run.with(products), experts, shape, {ids, weights}, x, y, inner, scratch);
}

}  // namespace rorqual
