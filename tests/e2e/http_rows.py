"""What comes back for which bytes, rule by rule: the table of test_http_wire.py.

Each row: section of the RFC and what it is about, the bytes, the statuses that answer them, and whether the
connection goes on (OPEN) or ends (CLOSED). LATER rows are for a connection on which HTTP was spoken before: as
its first bytes they are no HTTP at all, and it is closed without a word (docs/protocol.md, "Detection")."""
import collections

from http1 import chunks, head

OPEN, CLOSED = "open", "closed"
Row = collections.namedtuple("Row", "name data statuses after later bodies methods")
ROWS = []

HELLO = "/objects/hello"
GET = head("GET", HELLO)
SMUGGLED = head("GET", "/objects/smuggled")  # must never be answered where the framing is in doubt
FIVE = b"hello"


def row(name, data, *statuses, after=OPEN, later=False, bodies=None, methods=None):
    ROWS.append(Row(name, data, statuses, after, later, bodies, methods))


def good(name, data, status=200, **options):
    row(name, data, status, **options)


def last(name, data, status=200, **options):
    row(name, data, status, after=CLOSED, **options)


def refused(name, data, status=400, **options):
    """Nothing behind a request that cannot be understood may be answered."""
    row(name, data + SMUGGLED, status, after=CLOSED, **options)


def no_http(name, data, status=400):
    refused(name, data, status, later=True)


def line(text, *fields):
    """A request with this request line."""
    raw = text if isinstance(text, bytes) else text.encode("latin-1")
    rest = fields or ("Host: localhost",)
    return raw + b"\r\n" + b"".join(f.encode("latin-1") + b"\r\n" for f in rest) + b"\r\n"


def get(*fields, **options):
    return head("GET", HELLO, *fields, **options)


def post(*fields, body=b"", **options):
    return head("POST", "/echo", *fields, **options) + body


def chunked(body, *fields):
    return post("Transfer-Encoding: chunked", *fields, body=body)


def echoed(name, data, body=FIVE, **options):
    row(name, data, 200, bodies=[body], **options)


# ---- RFC 9112, 2.2: lines ------------------------------------------------------------------------
good("9112 2.2 an empty line before the request", b"\r\n" + GET)
good("9112 2.2 some empty lines before the request", b"\r\n" * 6 + GET)
good("9112 2.2 eight empty lines before the request", b"\r\n" * 8 + GET, later=True)
row("9112 2.2 an empty line between requests", GET + b"\r\n" + GET, 200, 200)
no_http("9112 2.2 a bare LF before the request", b"\n" + GET)
no_http("9112 2.2 a bare CR before the request", b"\r" + GET)
no_http("9112 2.2 a space before the request", b" " + GET)
refused("9112 2.2 a request line that ends with LF", GET.replace(b"\r\n", b"\n", 1))
refused("9112 2.2 a field line that ends with LF", b"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n")
refused("9112 2.2 a head that ends with LF", b"GET / HTTP/1.1\r\nHost: a\r\n\n")
refused("9112 2.2 LF only", GET.replace(b"\r\n", b"\n"))
refused("9112 2.2 a bare CR in the request line", line("GET /\r HTTP/1.1"))
refused("9112 2.2 a bare CR after the request line", b"GET / HTTP/1.1\rHost: a\r\n\r\n")
refused("9112 2.2 a bare CR in a field value", get("X: a\rb"))
refused("9112 2.2 a bare CR before CRLF", get("X: a\r"))
refused("9112 2.2 a bare CR in a field name", get("X\r: a"))
refused("9112 2.2 CR CR LF", b"GET / HTTP/1.1\r\r\nHost: a\r\n\r\n")
refused("9112 2.2 a space before the first field", line("GET / HTTP/1.1", " Host: a"))
refused("9112 2.2 a tab before the first field", line("GET / HTTP/1.1", "\tHost: a"))

# ---- RFC 9112, 2.3: versions ---------------------------------------------------------------------
last("9112 2.3 HTTP 1.0", get(version="1.0"))
good("9110 2.5 HTTP 1.2 is answered as 1.1", get(version="1.2"))
good("9110 2.5 HTTP 1.9 is answered as 1.1", get(version="1.9"))
for number in ("0.9", "2.0", "3.0", "9.9"):
    refused(f"9110 15.6.6 HTTP {number}", get(version=number), 505)
