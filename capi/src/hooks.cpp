#include "hooks.hpp"

#include <algorithm>
#include <cstdint>
#include <new>
#include <string>

#include "arguments.hpp"

namespace rorqual::capi {

HostMemory::HostMemory(const rq_allocator& given) : host_(given) {
    reserved(host_.reserved, "allocator.reserved");
    reserved(host_.reserved_pointer, "allocator.reserved_pointer");
    if (host_.alloc == nullptr) refuse("allocator.alloc", "NULL");
    if (host_.release == nullptr) refuse("allocator.release", "NULL");
}

void* HostMemory::do_allocate(std::size_t bytes, std::size_t alignment) {
    bytes = std::max<std::size_t>(bytes, 1);  // hosts differ in what they do with 0
    void* memory = host_.alloc(bytes, alignment, host_.user);
    if (memory == nullptr) throw std::bad_alloc();
    if (reinterpret_cast<std::uintptr_t>(memory) % alignment != 0) {
        host_.release(memory, bytes, alignment, host_.user);
        throw Error(Status::callback, "allocator.alloc: returned memory that is not aligned to " + std::to_string(alignment) + " bytes");
    }
    return memory;
}

void HostMemory::do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) {
    host_.release(memory, std::max<std::size_t>(bytes, 1), alignment, host_.user);
}

HostExecutor::HostExecutor(const rq_executor& given) : host_(given) {
    if (host_.concurrency == 0) refuse("executor.concurrency", "0, expected at least 1");
    if (host_.run == nullptr) refuse("executor.run", "NULL");
}

void HostExecutor::run(std::size_t count, void (*body)(void* context, std::size_t i), void* context) {
    const std::int32_t refused = host_.run(count, body, context, host_.user);
    if (refused != 0) throw Error(Status::callback, "executor.run: answered " + std::to_string(refused));
}

OptionalExecutor::OptionalExecutor(const rq_executor* given) {
    if (given != nullptr) host_.emplace(input(given, "executor"));
}

Hooks::Hooks(const rq_model_options* given) {
    const auto o = input_or_defaults(given, "options");
    options_.threads = o.threads;
    options_.headers_only = yes_or_no(o.headers_only, "options.headers_only");
    options_.isa = text(o.isa, o.isa_len, "options.isa");
    if (o.allocator != nullptr) options_.memory = &memory_.emplace(input(o.allocator, "options.allocator"));
    if (o.executor != nullptr) options_.executor = &executor_.emplace(input(o.executor, "options.executor"));
    if (o.log != nullptr) {
        options_.log = [log = o.log, user = o.log_user](LogLevel level, std::string_view line) {
            log(static_cast<std::int32_t>(level), line.data(), line.size(), user);
        };
    }
}

}  // namespace rorqual::capi
