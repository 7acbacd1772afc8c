// Owns the document's style sheets: one constructed sheet per compiled style, shared by every surface that has it.

/** A sheet of that text. Font faces count only in the document's own sheets, so they are adopted there as well. */
export function createSheet(css, fontFaces) {
  const sheet = construct(css);
  if (fontFaces === "") return { sheet, fonts: null };
  const fonts = construct(fontFaces);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, fonts];
  return { sheet, fonts };
}

/** Takes back what the document adopted. */
export function dropSheet({ fonts }) {
  if (fonts === null) return;
  document.adoptedStyleSheets = document.adoptedStyleSheets.filter((sheet) => sheet !== fonts);
}

export function sheetOf(shared) {
  return shared.sheet;
}

function construct(css) {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  return sheet;
}
