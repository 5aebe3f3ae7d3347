// An HTTP server that tells what Node's parser made of the bytes: one JSON line a request on standard output.
const http = require("http");
const server = http.createServer((request, response) => {
    let size = 0;
    request.on("data", (data) => { size += data.length; });
    request.on("end", () => {
        console.log(JSON.stringify({method: request.method, target: request.url, size}));
        response.end();
    });
});
server.on("clientError", (error, socket) => socket.destroy());
server.on("checkContinue", (request, response) => { response.writeContinue(); server.emit("request", request, response); });
server.on("upgrade", (request, socket) => {
    console.log(JSON.stringify({method: request.method, target: request.url, size: 0}));
    socket.destroy();
});
server.on("connection", (socket) => socket.on("close", () => console.log("closed")));
server.listen(process.argv[2], () => console.log("ready"));
