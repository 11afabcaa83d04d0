// Starts `rulekit lsp` and connects the editor with it.
const vscode = require("vscode");
const { LanguageClient, TransportKind } = require("vscode-languageclient/node");

let client;

async function start() {
  const settings = vscode.workspace.getConfiguration("rulekit");
  const [command, ...args] = settings.get("command");
  client = new LanguageClient(
    "rulekit",
    "rulekit",
    { command, args, transport: TransportKind.stdio },
    {
      documentSelector: [{ scheme: "file", language: "rulefile" }],
      initializationOptions: {
        lintOnSave: vscode.workspace.isTrusted && settings.get("lintOnSave"),
      },
    },
  );
  try {
    await client.start();
  } catch {
    const choice = await vscode.window.showErrorMessage(
      `"${command}" could not be started. Install it by: pip install 'rulekit-workflows[lsp]', ` +
        "or name it in the setting rulekit.command.",
      "Open the setting",
    );
    if (choice) {
      vscode.commands.executeCommand("workbench.action.openSettings", "rulekit.command");
    }
  }
}

async function stop() {
  const old = client;
  client = undefined;
  if (old) {
    await old.stop().catch(() => undefined);
  }
}

async function activate(context) {
  context.subscriptions.push(
    vscode.commands.registerCommand("rulekit.restart", async () => {
      await stop();
      await start();
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(async () => {
      await stop();
      await start();
    }),
  );
  await start();
}

module.exports = { activate, deactivate: stop };
