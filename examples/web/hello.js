// Loads a model, continues a prompt, prints the text as it is written.   node hello.js MODEL [PROMPT]
const fs = require("fs");
const path = require("path");
const { openTeller, modelFiles } = require("./teller.js");
const createStory = require("./story.js");

async function main(folder, prompt = "Once upon a time") {
    if (!folder) {
        console.error("usage: node hello.js MODEL [PROMPT]");
        return 2;
    }
    const files = {};
    for (const name of modelFiles) files[name] = fs.readFileSync(path.join(folder, name));
    const teller = await openTeller(createStory, files, fs.readFileSync(path.join(__dirname, "story.wasm")));
    process.stdout.write(prompt);
    for (const piece of teller.tell(prompt, { limit: 40 })) process.stdout.write(piece);
    process.stdout.write("\n");
    return 0;
}

main(...process.argv.slice(2)).then(
    (status) => { process.exitCode = status; },
    (error) => {
        console.error(`hello: ${error.message}`);
        process.exitCode = 1;
    });