for text in ("HTTP/1.10", "HTTP/11", "HTTP/1.", "HTTP/.1", "HTTP/1", "HTTP/1,1", "HTTP/a.1", "http/1.1", "HTTP/1.1x",
             "HTTP /1.1", "HTTP/ 1.1", "HTTPS/1.1", "ICY/1.1", "HTTP/1.1 ", "HTTP/1.1\t", "HTTP/1.1 HTTP/1.1"):
    refused(f"9112 2.3 version {text!r}", line(f"GET / {text}"))

# ---- RFC 9112, 3: request line -------------------------------------------------------------------
refused("9112 3 no version", line("GET /"))
refused("9112 3 no version but its space", line("GET / "))
refused("9112 3 two spaces before the target", line("GET  / HTTP/1.1"))
refused("9112 3 two spaces before the version", line("GET /  HTTP/1.1"))
refused("9112 3 a tab before the version", line("GET /\tHTTP/1.1"))
no_http("9112 3 a tab before the target", line("GET\t/ HTTP/1.1"))
refused("9112 3 no target", line("GET HTTP/1.1"))
refused("9112 3 a space in the target", line("GET /a b HTTP/1.1"))
no_http("9112 3 the method alone", line("GET"))
no_http("9112 3 an empty method", line("/ HTTP/1.1"))
for byte in "(),/:;<=>?@[\\]{}\"\x00\x7f\xe9":
    no_http(f"9112 3.1 {byte!r} in the method", line(f"GE{byte}T / HTTP/1.1"))
good("9110 9.1 methods are case-sensitive", line(f"get {HELLO} HTTP/1.1"), 501)
good("9110 9.1 a method of 32 bytes", line("M" * 32 + f" {HELLO} HTTP/1.1"), 501, later=True)
for path in (HELLO, "/objects/none", "/hello", "/_/health", "/rpc", "/mcp", "/none"):
    good(f"9110 15.6.2 an unknown method for {path}", line(f"BREW {path} HTTP/1.1"), 501)
echoed("9110 9.1 a route for any method has unknown ones, too",
       line("BREW /echo HTTP/1.1", "Host: a", "Content-Length: 5") + FIVE)
no_http("9112 3 a method of 33 bytes", line("M" * 33 + " / HTTP/1.1"), 501)
no_http("9112 3 a method without end", b"M" * 20000, 501)
good("9112 3 a target of 8 KiB", line(b"GET /" + b"a" * 8191 + b" HTTP/1.1"), 404)
refused("9110 15.5.15 a target over 8 KiB", line(b"GET /" + b"a" * 8192 + b" HTTP/1.1"), 414)
refused("9110 15.5.15 a target without end", b"GET /" + b"a" * 20000, 414)
for byte in "\"#<>\\\x01\x7f\xe9\x00":
    refused(f"9112 3.2 {byte!r} in the target", line(f"GET /a{byte}b HTTP/1.1"))
good("9112 3.2 bytes that browsers do not encode", line("GET /a[]^`{|}'b HTTP/1.1"), 404)
refused("9112 3.2 a target that is no form of one", line("GET hello HTTP/1.1"))
refused("9112 3.2 a target that starts with a query", line("GET ?a HTTP/1.1"))
good("9112 3.2.1 a query", line(f"GET {HELLO}?a=b&c HTTP/1.1"))
good("9112 3.2.1 an empty query", line(f"GET {HELLO}? HTTP/1.1"))
good("9112 3.2.1 question marks in the query", line(f"GET {HELLO}??a=/../b HTTP/1.1"))
for path in ("/%", "/%2", "/%zz", "/%00", "/a%0", "/objects/%g0"):
    good(f"3986 2.1 {path} is answered 400 and the connection goes on", line(f"GET {path} HTTP/1.1"), 400)
for path in ("/..", "/../x", "/objects/../../x", "/%2e%2e/x", "/a/%2E./../x"):
    good(f"3986 5.2.4 {path} climbs above the root", line(f"GET {path} HTTP/1.1"), 400)
for path in ("/objects/./hello", "/x/../objects/hello", "/objects/%68ello", "/objects/x/y/../../hello",
             "/%6Fbjects/hello", "/%2e/objects/hello"):
    good(f"3986 6.2.2 {path} is normalised", line(f"GET {path} HTTP/1.1"))

