#include "prompts/dsml.hpp"

#include "prompts/markers.hpp"

namespace rorqual::prompts {
namespace {

using io::OrderedJson;

void open_tag(std::string_view name, Pieces& out) { out.markup("<").markup(marker::dsml).markup(name); }
void close_tag(std::string_view name, Pieces& out) { out.markup("</").markup(marker::dsml).markup(name).markup(">"); }

void render_parameter(const std::string& name, const OrderedJson& value, Pieces& out) {
    const bool is_string = value.kind == OrderedJson::Kind::string;
    open_tag("parameter", out);
    out.markup(" name=\"").text(name).markup(is_string ? "\" string=\"true\">" : "\" string=\"false\">");
    if (is_string) {
        out.text(value.text);
    } else {
        std::string json;
        io::print_json(json, value);
        out.text(json);
    }
    close_tag("parameter", out);
}

OrderedJson arguments(const Message& message, std::size_t call, BadArguments bad) {
    try {
        return arguments_of(message, call);
    } catch (const Error&) {
        if (bad == BadArguments::refused) throw;
        OrderedJson whole, text;
        text.kind = OrderedJson::Kind::string;
        text.text = (*message.tool_calls)[call].arguments;
        whole.kind = OrderedJson::Kind::object;
        whole.names.emplace_back("arguments");
        whole.elements.push_back(std::move(text));
        return whole;
    }
}

}  // namespace

void render_dsml_calls(const Message& message, std::string_view block, BadArguments bad, Pieces& out) {
    if (!message.tool_calls || message.tool_calls->empty()) return;
    out.markup("\n\n");
    open_tag(block, out);
    out.markup(">\n");
    for (std::size_t i = 0; i < message.tool_calls->size(); ++i) {
        if (i > 0) out.markup("\n");
        open_tag("invoke", out);
        out.markup(" name=\"").text((*message.tool_calls)[i].name).markup("\">\n");
        const OrderedJson parameters = arguments(message, i, bad);
        if (parameters.kind != OrderedJson::Kind::object) {
            refuse(message, "tool_calls[" + std::to_string(i) + "].function.arguments", "expected a JSON object");
        }
        for (std::size_t p = 0; p < parameters.names.size(); ++p) {
            if (p > 0) out.markup("\n");
            render_parameter(parameters.names[p], parameters.elements[p], out);
        }
        out.markup("\n");
        close_tag("invoke", out);
    }
    out.markup("\n");
    close_tag(block, out);
}

void render_schemas(const Message& message, Pieces& out) {
    for (std::size_t i = 0; i < message.tools.size(); ++i) {
        std::string json;
        io::print_json(json, message.tools[i]);
        if (i > 0) out.markup("\n");
        out.text(json);
    }
}

void render_response_format(const Message& message, Pieces& out) {
    if (message.response_format.elements.empty()) return;
    std::string json;
    io::print_json(json, message.response_format);
    out.markup("\n\n## Response Format:\n\nYou MUST strictly adhere to the following schema to reply:\n").text(json);
}

}  // namespace rorqual::prompts
