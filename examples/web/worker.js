// Runs the model beside the page, so that the page never waits: asked with { prompt, limit, temperature, seed }, answers with { piece },
// and { end } or { error } at last. A new question ends the story before it.
importScripts("teller.js", "story.js");

let asked = 0;

async function bytes(url) {
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(`${url}: ${answer.status} ${answer.statusText}`);
    return new Uint8Array(await answer.arrayBuffer());
}

async function open() {
    const loaded = await Promise.all([...modelFiles.map((name) => bytes(`model/${name}`)), bytes("story.wasm")]);
    const wasm = loaded.pop();
    return openTeller(createStory, Object.fromEntries(modelFiles.map((name, i) => [name, loaded[i]])), wasm);
}

const opened = open();
opened.then(() => postMessage({ ready: true }), (error) => postMessage({ error: error.message }));

onmessage = async ({ data }) => {
    const mine = ++asked;
    if (data.stop) return;
    try {
        const teller = await opened;
        const start = performance.now();
        let count = 0;
        for (const piece of teller.tell(data.prompt, data)) {
            postMessage({ story: data.story, piece });
            ++count;
            await new Promise((resume) => setTimeout(resume));   // a question may have come
            if (mine !== asked) return;
        }
        postMessage({ story: data.story, end: true, count, seconds: (performance.now() - start) / 1000 });
    } catch (error) {
        postMessage({ story: data.story, error: error.message });
    }
};
