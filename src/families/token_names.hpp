#pragma once

#include <string>
#include <string_view>

#include "io/ordered_json.hpp"

namespace rorqual::families {

/// Special tokens by the names that chat templates call them, as a JSON object.
class TokenNames {
 public:
    void add(std::string_view name, std::string_view text) {
        if (!members_.empty()) members_ += ", ";
        io::print_json_string(members_, name);
        members_ += ": ";
        io::print_json_string(members_, text);
    }
    [[nodiscard]] std::string json() const { return "{" + members_ + "}"; }

 private:
    std::string members_;
};

}  // namespace rorqual::families
