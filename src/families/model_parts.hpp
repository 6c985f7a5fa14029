#pragma once

#include <memory>
#include <string>

#include "cpu/workers.hpp"
#include "families/network.hpp"
#include "ops/kernels.hpp"
#include "rorqual/model.hpp"
#include "weights/weight_store.hpp"

namespace rorqual {

/// What an open model is made of. Immutable after Model::open except for the workers, which serialise themselves.
struct Model::Parts {
    weights::WeightStore store;   ///< owns or maps the bytes behind the network's views; and
    weights::PackedStore packed;  ///< owns what was packed
    std::unique_ptr<families::Network> network;
    std::optional<Tokenizer> tokenizer;
    std::optional<Token> bos;
    bool add_bos = false;
    GenerationDefaults defaults;
    ChatTemplate chat_template;
    std::string config;
    std::string identity;
    ops::Kernels kernels;
    std::unique_ptr<cpu::Workers> workers;
    std::pmr::memory_resource* memory = nullptr;  ///< never nullptr after opening
    Log log;
    Plan weights_plan;          ///< the weights' figures
    bool headers_only = false;  ///< no weights: for looking at
    Mode default_mode = Mode::exact;

    /// A model of these parts: what open() ends with.
    [[nodiscard]] static std::shared_ptr<const Model> assemble(std::unique_ptr<Parts> parts) {
        return std::shared_ptr<const Model>(new Model(std::move(parts)));
    }
};

}  // namespace rorqual
