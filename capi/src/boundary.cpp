#include "boundary.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <exception>
#include <new>
#include <stdexcept>

#include "rorqual/error.hpp"

namespace rorqual::capi {
namespace {

// The header repeats the numbers of Status: a program compares with RQ_ERR_*, the library throws Status.
static_assert(RQ_OK == static_cast<std::int32_t>(Status::ok));
static_assert(RQ_ERR_INVALID_ARGUMENT == static_cast<std::int32_t>(Status::invalid_argument));
static_assert(RQ_ERR_NOT_FOUND == static_cast<std::int32_t>(Status::not_found));
static_assert(RQ_ERR_IO == static_cast<std::int32_t>(Status::io));
static_assert(RQ_ERR_CORRUPT == static_cast<std::int32_t>(Status::corrupt));
static_assert(RQ_ERR_UNSUPPORTED == static_cast<std::int32_t>(Status::unsupported));
static_assert(RQ_ERR_NO_MEMORY == static_cast<std::int32_t>(Status::no_memory));
static_assert(RQ_ERR_CONTEXT_FULL == static_cast<std::int32_t>(Status::context_full));
static_assert(RQ_ERR_CANCELLED == static_cast<std::int32_t>(Status::cancelled));
static_assert(RQ_ERR_CALLBACK == static_cast<std::int32_t>(Status::callback));
static_assert(RQ_ERR_WRONG_STATE == static_cast<std::int32_t>(Status::wrong_state));
static_assert(RQ_ERR_INTERNAL == static_cast<std::int32_t>(Status::internal));

// The longest prefix of `line` that fits into `room` bytes without cutting a UTF-8 character in two.
std::size_t whole_characters(const char* line, std::size_t room) noexcept {
    std::size_t length = std::strlen(line);
    if (length <= room) return length;
    length = room;
    while (length > 0 && (static_cast<unsigned char>(line[length]) & 0xC0) == 0x80) --length;
    return length;
}

}  // namespace

std::int32_t report(rq_error* err, std::int32_t status, const char* line) noexcept {
    constexpr std::size_t code_end = offsetof(rq_error, code) + sizeof(rq_error::code);
    constexpr std::size_t message_start = offsetof(rq_error, message);
    if (err == nullptr || err->struct_size < code_end) return status;
    err->code = status;
    const std::size_t size = std::min<std::size_t>(err->struct_size, sizeof(rq_error));
    if (size <= message_start) return status;
    const std::size_t length = whole_characters(line, size - message_start - 1);
    std::memcpy(err->message, line, length);
    err->message[length] = '\0';
    return status;
}

std::int32_t report_current_exception(rq_error* err) noexcept {
    try {
        throw;
    } catch (const Error& error) {
        return report(err, static_cast<std::int32_t>(error.status()), error.what());
    } catch (const std::bad_alloc&) {
        return report(err, RQ_ERR_NO_MEMORY, "out of memory");
    } catch (const std::length_error&) {  // a container asked for more than the address space holds
        return report(err, RQ_ERR_NO_MEMORY, "out of memory: the size asked for is beyond the address space");
    } catch (const std::exception& error) {
        return report(err, RQ_ERR_INTERNAL, error.what());
    } catch (...) {
        return report(err, RQ_ERR_INTERNAL, "an exception of unknown type, thrown by the library or by a callback");
    }
}

std::int32_t report_exception(rq_error* err, const std::exception_ptr& failure) noexcept {
    if (!failure) return report(err, RQ_OK, "");
    try {
        std::rethrow_exception(failure);
    } catch (...) {
        return report_current_exception(err);
    }
}

}  // namespace rorqual::capi
