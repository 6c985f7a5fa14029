#pragma once

#include <memory>
#include <string_view>

namespace rorqual {

/// What a generation may write: a set of texts, as rules over characters.
///
///     const auto grammar = Grammar::from_json_schema(R"({"type": "object", "properties": {"age": {"type": "integer"}}})");
///     auto generation = session.generate({.grammar = grammar});
///
/// A cheap value: copies share what was read. Any number of threads and generations may use one at once.
class Grammar {
 public:
    /// The texts of rules in extended Backus–Naur form; the first rule, or the one called root, is the whole text:
    ///
    ///     root   ::= "yes" | "no" reason?      # a comment
    ///     reason ::= ", because " [^\n.]{1,80} "."
    ///
    /// Literals in double quotes and classes in brackets ([a-z_], [^"\\]) know \n \r \t \\ \" \] \- \^ \xHH and \u{H…}; `.` is any
    /// character but the end of a line. After an item: * + ? {n} {n,} {n,m}. Parentheses group, | separates alternatives, a rule ends
    /// where the next begins.
    /// Throws Error(invalid_argument) with line and column: syntax, a rule that is not there, one that calls itself before it has read
    /// anything, more than 2^18 items, brackets nested deeper than 256.
    [[nodiscard]] static Grammar from_rules(std::string_view text);

    /// The JSON texts that a JSON Schema admits, with at most one space after a comma or colon, or a line break and indentation.
    /// Properties come in the order in which the schema names them.
    ///   understood   type, enum, const, properties, required, additionalProperties, items, prefixItems, minItems, maxItems, minLength,
    ///                maxLength, minimum, maximum and their exclusive forms for integers, anyOf, oneOf, allOf of one, $ref into the
    ///                schema ("#", "#/$defs/…"), true and false; recursion
    ///   ignored      title, description, default, examples, deprecated, readOnly, writeOnly, $schema, $id, $comment, $defs, definitions,
    ///                and format of strings, which says how to read a value
    /// Numbers have at most 20 digits before and behind the point, and exponents two, so that every one is a double.
    /// Where additionalProperties is absent and properties are named, there are none but these: what a model is asked for.
    /// Throws Error(invalid_argument) naming the place ("schema: properties.age.minimum: …"): no JSON, deeper than 64, longer than 1 MiB, more than 2^15 values, a value of a wrong
    /// type, a reference that leads nowhere; Error(unsupported) for every other keyword: what cannot be kept to is refused, not ignored.
    [[nodiscard]] static Grammar from_json_schema(std::string_view schema);

    /// True if `text` is one of the texts. Throws std::bad_alloc.
    [[nodiscard]] bool matches(std::string_view text) const;

    /// For the library's own layers.
    class Impl;
    [[nodiscard]] const std::shared_ptr<const Impl>& impl() const noexcept { return impl_; }

 private:
    explicit Grammar(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
    std::shared_ptr<const Impl> impl_;
};

}  // namespace rorqual
