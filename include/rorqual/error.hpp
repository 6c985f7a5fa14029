#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace rorqual {

/// What went wrong, as a number that never changes its meaning. The C ABI carries the same numbers (RQ_ERR_*).
enum class Status : std::int32_t {
    ok = 0,
    invalid_argument = 1,  ///< the caller's value is outside what the function documents
    not_found = 2,         ///< a file, key, tensor or token the call needs is not there
    io = 3,                ///< the operating system or a callback could not read or write
    corrupt = 4,           ///< a file contradicts itself or its format
    unsupported = 5,       ///< valid, but this version or this machine cannot do it
    no_memory = 6,         ///< an allocation failed or a memory budget does not suffice
    context_full = 7,      ///< the session has no room for the tokens
    cancelled = 8,         ///< somebody called cancel
    callback = 9,          ///< a callback of the caller asked to stop or failed
    wrong_state = 10,      ///< not possible now: no logits yet, no tokenizer, used after fork()
    internal = 11,         ///< a mistake in the library; the message says where
};

/// The name of a status as it stands in messages: "not_found". Never NULL.
[[nodiscard]] const char* name(Status status) noexcept;

/// The one exception type of the library: a status and one line that names the file, key, tensor or argument.
/// `std::bad_alloc` is the only other exception that leaves a function of this library.
class Error : public std::runtime_error {
 public:
    Error(Status status, const std::string& line) : std::runtime_error(line), status_(status) {}

    [[nodiscard]] Status status() const noexcept { return status_; }

 private:
    Status status_;
};

}  // namespace rorqual