# ---- RFC 9112, 3.2 and RFC 9110, 7.2: Host -------------------------------------------------------
refused("9112 3.2 no Host", get(host=None))
last("9112 3.2 no Host in HTTP 1.0", get(host=None, version="1.0"))
refused("9112 3.2 two Hosts", get("Host: b", host="a"))
refused("9112 3.2 two equal Hosts", get("Host: a", host="a"))
refused("9112 3.2 two Hosts in HTTP 1.0", get("Host: a", host="a", version="1.0"))
for value in ("", "a b", "a/b", "u@a", "a, b", "a:b", "a:65536", "a:-1", "a:80:80", "a?b", "a#b", ":80", "::1", "[::1",
              "[::1]a", "[::g]", "[]", "http://a", "a\\b", "a%20b", "*", "\xe9", "a\x00"):
    refused(f"9112 3.2 Host {value!r}", get(host=value))
for value in ("a", "A.example", "a_b", "a-b.c", "127.0.0.1", "a:", "a:80", "a:65535", "[::1]", "[::1]:8080",
              "[2001:DB8::7]"):
    good(f"9110 7.2 Host {value}", get(host=value))
good("9112 5.1 white space around Host", line(f"GET {HELLO} HTTP/1.1", "Host: \t a \t "))

# ---- RFC 9112, 3.2.2 to 3.2.4: other forms -------------------------------------------------------
good("9112 3.2.2 absolute-form", line(f"GET http://a{HELLO} HTTP/1.1", "Host: a"))
good("9112 3.2.2 the host's case does not matter", line(f"GET HTTP://A{HELLO} HTTP/1.1", "Host: a"))
good("9112 3.2.2 the usual port may be left out", line(f"GET http://a:80{HELLO} HTTP/1.1", "Host: a"))
good("9112 3.2.2 https and its port", line(f"GET https://a{HELLO} HTTP/1.1", "Host: a:443"))
good("9112 3.2.2 without a path", line("GET http://a HTTP/1.1", "Host: a"), 404)
good("9112 3.2.2 with a query only", line("GET http://a?b HTTP/1.1", "Host: a"), 404)
last("9112 3.2.2 in HTTP 1.0 without Host", line(f"GET http://a{HELLO} HTTP/1.0", "X: y"))
refused("9112 3.2.2 another Host", line(f"GET http://a{HELLO} HTTP/1.1", "Host: b"))
refused("9112 3.2.2 another port", line(f"GET http://a:81{HELLO} HTTP/1.1", "Host: a"))
refused("9112 3.2.2 no Host", line(f"GET http://a{HELLO} HTTP/1.1", "X: y"))
for target in ("ftp://a/", "http:/a", "http:a", "http://", "http:///a", "http://u@a/", "http://a:b/", "//a/b:"):
    status = 404 if target.startswith("/") else 400
    (good if status == 404 else refused)(f"9112 3.2.2 {target}", line(f"GET {target} HTTP/1.1", "Host: a"), status)
refused("9112 3.2.3 CONNECT is not served, nor what would be for the tunnel",
        line("CONNECT a:80 HTTP/1.1", "Host: a:80"), 501)
row("9112 3.2.3 CONNECT is not mixed up with the request before", GET + line("CONNECT a:80 HTTP/1.1", "Host: a:80"),
    200, 501, after=CLOSED)
for target in ("/", "a", "a:", "a:0", "http://a/", "*"):
    refused(f"9112 3.2.3 CONNECT {target}", line(f"CONNECT {target} HTTP/1.1", "Host: a"))
good("9112 3.2.4 OPTIONS *", line("OPTIONS * HTTP/1.1", "Host: a"), 204)
row("9112 3.2.4 OPTIONS * is not mixed up with the request before", GET + line("OPTIONS * HTTP/1.1"), 200, 204)
good("9112 3.2.4 OPTIONS * by a proxy's client", line("OPTIONS http://a HTTP/1.1", "Host: a"), 204)
for method in ("GET", "HEAD", "POST", "DELETE"):
    refused(f"9112 3.2.4 {method} *", line(f"{method} * HTTP/1.1"), methods=[method])

