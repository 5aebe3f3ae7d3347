// The official TypeScript SDK's client against a server: prints what it got as one JSON object.
//
//     node mcp_sdk.js DIR http URL [SESSION-FILE]     DIR: where node_modules is
//     node mcp_sdk.js DIR stdio COMMAND ARGUMENT...
const {createRequire} = require("module");
const load = createRequire(process.argv[2] + "/");
const {Client} = load("@modelcontextprotocol/sdk/client/index.js");
const {StdioClientTransport} = load("@modelcontextprotocol/sdk/client/stdio.js");
const {StreamableHTTPClientTransport} = load("@modelcontextprotocol/sdk/client/streamableHttp.js");
const types = load("@modelcontextprotocol/sdk/types.js");

const [, , , kind, where, ...rest] = process.argv;
const transport = kind === "http" ? new StreamableHTTPClientTransport(new URL(where))
                                  : new StdioClientTransport({command: where, args: rest});
const client = new Client({name: "sluice-test", version: "1"}, {capabilities: {sampling: {}, elicitation: {}, roots: {}}});
const got = {logs: [], progress: [], updated: []};
client.setRequestHandler(types.CreateMessageRequestSchema,
    async () => ({role: "assistant", model: "none", content: {type: "text", text: "sampled"}}));
client.setRequestHandler(types.ElicitRequestSchema, async () => ({action: "accept", content: {response: "elicited"}}));
client.setNotificationHandler(types.LoggingMessageNotificationSchema, (one) => { got.logs.push(one.params.data); });

async function all(list, name) {
    const found = [];
    let cursor;
    do {
        const page = await list({cursor});
        found.push(...page[name]);
        cursor = page.nextCursor;
    } while (cursor);
    return found;
}

const text = (result) => result.content[0].text;

async function main() {
    await client.connect(transport);
    got.server = client.getServerVersion();
    got.capabilities = client.getServerCapabilities();
    await client.ping();
    got.tools = (await client.listTools()).tools.map((tool) => tool.name);
    got.echo = (await client.callTool({name: "echo", arguments: {text: "hi"}})).structuredContent;
    got.bad = (await client.callTool({name: "echo", arguments: {text: 1}})).isError;
    got.unknown = await client.callTool({name: "none"}).catch((error) => error.code);
    await client.callTool({name: "test_tool_with_progress", arguments: {}}, undefined,
                          {onprogress: (one) => got.progress.push(one.progress)});
    await client.callTool({name: "test_tool_with_logging", arguments: {}});
    got.sampling = text(await client.callTool({name: "test_sampling", arguments: {prompt: "p"}}));
    got.elicitation = text(await client.callTool({name: "test_elicitation", arguments: {message: "m"}}));
    got.reconnection = text(await client.callTool({name: "test_reconnection", arguments: {}}));
    got.resources = (await all((page) => client.listResources(page), "resources")).map((one) => one.uri);
    got.templates = (await client.listResourceTemplates()).resourceTemplates.map((one) => one.uriTemplate);
    got.read = (await client.readResource({uri: "sluice:///hello"})).contents[0].text;
    got.absent = await client.readResource({uri: "sluice:///none"}).catch((error) => error.code);
    got.prompts = (await client.listPrompts()).prompts.map((one) => one.name);
    got.prompt = (await client.getPrompt({name: "explain-object", arguments: {key: "hello"}})).messages.length;
    got.completion = (await client.complete({ref: {type: "ref/prompt", name: "explain-object"},
                                             argument: {name: "key", value: "hel"}})).completion.values;
    await client.setLoggingLevel("error");
    const before = got.logs.length;
    await client.callTool({name: "test_tool_with_logging", arguments: {}});
    got.quiet = got.logs.length === before;
    if (kind === "http")
        await transport.terminateSession();
    await client.close();
    console.log(JSON.stringify(got));
}

main().catch((error) => { console.error(error); process.exit(1); });
