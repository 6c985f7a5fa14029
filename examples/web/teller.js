// The model of a folder as an object that tells stories, for the page's worker and for Node alike.
//   const teller = await openTeller(createStory, { "config.json": bytes, ... }, wasmBytes);
//   for (const piece of teller.tell("Once upon a time", { limit: 100, temperature: 0.8, seed: 1 })) ...
async function openTeller(createStory, files, wasmBinary) {
    const story = await createStory({ wasmBinary });
    const call = (name, result, ...args) => story.ccall(name, result, args.map((arg) => typeof arg), args);
    const check = () => {
        const error = call("story_error", "string");
        if (error) throw new Error(error);
    };
    story.FS.mkdir("/model");
    for (const [name, bytes] of Object.entries(files)) story.FS.writeFile(`/model/${name}`, bytes);
    if (!call("story_open", "number", "/model")) check();
    return {
        *tell(prompt, { limit = 200, temperature = 0, seed = 0 } = {}) {
            if (!call("story_begin", "number", prompt, limit, temperature, seed)) check();
            while (call("story_next", "number")) yield call("story_text", "string");
            check();
        },
    };
}

const modelFiles = ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"];

if (typeof module !== "undefined") module.exports = { openTeller, modelFiles };