# ---- RFC 9112, 5 and RFC 9110, 5: fields ---------------------------------------------------------
refused("9112 5.1 a space before the colon", get("X : y"))
refused("9112 5.1 a tab before the colon", get("X\t: y"))
refused("9112 5.1 a space before Content-Length's colon", post("Content-Length : 5", body=FIVE))
refused("9112 5.1 a space before Transfer-Encoding's colon", post("Transfer-Encoding : chunked", body=chunks(FIVE)))
refused("9112 5 no colon", get("X"))
refused("9112 5 an empty name", get(": y"))
for byte in "(),/;<=>?@[\\]{}\" \x00\x01\x7f\xe9":
    refused(f"9110 5.1 {byte!r} in a field name", get(f"X{byte}Y: z"))
for byte in "\x00\x01\x08\x0b\x0c\x1b\x1f\x7f":
    refused(f"9110 5.5 {byte!r} in a field value", get(f"X: a{byte}b"))
good("9110 5.5 tabs, and bytes over 0x7f, in a field value", get("X: a\tb \xe9\xff"))
good("9110 5.5 an empty value", get("X:"))
good("9110 5.5 a value of white space", get("X: \t "))
good("9112 5 no space after the colon", get("X:y"))
refused("9112 5.2 a folded line", get("X: a", " b"))
refused("9112 5.2 a line folded with a tab", get("X: a", "\tb"))
refused("9112 5.2 a folded Host", line("GET / HTTP/1.1", "Host:", " a"))
refused("9112 5.2 a folded Transfer-Encoding", post("Transfer-Encoding:", " chunked", body=chunks(FIVE)))
good("9110 5.4 a hundred fields", get(*(f"X{n}: y" for n in range(99))))
refused("6585 5 a hundred and one fields", get(*(f"X{n}: y" for n in range(100))), 431)
good("9110 5.4 a head of 16 KiB", get("X: " + "y" * (16384 - len(get("X: ")))))
refused("6585 5 a head over 16 KiB", get("X: " + "y" * (16385 - len(get("X: ")))), 431)
refused("6585 5 a field without end", GET[:-2] + b"X: " + b"y" * 20000, 431)

# ---- RFC 9112, 6: the length of the body ---------------------------------------------------------
echoed("9112 6.2 Content-Length", post("Content-Length: 5", body=FIVE))
echoed("9112 6.2 no body", post(), b"")
echoed("9112 6.2 Content-Length 0", post("Content-Length: 0"), b"")
echoed("9110 8.6 white space around the number", post("Content-Length: \t5 ", body=FIVE))
echoed("9110 8.6 zeros before the number", post("Content-Length: 005", body=FIVE))
row("9112 6.2 the next request follows the body at once", post("Content-Length: 5", body=FIVE) + GET, 200, 200)
row("9112 6.2 a body that looks like a request", post(f"Content-Length: {len(GET)}", body=GET), 200, bodies=[GET])
row("9112 6.3 the rest of a longer body is the next request", post("Content-Length: 5", body=b"hello!!\r\n"), 200, 400,
    after=CLOSED)
echoed("9110 8.6 many zeros before the number", post("Content-Length: " + "0" * 300 + "5", body=FIVE))
echoed("9110 5.1 names that only look like it", post("Content_Length: 9", "X-Transfer-Encoding: chunked",
                                                     "Transfer_Encoding: chunked", "Content-Length: 5", body=FIVE))
echoed("9112 9.6 framing fields that Connection names still frame", post("Connection: content-length",
                                                                         "Content-Length: 5", body=FIVE))
for value in ("+5", "-5", "0x5", "5 5", "5,5", "5, 5", "5;", "", "five", "5e0", "5.0", "\xb2", "9223372036854775808",
              "18446744073709551621", "99999999999999999999999"):
    refused(f"9112 6.3 Content-Length {value!r}", post(f"Content-Length: {value}", body=FIVE))
refused("9112 6.3 two Content-Lengths", post("Content-Length: 5", "Content-Length: 6", body=FIVE))
refused("9112 6.3 two equal Content-Lengths", post("Content-Length: 5", "content-length: 5", body=FIVE))
last("9110 15.5.14 a body longer than the route takes", post("Content-Length: 1048577") + SMUGGLED, 413)
last("9110 15.5.14 the longest body there can be", post("Content-Length: 9223372036854775807") + SMUGGLED, 413)
last("9112 9.3 a body nobody reads ends the connection", get("Content-Length: 5") + FIVE + SMUGGLED)
last("9112 9.3 a chunked body nobody reads ends the connection", get("Transfer-Encoding: chunked") + chunks(FIVE))
last("9112 9.3 a body for a path nobody serves", head("POST", "/nothing", "Content-Length: 5") + FIVE, 404)
last("9112 9.3 a body for an object", head("PUT", HELLO, "Content-Length: 5") + FIVE, 405)

