// Opens the page in a headless browser as a reader would, over HTTP, and compares the story that it shows.
//   node browser.js BROWSER FOLDER PROMPT EXPECTED [PICTURE]
const { spawn } = require("child_process");
const fs = require("fs");
const http = require("http");
const os = require("os");
const path = require("path");

const [browser, folder, prompt, expected, picture] = process.argv.slice(2);
const types = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm", ".json": "application/json" };

const server = http.createServer((request, answer) => {
    const file = path.join(folder, path.normalize(new URL(request.url, "http://here").pathname));
    fs.readFile(file, (error, bytes) => {
        answer.writeHead(error ? 404 : 200, { "Content-Type": types[path.extname(file)] || "application/octet-stream" });
        answer.end(bytes);
    });
});

// The browser's own protocol over two pipes: messages are JSON that ends with a zero.
function connect(child) {
    const waiting = new Map();
    let last = 0, received = "";
    child.stdio[4].setEncoding("utf8").on("data", (text) => {
        const messages = (received + text).split("\0");
        received = messages.pop();
        for (const message of messages.map((each) => JSON.parse(each))) {
            const { resolve, reject } = waiting.get(message.id) || {};
            if (message.error) reject?.(new Error(message.error.message));
            else resolve?.(message.result);
        }
    });
    return (method, params = {}, sessionId) => new Promise((resolve, reject) => {
        waiting.set(++last, { resolve, reject });
        child.stdio[3].write(JSON.stringify({ id: last, method, params, sessionId }) + "\0");
    });
}

async function read(send) {
    const query = new URLSearchParams({ prompt, temperature: 0, limit: 40, tell: 1 });
    const url = `http://127.0.0.1:${server.address().port}/index.html?${query}`;
    const { targetId } = await send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await send("Target.attachToTarget", { targetId, flatten: true });
    await send("Emulation.setDeviceMetricsOverride", { width: 900, height: 760, deviceScaleFactor: 1, mobile: false }, sessionId);
    await send("Page.navigate", { url }, sessionId);
    const value = async (expression) => (await send("Runtime.evaluate", { expression, returnByValue: true }, sessionId)).result.value;
    for (let status = ""; !/ a second\.$/.test(status);) {
        await new Promise((resume) => setTimeout(resume, 200));
        status = await value("document.getElementById('status')?.textContent ?? ''");
        if (await value("!!document.querySelector('#status.error')")) throw new Error(`the page says: ${status}`);
    }
    if (picture) fs.writeFileSync(picture, Buffer.from((await send("Page.captureScreenshot", {}, sessionId)).data, "base64"));
    return [await value("document.getElementById('story').textContent"), await value("document.getElementById('status').textContent")];
}

async function main() {
    const profile = fs.mkdtempSync(path.join(os.tmpdir(), "rorqual-web-"));
    await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
    const child = spawn(browser, ["--headless", "--no-sandbox", "--disable-gpu", `--user-data-dir=${profile}`, "--remote-debugging-pipe"],
                        { detached: true, stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    const end = () => process.kill(-child.pid, "SIGKILL");   // with its own children
    const patience = setTimeout(() => { console.log("the page told nothing in three minutes"); end(); process.exit(1); }, 180000);
    try {
        const [told, status] = await read(connect(child));
        console.log(`the page told: ${told}\n${status}`);
        process.exitCode = told === expected ? 0 : 1;
    } finally {
        clearTimeout(patience);
        const ended = new Promise((resume) => child.once("exit", resume));
        end();
        await ended;
        fs.rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    }
}

main().catch((error) => { console.log(error.message); process.exitCode = 1; }).finally(() => process.exit());
