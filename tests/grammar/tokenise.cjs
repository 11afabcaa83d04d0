// Tokens of files by a TextMate grammar, as an editor makes them: one JSON line a file.
// node tokenise.cjs NODE_MODULES GRAMMAR, names of files on stdin
const fs = require("fs");
const path = require("path");
const [modules, grammarFile] = process.argv.slice(2);
const load = (name) => require(path.join(modules, name));
const textmate = load("vscode-textmate");
const oniguruma = load("vscode-oniguruma");
const wasm = fs.readFileSync(path.join(modules, "vscode-oniguruma/release/onig.wasm"));

async function main() {
  await oniguruma.loadWASM(wasm.buffer.slice(wasm.byteOffset, wasm.byteOffset + wasm.byteLength));
  const python = path.join(modules, "tm-grammars/grammars/python.json");
  const files = { "source.rulefile": grammarFile, "source.python": python };
  const registry = new textmate.Registry({
    onigLib: Promise.resolve({
      createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
      createOnigString: (text) => new oniguruma.OnigString(text),
    }),
    loadGrammar: async (scope) =>
      files[scope]
        ? textmate.parseRawGrammar(fs.readFileSync(files[scope], "utf8"), files[scope])
        : null,
  });
  const grammar = await registry.loadGrammar("source.rulefile");
  for (const name of fs.readFileSync(0, "utf8").split("\n").filter(Boolean)) {
    let stack = textmate.INITIAL;
    const lines = fs.readFileSync(name, "utf8").split(/\r?\n/).map((line) => {
      const result = grammar.tokenizeLine(line, stack);
      stack = result.ruleStack;
      return result.tokens.map((token) => [token.startIndex, token.endIndex, token.scopes]);
    });
    process.stdout.write(JSON.stringify(lines) + "\n");
  }
}
main();