echoed("9112 6.1 chunked", chunked(chunks(FIVE)))
echoed("9112 6.1 the coding's case does not matter", post("Transfer-Encoding: ChunKed", body=chunks(FIVE)))
echoed("9112 6.1 white space around the coding", post("Transfer-Encoding: \tchunked ", body=chunks(FIVE)))
refused("9112 6.1 chunked and Content-Length", chunked(chunks(FIVE), "Content-Length: 5"))
refused("9112 6.1 Content-Length and chunked", post("Content-Length: 3", "Transfer-Encoding: chunked",
                                                    body=chunks(FIVE)))
refused("9112 6.1 chunked and Content-Length 0", chunked(chunks(FIVE), "Content-Length: 0"))
refused("9112 6.1 chunked in HTTP 1.0", post("Transfer-Encoding: chunked", body=chunks(FIVE), version="1.0"))
for value in ("identity", "gzip", "chunked, gzip", "chunked, identity", "chunked, chunked", "xchunked", "chunked;q=1",
              '"chunked"', "chunked chunked", "", ",", "chunked,", ", chunked", "gzip,, chunked", "chunked\x0b",
              "\x0bchunked", "chunk", "cow", "chunked\x00"):
    refused(f"9112 6.3 Transfer-Encoding {value!r}", post(f"Transfer-Encoding: {value}", body=chunks(FIVE)))
for value in ("gzip, chunked", "x, chunked", "identity, chunked"):
    refused(f"9112 6.1 Transfer-Encoding {value}", post(f"Transfer-Encoding: {value}", body=chunks(FIVE)), 501)
refused("9112 6.3 chunked twice in two fields", chunked(chunks(FIVE), "Transfer-Encoding: chunked"))
refused("9112 6.3 another coding in a second field", chunked(chunks(FIVE), "Transfer-Encoding: cow"))
refused("9112 6.1 gzip and chunked in two fields", post("Transfer-Encoding: gzip", "Transfer-Encoding: chunked",
                                                      body=chunks(FIVE)), 501)

# ---- RFC 9112, 7.1: chunks -----------------------------------------------------------------------
echoed("9112 7.1 several chunks", chunked(chunks(b"he", b"l", b"lo")))
echoed("9112 7.1 no chunk", chunked(chunks()), b"")
echoed("9112 7.1 single bytes", chunked(chunks(*(bytes([n]) for n in range(256)))), bytes(range(256)))
echoed("9112 7.1 upper-case digits", chunked(b"A\r\n0123456789\r\n0\r\n\r\n"), b"0123456789")
echoed("9112 7.1 zeros before the size", chunked(b"00000005\r\nhello\r\n0000\r\n\r\n"))
echoed("9112 7.1 sixteen digits", chunked(b"0000000000000005\r\nhello\r\n0000000000000000\r\n\r\n"))
refused("9112 7.1 an empty line between chunks", chunked(b"5\r\nhello\r\n\r\n0\r\n\r\n"))
refused("9112 7.1 an empty line before the first chunk", chunked(b"\r\n5\r\nhello\r\n0\r\n\r\n"))
row("9112 2.2 empty lines after the last chunk", chunked(chunks(FIVE)) + b"\r\n\r\n" + GET, 200, 200)
echoed("9112 7.1 chunks that look like the end", chunked(chunks(b"0\r\n\r\n", b"\r\n0\r\n")), b"0\r\n\r\n\r\n0\r\n")
row("9112 7.1 the next request follows at once", chunked(chunks(FIVE)) + GET, 200, 200)
for size in ("", " 5", "5 ", "0x5", "-5", "+5", "5g", "g", "5\t", "5 5", "5_", ";a", "8000000000000000",
             "FFFFFFFFFFFFFFFF", "10000000000000005", "00000000000000005", "5\x00", "5\xe9"):
    refused(f"9112 7.1 chunk size {size!r}", chunked(size.encode("latin-1") + b"\r\nhello\r\n0\r\n\r\n"))
