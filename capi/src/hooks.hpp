#pragma once

#include <cstddef>
#include <memory>
#include <memory_resource>
#include <optional>

#include "rorqual/executor.hpp"
#include "rorqual/model.hpp"
#include "rorqual/rorqual.h"

namespace rorqual::capi {

/// The host's allocator as a memory resource.
class HostMemory final : public std::pmr::memory_resource {
 public:
    explicit HostMemory(const rq_allocator& given);

 private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override;
    void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override;
    bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override { return this == &other; }

    rq_allocator host_;
};

/// The host's threads as an executor.
class HostExecutor final : public Executor {
 public:
    explicit HostExecutor(const rq_executor& given);
    std::size_t concurrency() const noexcept override { return host_.concurrency; }
    void run(std::size_t count, void (*body)(void* context, std::size_t i), void* context) override;

 private:
    rq_executor host_;
};

/// The executor of one operation: the host's where one is given.
class OptionalExecutor {
 public:
    explicit OptionalExecutor(const rq_executor* given);
    [[nodiscard]] Executor* get() noexcept { return host_ ? &*host_ : nullptr; }

 private:
    std::optional<HostExecutor> host_;
};

/// rq_model_options and the adapters that the engine's options point to: as long as a model lives, so must these.
class Hooks {
 public:
    explicit Hooks(const rq_model_options* given);
    Hooks(const Hooks&) = delete;
    Hooks& operator=(const Hooks&) = delete;
    [[nodiscard]] const ModelOptions& options() const noexcept { return options_; }

 private:
    std::optional<HostMemory> memory_;
    std::optional<HostExecutor> executor_;
    ModelOptions options_;
};

}  // namespace rorqual::capi
