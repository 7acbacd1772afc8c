// Reads an XML text as nested elements. Nothing here knows what they mean.
import { SaxesParser } from "saxes";

/** `{name, attributes, children, text}`; the names are without a namespace's prefix. */
export function parseXml(source) {
  const root = { name: "", attributes: {}, children: [], text: "" };
  const open = [root];
  const parser = new SaxesParser();
  const local = (name) => name.slice(name.indexOf(":") + 1);
  const addText = (text) => (open.at(-1).text += text);
  parser.on("opentag", ({ name, attributes }) => {
    const element = { name: local(name), attributes, children: [], text: "" };
    open.at(-1).children.push(element);
    open.push(element);
  });
  parser.on("closetag", () => open.pop());
  parser.on("text", addText);
  parser.on("cdata", addText);
  parser.on("error", (error) => {
    throw error;
  });
  parser.write(source).close();
  return root.children[0];
}

export const childrenNamed = (element, ...names) => element.children.filter(({ name }) => names.includes(name));
export const childNamed = (element, name) => childrenNamed(element, name)[0];
