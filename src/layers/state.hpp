#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

namespace rorqual::layers {

/// Where saved states go: the next bytes; and where they come from: fills `out`, or throws.
using SaveBytes = std::function<void(std::span<const std::byte> bytes)>;
using LoadBytes = std::function<void(std::span<std::byte> out)>;

/// What one layer remembers of a timeline. Every kind of layer declares its own; a session knows only this.
/// Position = number of tokens remembered. Not thread-safe; distinct states are independent, also forks of one another.
class LayerState {
 public:
    virtual ~LayerState() = default;

    /// Tokens remembered so far.
    [[nodiscard]] virtual std::int64_t position() const noexcept = 0;

    /// Bytes held now. Pages shared with forks count fully in each.
    [[nodiscard]] virtual std::size_t bytes() const noexcept = 0;

    /// Makes room for tokens up to `position`, so that appending them cannot fail. Throws std::bad_alloc and leaves the state as it was.
    virtual void reserve(std::int64_t position) = 0;

    /// Forgets everything from `position` on (≤ position()). Returns where evaluation has to start again: `position` itself,
    /// or an earlier one when what was forgotten cannot be cut there ("rebuild from here"; position() is then that value).
    virtual std::int64_t rewind(std::int64_t position) = 0;

    /// How many tokens can be appended and taken back again, any number of them, without rewind() going back further.
    [[nodiscard]] virtual std::int64_t room_ahead() const noexcept { return INT64_MAX; }

    /// Writes what is remembered, in the same form on every machine. Throws what `to` throws.
    virtual void save(const SaveBytes& to) const = 0;

    /// An empty state takes over what save() wrote at `position`. Throws std::bad_alloc, what `from` throws, Error(corrupt); then only good for
    /// being destroyed.
    virtual void load(std::int64_t position, const LoadBytes& from) = 0;

    /// An independent state with the same memory; what is full is shared, what still grows is copied. Throws std::bad_alloc.
    [[nodiscard]] virtual std::unique_ptr<LayerState> fork() const = 0;
};

}  // namespace rorqual::layers