refused("9112 7.1 a size that ends with LF", chunked(b"5\nhello\r\n0\r\n\r\n"))
refused("9112 7.1 a size that ends with CR", chunked(b"5\rhello\r\n0\r\n\r\n"))
refused("9112 7.1 a chunk that ends with LF", chunked(b"5\r\nhello\n0\r\n\r\n"))
refused("9112 7.1 a chunk that ends with CR", chunked(b"5\r\nhello\r0\r\n\r\n"))
refused("9112 7.1 a chunk without its end", chunked(b"5\r\nhello0\r\n\r\n"))
refused("9112 7.1 a chunk longer than its size", chunked(b"5\r\nhello!\r\n0\r\n\r\n"))
refused("9112 7.1 a body that ends with LF", chunked(b"5\r\nhello\r\n0\r\n\n"))
refused("9112 7.1 a last size that ends with LF", chunked(b"5\r\nhello\r\n0\n\r\n"))
last("9110 15.5.14 a chunk longer than the route takes, before it comes", chunked(b"100001\r\n"), 413)
last("9110 15.5.14 the longest chunk there can be", chunked(b"7fffffffffffffff\r\n"), 413)
last("9110 15.5.14 chunks that are together longer", chunked(b"fffff\r\n" + b"x" * 0xfffff + b"\r\n2\r\n"), 413)
for text in (";a", ";a=b", " ;a", "\t; a = b", ';a="b c"', ';a="q\\"q"', ";a;b;c=d", ';a="b";c'):
    echoed(f"9112 7.1.1 extension {text!r}",
           chunked(b"5" + text.encode() + b"\r\nhello\r\n0" + text.encode() + b"\r\n\r\n"))
for text in (";", ";=", ";a=", ';a="b', ';a="b"c', ";a b", ";a\x00", ";\xe9", ' a', ';a="\n"', ";;"):
    refused(f"9112 7.1.1 extension {text!r}", chunked(b"5" + text.encode("latin-1") + b"\r\nhello\r\n0\r\n\r\n"))
refused("9112 7.1.1 an extension that ends with LF", chunked(b"5;a\nhello\r\n0\r\n\r\n"))
echoed("9112 7.1.1 extensions of 4 KiB", chunked(b"5;" + b"a" * 4095 + b"\r\nhello\r\n0\r\n\r\n"))
refused("9112 7.1.1 many extensions over 4 KiB", chunked((b"1;" + b"a" * 100 + b"\r\nx\r\n") * 50 + b"0\r\n\r\n"))
refused("9112 7.1.1 extensions without end", chunked(b"5;" + b"a" * 5000))
echoed("9112 7.1.2 a trailer is skipped", chunked(chunks(FIVE, trailers=["X: y"])))
echoed("9112 7.1.2 trailers are skipped", chunked(chunks(FIVE, trailers=[f"X{n}: y" for n in range(50)])))
row("9110 6.5.1 trailers frame nothing",
    chunked(chunks(FIVE, trailers=["Content-Length: 9", "Transfer-Encoding: gzip", "Host: b"])) + GET, 200, 200)
for text in (" X: y", "X : y", "X", ": y", "X: a\rb", "X: a\nb", "X: \x00", "X(: y", "X: a\r\n b"):
    refused(f"9112 7.1.2 trailer {text!r}", chunked(chunks(FIVE, trailers=[text])))
refused("6585 5 many trailers over 8 KiB", chunked(b"0\r\n" + b"X: y\r\n" * 2000 + b"\r\n"), 431)
refused("6585 5 trailers without end", chunked(b"0\r\nX: " + b"y" * 10000), 431)

# ---- RFC 9112, 9: connections --------------------------------------------------------------------
last("9112 9.3 Connection: close", get("Connection: close") + SMUGGLED)
last("9112 9.3 the option's case does not matter", get("connection: CLOSE"))
last("9112 9.3 close among others", get("Connection: keep-alive, close"))
last("9112 9.3 close in a second field", get("Connection: x", "Connection: close"))
last("9112 9.3 close with a body", post("Content-Length: 5", "Connection: close", body=FIVE))
good("9112 9.3 options that only look like it", get("Connection: closed, x-close"))
good("9112 9.3 Connection: keep-alive", get("Connection: keep-alive"))
last("9112 9.3 HTTP 1.0 closes", get(version="1.0"))
good("9112 9.3 HTTP 1.0 with keep-alive goes on", get("Connection: Keep-Alive", version="1.0"))
last("9112 9.3 HTTP 1.0 with keep-alive and close", get("Connection: keep-alive, close", version="1.0"))
echoed("9112 9.3 HTTP 1.0 with a body", post("Content-Length: 5", body=FIVE, version="1.0"), after=CLOSED)
row("9112 9.3.2 pipelining", GET + head("GET", "/objects/none") + GET, 200, 404, 200)
row("9112 9.3.2 good requests before a bad one", GET + GET + b"GET / HTTP/9.9\r\n\r\n" + GET, 200, 200, 505,
    after=CLOSED)
