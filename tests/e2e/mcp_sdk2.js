// The second version of the official TypeScript SDK's client, in either era, against a server: prints what it got as one JSON
// object, then, in the modern era, how its subscription ended.
//
//     node mcp_sdk2.js DIR ERA http URL                     DIR: where node_modules is; ERA: legacy or auto
//     node mcp_sdk2.js DIR ERA stdio COMMAND ARGUMENT...
const {createRequire} = require("module");
const load = createRequire(process.argv[2] + "/");
const {Client, StreamableHTTPClientTransport} = load("@modelcontextprotocol/client");
const {StdioClientTransport} = load("@modelcontextprotocol/client/stdio");

const [, , , era, kind, where, ...rest] = process.argv;
const transport = kind === "http" ? new StreamableHTTPClientTransport(new URL(where))
                                  : new StdioClientTransport({command: where, args: rest});
const client = new Client({name: "sluice-test", version: "2"},
                          {capabilities: {sampling: {}, elicitation: {form: {}}, roots: {}}, versionNegotiation: {mode: era}});
const got = {progress: [], errors: []};
client.onerror = (error) => got.errors.push(String(error));
client.setRequestHandler("sampling/createMessage",
    async () => ({role: "assistant", model: "none", content: {type: "text", text: "sampled"}}));
client.setRequestHandler("elicitation/create", async () => ({action: "accept", content: {name: "x", color: "y", response: "elicited"}}));
client.setRequestHandler("roots/list", async () => ({roots: [{uri: "file:///x", name: "x"}]}));

const call = (name, args, options) => client.callTool({name, arguments: args}, options);
const text = (result) => result.content[0].text;

async function main() {
    await client.connect(transport);
    got.version = client.getNegotiatedProtocolVersion();
    got.server = client.getServerVersion().name;
    got.tools = (await client.listTools()).tools.map((tool) => tool.name);
    got.echo = (await call("echo", {text: "hi"})).structuredContent;
    got.bad = (await call("echo", {text: 1})).isError;
    got.unknown = await call("none", {}).catch((error) => error.code);
    got.headers = text(await call("test_custom_headers", {region: "Köln", priority: -7, verbose: false, query: "q"}));
    await call("test_tool_with_progress", {}, {onprogress: (one) => got.progress.push(one.progress)});
    got.sampling = text(await call("test_sampling", {prompt: "p"}));
    got.elicitation = text(await call("test_elicitation", {message: "m"}));
    got.rounds = text(await call("test_input_required_result_multi_round", {}));
    got.inputs = text(await call("test_input_required_result_multiple_inputs", {}));
    got.resources = (await client.listResources()).resources.map((one) => one.uri);
    got.read = (await client.readResource({uri: "sluice:///with%20space/%C3%BCn%C3%AF%20%E2%9C%93%20code"})).contents[0].text;
    got.absent = await client.readResource({uri: "sluice:///none"}).catch((error) => error.code);
    got.prompt = (await client.getPrompt({name: "explain-object", arguments: {key: "hello"}})).messages.length;
    got.completion = (await client.complete({ref: {type: "ref/prompt", name: "explain-object"},
                                             argument: {name: "key", value: "hel"}})).completion.values;
    const subscription = era === "legacy" ? null
        : await client.listen({resourcesListChanged: true, toolsListChanged: true, resourceSubscriptions: ["sluice:///hello"]});
    got.honored = subscription && subscription.honoredFilter;
    console.log(JSON.stringify(got));
    if (subscription)
        console.log(await subscription.closed);
    await client.close();
}

main().catch((error) => { console.error(error); process.exit(1); });
