// Serves the page, our package and the others' to the browser that measures them.
import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const folders = { pkg: join(here, "..", "..", "pkg"), npm: join(here, "node_modules"), page: join(here, "page") };
const types = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm" };

function fileOf(url) {
  const [, first, ...rest] = normalize(new URL(url, "http://localhost").pathname).split("/");
  return first in folders ? join(folders[first], ...rest) : join(folders.page, first || "index.html");
}

/** A server on a free port of this machine: `{url, close}`. */
export async function serve() {
  const server = createServer((request, response) => {
    const file = fileOf(request.url);
    if (!existsSync(file)) return response.writeHead(404).end();
    response.writeHead(200, { "content-type": types[extname(file)] ?? "application/octet-stream" });
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}