row("9112 9.3.2 a body that is too long after good requests", GET + post("Content-Length: 9999999") + SMUGGLED, 200,
    413,
    after=CLOSED)
row("9112 9.3.2 a bad chunk after good requests", GET + chunked(b"zz\r\n") + SMUGGLED, 200, 400, after=CLOSED)
row("9112 9.3.2 responses of workers before a bad request", head("GET", "/fib/20") * 3 + b"GET /x y HTTP/1.1\r\n\r\n"
    + SMUGGLED, 200, 200, 200, 400, after=CLOSED)
row("9112 9.3.2 nothing after close", GET + get("Connection: close") + GET, 200, 200, after=CLOSED)
row("9112 9.3.2 an error of a handler does not end the rest", head("GET", "/%") + head("DELETE", HELLO) + GET, 400,
    405, 200)
good("9110 7.8 an unknown upgrade is ignored", get("Connection: Upgrade", "Upgrade: websocket"))
good("7540 3.2 h2c is ignored", get("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c",
                                    "HTTP2-Settings: AAMAAABkAAQAAP__"))
refused("9113 3.4 the preface of HTTP 2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505)

# ---- RFC 9110, 9: methods ------------------------------------------------------------------------
good("9110 9.3.2 HEAD", head("HEAD", HELLO), methods=["HEAD"])
good("9110 9.3.2 HEAD of what is not there", head("HEAD", "/objects/none"), 404, methods=["HEAD"])
good("9110 9.3.2 HEAD of a path nobody serves", head("HEAD", "/none"), 404, methods=["HEAD"])
good("9110 9.3.2 HEAD of administration", head("HEAD", "/_/health"), methods=["HEAD"])
good("9110 9.3.2 HEAD of a handler", head("HEAD", "/hello"), methods=["HEAD"])
good("9110 14.2 Range means nothing to HEAD", head("HEAD", HELLO, "Range: bytes=99-"), methods=["HEAD"])
row("9110 9.3.2 HEAD and GET", head("HEAD", HELLO) + GET + head("HEAD", "/none") + GET, 200, 200, 404, 200,
    methods=["HEAD", "GET", "HEAD", "GET"])
for fault in ("HTTP/2.0", "HTTP/1.1\r\nHost: a b", "HTTP/1.1", "HTTP/1.1\r\nX : y", "HTTP/1.1\r\nX: y\nZ: z"):
    refused(f"9110 9.3.2 HEAD that is refused: {fault!r}", line(f"HEAD {HELLO} {fault}", "X: y"),
            505 if "2.0" in fault else 400, methods=["HEAD"])
last("9110 9.3.2 HEAD in HTTP 1.0", head("HEAD", HELLO, version="1.0"), methods=["HEAD"])
good("9110 9.3.7 OPTIONS of an object", head("OPTIONS", HELLO), 204)
good("9110 9.3.7 OPTIONS of a handler", head("OPTIONS", "/hello"), 204)
for method in ("POST", "PUT", "DELETE", "PATCH", "TRACE"):
    good(f"9110 15.5.6 {method} of an object", head(method, HELLO), 405)

# ---- RFC 9110, 10.1.1: Expect --------------------------------------------------------------------
echoed("9110 10.1.1 100-continue", post("Content-Length: 5", "Expect: 100-continue", body=FIVE))
echoed("9110 10.1.1 its case does not matter", post("Content-Length: 5", "Expect: 100-Continue", body=FIVE))
echoed("9110 10.1.1 100-continue with chunks", chunked(chunks(FIVE), "Expect: 100-continue"))
echoed("9110 10.1.1 ignored in HTTP 1.0", post("Content-Length: 5", "Expect: 100-continue", body=FIVE, version="1.0"),
       after=CLOSED)
good("9110 10.1.1 ignored without a body", get("Expect: 100-continue"))
refused("9110 10.1.1 another expectation", get("Expect: 101-dalmatians"), 417)
refused("9110 10.1.1 another expectation beside it", get("Expect: 100-continue, x"), 417)
