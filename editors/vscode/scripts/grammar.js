// The grammar is kept once, beside the other grammars; the extension gets a copy of it.
const fs = require("fs");
const path = require("path");

const root = path.join(__dirname, "..");
fs.mkdirSync(path.join(root, "dist"), { recursive: true });
fs.copyFileSync(
  path.join(root, "..", "..", "grammar", "textmate", "rulefile.tmLanguage.json"),
  path.join(root, "dist", "rulefile.tmLanguage.json"),
);
