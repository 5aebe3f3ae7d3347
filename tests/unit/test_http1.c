/* Request heads as raw bytes, each case named after the section that rules it. */
#include "proto/http1.h"
#include "tests/unit/cuts.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

struct head_case {
    const char *name;
    const char *bytes;
    size_t n;
    int status;       /* 0: accepted */
    const char *text; /* accepted: as described below; else the reason */
};

#define OK(name, bytes, text)                                                                                \
    { name, bytes, sizeof(bytes) - 1, 0, text }
#define BAD(name, status, bytes, reason)                                                                     \
    { name, bytes, sizeof(bytes) - 1, status, reason }
#define LINE "GET / HTTP/1.1\r\n"
#define HOST "Host: a\r\n"
#define END  "\r\n"

/* Accepted: METHOD form path[?query] host[:port] version, then each field as {name|value}. */
static const struct head_case cases[] = {
    OK("RFC 9112 2.1 the smallest request", LINE HOST END, "GET origin / a 1.1 {Host|a}"),
    OK("RFC 9112 2.1 no fields in HTTP/1.0", "GET / HTTP/1.0\r\n" END, "GET origin / - 1.0"),
    OK("RFC 9112 2.2 an empty line before the request", END LINE HOST END, "GET origin / a 1.1 {Host|a}"),
    OK("RFC 9112 2.2 as many empty lines as are skipped", END END END END END END END END LINE HOST END,
       "GET origin / a 1.1 {Host|a}"),
    BAD("RFC 9112 2.2 too many empty lines", 400, END END END END END END END END END LINE HOST END,
        "too many empty lines before the request"),
    BAD("RFC 9112 2.2 a bare CR before the request", 400, "\r" LINE HOST END, "a bare CR"),
    BAD("RFC 9112 2.2 a bare LF before the request", 400, "\n" LINE HOST END, "a line ends with a bare LF"),
    BAD("RFC 9112 2.2 a bare LF ends the request line", 400, "GET / HTTP/1.1\n" HOST END,
        "a line ends with a bare LF"),
    BAD("RFC 9112 2.2 a bare LF ends a field line", 400, LINE "Host: a\n" END, "a line ends with a bare LF"),
    BAD("RFC 9112 2.2 a bare LF ends the head", 400, LINE HOST "\n", "a line ends with a bare LF"),
    BAD("RFC 9112 2.2 bare LFs only", 400, "GET / HTTP/1.1\nHost: a\n\n", "a line ends with a bare LF"),
    BAD("RFC 9112 2.2 a bare CR in the request line", 400, "GET /\r HTTP/1.1\r\n" HOST END,
        "bad request line"),
    BAD("RFC 9112 2.2 CR CR LF ends the request line", 400, "GET / HTTP/1.1\r\r\n" HOST END,
        "bad HTTP version"),
    BAD("RFC 9112 2.2 a bare CR in a field value", 400, LINE HOST "A: b\rc\r\n" END,
        "a control byte in a field value"),
    BAD("RFC 9112 2.2 CR CR LF ends a field line", 400, LINE HOST "A: b\r\r\n" END,
        "a control byte in a field value"),
    BAD("RFC 9112 2.2 a bare CR hides a field", 400, LINE HOST "A: b\rContent-Length: 5\r\n" END,
        "a control byte in a field value"),
    BAD("RFC 9112 2.2 a bare CR for an empty line", 400, LINE HOST "\r\r\n" END,
        "a field line without a colon"),
    BAD("RFC 9112 2.2 white space before the first field", 400, LINE " " HOST END,
        "a line starts with white space"),
    BAD("RFC 9112 2.2 a tab before the first field", 400, LINE "\t" HOST END,
        "a line starts with white space"),
    BAD("RFC 9112 2.2 a line of white space for an empty line", 400, LINE HOST " \r\n" END,
        "a line starts with white space"),
    OK("RFC 9112 2.3 HTTP/1.0", "GET / HTTP/1.0\r\n" HOST END, "GET origin / a 1.0 {Host|a}"),
    OK("RFC 9110 2.5 HTTP/1.2 is taken as HTTP/1.1", "GET / HTTP/1.2\r\n" HOST END,
       "GET origin / a 1.1 {Host|a}"),
    OK("RFC 9110 2.5 HTTP/1.9 is taken as HTTP/1.1", "GET / HTTP/1.9\r\n" HOST END,
       "GET origin / a 1.1 {Host|a}"),
    BAD("RFC 9110 2.5 HTTP/2.0", 505, "GET / HTTP/2.0\r\n" HOST END,
        "only HTTP/1.0 and HTTP/1.1 are supported"),
    BAD("RFC 9110 2.5 HTTP/0.9", 505, "GET / HTTP/0.9\r\n" HOST END,
        "only HTTP/1.0 and HTTP/1.1 are supported"),
    BAD("RFC 9110 2.5 HTTP/3.1", 505, "GET / HTTP/3.1\r\n" HOST END,
        "only HTTP/1.0 and HTTP/1.1 are supported"),
    BAD("RFC 9113 3.4 the preface of HTTP/2", 505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "only HTTP/1.0 and HTTP/1.1 are supported"),
    BAD("RFC 9112 2.3 HTTP/2", 400, "GET / HTTP/2\r\n" HOST END, "bad HTTP version"),
    BAD("RFC 9112 2.3 two digits", 400, "GET / HTTP/1.10\r\n" HOST END, "bad HTTP version"),
    BAD("RFC 9112 2.3 two digits before the dot", 400, "GET / HTTP/01.1\r\n" HOST END, "bad HTTP version"),
    BAD("RFC 9112 2.3 no digit", 400, "GET / HTTP/1.x\r\n" HOST END, "bad HTTP version"),
    BAD("RFC 9112 2.3 a comma for the dot", 400, "GET / HTTP/1,1\r\n" HOST END, "bad HTTP version"),
    BAD("RFC 9112 2.3 the name is case-sensitive", 400, "GET / http/1.1\r\n" HOST END, "bad HTTP version"),
    BAD("RFC 9112 2.3 another protocol", 400, "GET / HTCPCP/1.0\r\n" HOST END, "bad HTTP version"),
    BAD("RFC 9112 2.3 HTTPS", 400, "GET / HTTPS/1.1\r\n" HOST END, "bad HTTP version"),
    BAD("RFC 9112 3 no version", 400, "GET /\r\n" HOST END, "bad request line"),
    BAD("RFC 9112 3 an empty version", 400, "GET / \r\n" HOST END, "bad HTTP version"),
    BAD("RFC 9112 3 HTTP/0.9 alone", 400, "GET /\r\n", "bad request line"),
    BAD("RFC 9112 3 no target", 400, "GET HTTP/1.1\r\n" HOST END, "bad request line"),
    BAD("RFC 9112 3 an empty target", 400, "GET  HTTP/1.1\r\n" HOST END, "bad request line"),
    BAD("RFC 9112 3 a method alone", 400, "GET\r\n" HOST END, "bad method"),
    BAD("RFC 9112 3 two spaces before the target", 400, "GET  / HTTP/1.1\r\n" HOST END, "bad request line"),
    BAD("RFC 9112 3 two spaces before the version", 400, "GET /  HTTP/1.1\r\n" HOST END, "bad HTTP version"),
    BAD("RFC 9112 3 a space after the version", 400, "GET / HTTP/1.1 \r\n" HOST END, "bad HTTP version"),
    BAD("RFC 9112 3 a fourth word", 400, "GET / HTTP/1.1 x\r\n" HOST END, "bad HTTP version"),
    BAD("RFC 9112 3 a space before the method", 400, " GET / HTTP/1.1\r\n" HOST END, "bad method"),
    BAD("RFC 9112 3 a tab for a space", 400, "GET\t/ HTTP/1.1\r\n" HOST END, "bad method"),
    BAD("RFC 9112 3 a tab before the version", 400, "GET /\tHTTP/1.1\r\n" HOST END, "bad request line"),
    BAD("RFC 9112 3 a vertical tab for a space", 400, "GET /\vHTTP/1.1\r\n" HOST END, "bad request line"),
    BAD("RFC 9112 3 a space in the target", 400, "GET /a b HTTP/1.1\r\n" HOST END, "bad HTTP version"),
    OK("RFC 9110 9.1 any token is a method", "M-SEARCH!#$ / HTTP/1.1\r\n" HOST END,
       "M-SEARCH!#$ origin / a 1.1 {Host|a}"),
    OK("RFC 9110 9.1 methods are case-sensitive", "get / HTTP/1.1\r\n" HOST END,
       "get origin / a 1.1 {Host|a}"),
    OK("RFC 9112 3.1 the longest method", "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF / HTTP/1.1\r\n" HOST END,
       "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF origin / a 1.1 {Host|a}"),
    BAD("RFC 9112 3.1 a method that is too long", 501,
        "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1\r\n" HOST END, "the method is longer than any known"),
    BAD("RFC 9112 3.1 a colon in the method", 400, "GE:T / HTTP/1.1\r\n" HOST END, "bad method"),
    BAD("RFC 9112 3.1 a NUL in the method", 400, "G\0T / HTTP/1.1\r\n" HOST END, "bad method"),
    BAD("RFC 9112 3.1 a quote in the method", 400, "\"GET\" / HTTP/1.1\r\n" HOST END, "bad method"),
    BAD("RFC 9112 3.1 obs-text in the method", 400, "G\xc3\x89T / HTTP/1.1\r\n" HOST END, "bad method"),
    OK("RFC 9112 3.2.1 origin-form", "GET /where?q=now HTTP/1.1\r\n" HOST END,
       "GET origin /where?q=now a 1.1 {Host|a}"),
    OK("RFC 9112 3.2.1 an empty query", "GET /? HTTP/1.1\r\n" HOST END, "GET origin /? a 1.1 {Host|a}"),
    OK("RFC 3986 3.4 a question mark in the query", "GET /a?b?c/d HTTP/1.1\r\n" HOST END,
       "GET origin /a?b?c/d a 1.1 {Host|a}"),
    OK("RFC 9112 3.2.1 two slashes are a path", "GET //b/c HTTP/1.1\r\n" HOST END,
       "GET origin //b/c a 1.1 {Host|a}"),
    OK("RFC 9112 3.2.1 every byte that a target may hold",
       "GET /-._~!$&'()*+,;=:@%20[]^`{|}a?/ HTTP/1.1\r\n" HOST END,
       "GET origin /-._~!$&'()*+,;=:@%20[]^`{|}a?/ a 1.1 {Host|a}"),
    BAD("RFC 9112 3.2 a fragment", 400, "GET /a#b HTTP/1.1\r\n" HOST END, "bad request line"),
    BAD("RFC 9112 3.2 a relative path", 400, "GET a HTTP/1.1\r\n" HOST END, "bad request target"),
    BAD("RFC 9112 3.2 a query alone", 400, "GET ?a HTTP/1.1\r\n" HOST END, "bad request target"),
    BAD("RFC 9112 3.2 a backslash", 400, "GET /a\\b HTTP/1.1\r\n" HOST END, "bad request line"),
    BAD("RFC 9112 3.2 a quote", 400, "GET /\"a HTTP/1.1\r\n" HOST END, "bad request line"),
    BAD("RFC 9112 3.2 angle brackets", 400, "GET /<a> HTTP/1.1\r\n" HOST END, "bad request line"),
    BAD("RFC 9112 3.2 a NUL in the target", 400, "GET /\0 HTTP/1.1\r\n" HOST END, "bad request line"),
    BAD("RFC 9112 3.2 a DEL in the target", 400, "GET /\x7f HTTP/1.1\r\n" HOST END, "bad request line"),
    BAD("RFC 9112 3.2 UTF-8 in the target", 400, "GET /\xc3\xa9 HTTP/1.1\r\n" HOST END, "bad request line"),
    OK("RFC 9112 3.2.2 absolute-form", "GET http://a/b?c HTTP/1.1\r\n" HOST END,
       "GET absolute /b?c a 1.1 {Host|a}"),
    OK("RFC 9112 3.2.2 absolute-form without a path", "GET http://a HTTP/1.1\r\n" HOST END,
       "GET absolute / a 1.1 {Host|a}"),
    OK("RFC 9112 3.2.2 absolute-form with a query only", "GET http://a?b HTTP/1.1\r\n" HOST END,
       "GET absolute /?b a 1.1 {Host|a}"),
    OK("RFC 9112 3.2.2 the scheme in capitals", "GET HTTP://a/ HTTP/1.1\r\n" HOST END,
       "GET absolute / a 1.1 {Host|a}"),
    OK("RFC 9112 3.2.2 the host in capitals", "GET http://A/ HTTP/1.1\r\n" HOST END,
       "GET absolute / A 1.1 {Host|a}"),
    OK("RFC 9112 3.2.2 the default port of http", "GET http://a:80/ HTTP/1.1\r\n" HOST END,
       "GET absolute / a:80 1.1 {Host|a}"),
    OK("RFC 9112 3.2.2 the default port of https", "GET https://a/ HTTP/1.1\r\nHost: a:443\r\n" END,
       "GET absolute / a 1.1 {Host|a:443}"),
    OK("RFC 9112 3.2.2 absolute-form in HTTP/1.0 without Host", "GET http://a:81/ HTTP/1.0\r\n" END,
       "GET absolute / a:81 1.0"),
    BAD("RFC 9112 3.2.2 Host is another host", 400, "GET http://b/ HTTP/1.1\r\n" HOST END,
        "the Host field differs from the request target"),
    BAD("RFC 9112 3.2.2 Host is another host in HTTP/1.0", 400, "GET http://b/ HTTP/1.0\r\n" HOST END,
        "the Host field differs from the request target"),
    BAD("RFC 9112 3.2.2 Host has another port", 400, "GET http://a:81/ HTTP/1.1\r\n" HOST END,
        "the Host field differs from the request target"),
    BAD("RFC 9112 3.2.2 the port of the other scheme", 400, "GET http://a/ HTTP/1.1\r\nHost: a:443\r\n" END,
        "the Host field differs from the request target"),
    BAD("RFC 9112 3.2.2 absolute-form without Host", 400, "GET http://a/ HTTP/1.1\r\n" END, "no Host field"),
    BAD("RFC 9110 4.2.1 no host in the target", 400, "GET http:///a HTTP/1.1\r\n" HOST END,
        "bad host in the request target"),
    BAD("RFC 9110 4.2.1 a port without a host", 400, "GET http://:80/a HTTP/1.1\r\n" HOST END,
        "bad host in the request target"),
    BAD("RFC 9110 4.2.4 user and password", 400, "GET http://user:pass@a/ HTTP/1.1\r\n" HOST END,
        "bad host in the request target"),
    BAD("RFC 9112 3.2.2 one slash", 400, "GET http:/a HTTP/1.1\r\n" HOST END, "bad request target"),
    BAD("RFC 9112 3.2.2 a scheme alone", 400, "GET http: HTTP/1.1\r\n" HOST END, "bad request target"),
    BAD("RFC 9112 3.2.2 another scheme", 400, "GET ftp://a/ HTTP/1.1\r\n" HOST END, "bad request target"),
    BAD("RFC 9112 3.2.2 no scheme", 400, "GET ://a/ HTTP/1.1\r\n" HOST END, "bad request target"),
    OK("RFC 9112 3.2.3 authority-form", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n" END,
       "CONNECT authority  a:443 1.1 {Host|a:443}"),
    OK("RFC 9112 3.2.3 Host without the port", "CONNECT a:443 HTTP/1.1\r\n" HOST END,
       "CONNECT authority  a:443 1.1 {Host|a}"),
    OK("RFC 9112 3.2.3 an IPv6 address", "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n" END,
       "CONNECT authority  [::1]:443 1.1 {Host|[::1]:443}"),
    BAD("RFC 9110 9.3.6 no port", 400, "CONNECT a HTTP/1.1\r\n" HOST END, "CONNECT wants host:port"),
    BAD("RFC 9110 9.3.6 an empty port", 400, "CONNECT a: HTTP/1.1\r\n" HOST END, "CONNECT wants host:port"),
    BAD("RFC 9110 9.3.6 port 0", 400, "CONNECT a:0 HTTP/1.1\r\n" HOST END, "CONNECT wants host:port"),
    BAD("RFC 9112 3.2.3 CONNECT to a path", 400, "CONNECT / HTTP/1.1\r\n" HOST END,
        "CONNECT wants host:port"),
    BAD("RFC 9112 3.2.3 CONNECT to a URI", 400, "CONNECT http://a/ HTTP/1.1\r\n" HOST END,
        "CONNECT wants host:port"),
    BAD("RFC 9112 3.2.3 CONNECT with another Host", 400, "CONNECT a:443 HTTP/1.1\r\nHost: b:443\r\n" END,
        "the Host field differs from the request target"),
    BAD("RFC 9112 3.2.3 authority-form without CONNECT", 400, "GET a:80 HTTP/1.1\r\n" HOST END,
        "bad request target"),
    OK("RFC 9112 3.2.4 asterisk-form", "OPTIONS * HTTP/1.1\r\n" HOST END,
       "OPTIONS asterisk * a 1.1 {Host|a}"),
    OK("RFC 9112 3.2.4 asterisk-form as a URI", "OPTIONS http://a:8001 HTTP/1.1\r\nHost: a:8001\r\n" END,
       "OPTIONS asterisk * a:8001 1.1 {Host|a:8001}"),
    OK("RFC 9112 3.2.4 OPTIONS of the root", "OPTIONS http://a/ HTTP/1.1\r\n" HOST END,
       "OPTIONS absolute / a 1.1 {Host|a}"),
    BAD("RFC 9112 3.2.4 the asterisk with GET", 400, "GET * HTTP/1.1\r\n" HOST END,
        "only OPTIONS has the target *"),
    BAD("RFC 9112 3.2.4 two asterisks", 400, "OPTIONS ** HTTP/1.1\r\n" HOST END, "bad request target"),
    BAD("RFC 9112 3.2 no Host in HTTP/1.1", 400, LINE END, "no Host field"),
    BAD("RFC 9112 3.2 no Host but others", 400, LINE "Hos: a\r\nHostt: a\r\n" END, "no Host field"),
    BAD("RFC 9112 3.2 two Host fields", 400, LINE HOST HOST END, "more than one Host field"),
    BAD("RFC 9112 3.2 two Host fields that differ", 400, LINE HOST "A: b\r\nhOST: b\r\n" END,
        "more than one Host field"),
    BAD("RFC 9112 3.2 two Host fields in HTTP/1.0", 400, "GET / HTTP/1.0\r\n" HOST HOST END,
        "more than one Host field"),
    BAD("RFC 9112 3.2 a bad Host in HTTP/1.0", 400, "GET / HTTP/1.0\r\nHost: a b\r\n" END, "bad Host field"),
    BAD("RFC 9112 3.3 an empty Host", 400, LINE "Host:\r\n" END, "bad Host field"),
    BAD("RFC 9110 7.2 a path in Host", 400, LINE "Host: a/b\r\n" END, "bad Host field"),
    BAD("RFC 9110 7.2 a user in Host", 400, LINE "Host: u@a\r\n" END, "bad Host field"),
    BAD("RFC 9110 7.2 a list in Host", 400, LINE "Host: a,b\r\n" END, "bad Host field"),
    BAD("RFC 9110 7.2 two words in Host", 400, LINE "Host: a b\r\n" END, "bad Host field"),
    BAD("RFC 9110 7.2 a URI in Host", 400, LINE "Host: http://a\r\n" END, "bad Host field"),
    BAD("RFC 9110 7.2 a word for a port in Host", 400, LINE "Host: a:http\r\n" END, "bad Host field"),
    BAD("RFC 9110 7.2 obs-text in Host", 400, LINE "Host: \xc3\xa9\r\n" END, "bad Host field"),
    OK("RFC 9110 7.2 a port in Host", LINE "Host: a.example:8080\r\n" END,
       "GET origin / a.example:8080 1.1 {Host|a.example:8080}"),
    OK("RFC 9110 7.2 an IPv6 address in Host", LINE "Host: [2001:db8::1]:80\r\n" END,
       "GET origin / [2001:db8::1]:80 1.1 {Host|[2001:db8::1]:80}"),
    OK("RFC 9112 5 names keep their case", LINE "hOsT: a\r\n" END, "GET origin / a 1.1 {hOsT|a}"),
    OK("RFC 9112 5 every byte that a name may hold", LINE HOST "!#$%&'*+-.^_`|~09azAZ: b\r\n" END,
       "GET origin / a 1.1 {Host|a} {!#$%&'*+-.^_`|~09azAZ|b}"),
    OK("RFC 9112 5.1 white space around a value", LINE HOST "A: \t b c \t \r\n" END,
       "GET origin / a 1.1 {Host|a} {A|b c}"),
    OK("RFC 9112 5.1 no white space around a value", LINE "Host:a\r\nA:b\r\n" END,
       "GET origin / a 1.1 {Host|a} {A|b}"),
    OK("RFC 9112 5.1 an empty value", LINE HOST "A:\r\nB: \t\r\n" END,
       "GET origin / a 1.1 {Host|a} {A|} {B|}"),
    OK("RFC 9112 5.1 colons in a value", LINE HOST "A: :b: c\r\n" END,
       "GET origin / a 1.1 {Host|a} {A|:b: c}"),
    BAD("RFC 9112 5.1 a space before the colon", 400, LINE HOST "A : b\r\n" END,
        "white space before the colon"),
    BAD("RFC 9112 5.1 a tab before the colon", 400, LINE HOST "Content-Length\t: 5\r\n" END,
        "white space before the colon"),
    BAD("RFC 9112 5.1 no colon", 400, LINE HOST "Abc\r\n" END, "a field line without a colon"),
    BAD("RFC 9112 5.1 no name", 400, LINE HOST ": b\r\n" END, "an empty field name"),
    BAD("RFC 9110 5.1 a bracket in a name", 400, LINE HOST "A(b): c\r\n" END,
        "a byte in a field name that is no token"),
    BAD("RFC 9110 5.1 a NUL in a name", 400, LINE HOST "A\0: c\r\n" END,
        "a byte in a field name that is no token"),
    BAD("RFC 9110 5.1 obs-text in a name", 400, LINE HOST "\xc3\xa9: c\r\n" END,
        "a byte in a field name that is no token"),
    BAD("RFC 9112 5.2 a folded line", 400, LINE HOST "A: b\r\n c\r\n" END, "a line starts with white space"),
    BAD("RFC 9112 5.2 a line folded with a tab", 400, LINE HOST "A: b\r\n\tc\r\n" END,
        "a line starts with white space"),
    BAD("RFC 9112 5.2 a fold that hides a field", 400, LINE HOST "A:\r\n Transfer-Encoding: chunked\r\n" END,
        "a line starts with white space"),
    OK("RFC 9110 5.5 obs-text in a value", LINE HOST "A: \xc3\xa9\xff\x80 12345678\r\n" END,
       "GET origin / a 1.1 {Host|a} {A|\xc3\xa9\xff\x80 12345678}"),
    OK("RFC 9110 5.5 tabs inside a value", LINE HOST "A: 1\t2345678\t\t90123456\t7\r\n" END,
       "GET origin / a 1.1 {Host|a} {A|1\t2345678\t\t90123456\t7}"),
    BAD("RFC 9110 5.5 a NUL in a value", 400, LINE HOST "A: b\0c\r\n" END, "a control byte in a field value"),
    BAD("RFC 9110 5.5 a DEL in a value", 400,
        LINE HOST "A: 1234567\x7f"
                  "89012345\r\n" END,
        "a control byte in a field value"),
    BAD("RFC 9110 5.5 an escape in a value", 400, LINE HOST "A: 12345678\x1b[0m90123456\r\n" END,
        "a control byte in a field value"),
    BAD("RFC 9110 5.5 a vertical tab in a value", 400, LINE HOST "A: 123456789\vchunked\r\n" END,
        "a control byte in a field value"),
    BAD("RFC 9110 5.5 a form feed at the end of a value", 400, LINE HOST "A: b\f\r\n" END,
        "a control byte in a field value"),
    BAD("RFC 9110 5.5 a control byte in Host", 400, LINE "Host: a\x01\r\n" END,
        "a control byte in a field value"),
};

static const char *const forms[] = {
    [HTTP1_ORIGIN] = "origin",
    [HTTP1_ABSOLUTE] = "absolute",
    [HTTP1_AUTHORITY] = "authority",
    [HTTP1_ASTERISK] = "asterisk",
};

static void describe(const struct http1_request *r, char *out, size_t size) {
    int n =
        snprintf(out, size, "%.*s %s %.*s%s%.*s ", (int)r->method_name.n, r->method_name.p, forms[r->form],
                 (int)r->path.n, r->path.p, r->query.p ? "?" : "", (int)r->query.n, r->query.p);
    const struct uri_authority *host = &r->host;
    n += snprintf(out + n, size - (size_t)n, "%.*s", host->host.n ? (int)host->host.n : 1,
                  host->host.n ? host->host.p : "-");
    if (host->port >= 0)
        n += snprintf(out + n, size - (size_t)n, ":%d", host->port);
    n += snprintf(out + n, size - (size_t)n, " 1.%u", r->minor);
    for (unsigned i = 0; i < r->fields.n && (size_t)n < size; i++) {
        const struct http1_field *field = &r->fields.list[i];
        n += snprintf(out + n, size - (size_t)n, " {%.*s|%.*s}", (int)field->name.n, field->name.p,
                      (int)field->value.n, field->value.p);
    }
}

static void decode(struct http1_scan *scan, const char *bytes, size_t n, const void *limits,
                   struct cuts_outcome *out) {
    struct http1_field list[HTTP1_FIELDS_MAX];
    struct http1_request request = {.fields = {list, 0, HTTP1_FIELDS_MAX}};
    out->verdict = http1_decode(scan, bytes, n, limits, &request);
    if (out->verdict.kind == VERDICT_FRAME)
        describe(&request, out->text, sizeof(out->text));
}

START_TEST(case_by_its_section)
{
    const struct head_case *c = &cases[_i];
    struct cuts_outcome got = cuts_check(c->name, span_of(c->bytes, c->n), decode, &HTTP1_LIMITS);
    if (c->status == 0) {
        ck_assert_msg(got.verdict.kind == VERDICT_FRAME, "%s: %d %s", c->name, got.verdict.http_status,
                      got.verdict.reason);
        ck_assert_msg(got.verdict.n == c->n, "%s: a head of %zu bytes", c->name, got.verdict.n);
        ck_assert_msg(strcmp(got.text, c->text) == 0, "%s: \"%s\"", c->name, got.text);
        return;
    }
    ck_assert_msg(got.verdict.kind == VERDICT_BAD, "%s: not refused", c->name);
    ck_assert_msg(got.verdict.http_status == c->status, "%s: %d", c->name, got.verdict.http_status);
    ck_assert_msg(strcmp(got.verdict.reason, c->text) == 0, "%s: %s", c->name, got.verdict.reason);
}
END_TEST

/* A message of `before`, n times c, and `after`, decoded in every cut with these limits. */
static struct http1_verdict padded(const char *name, const char *before, size_t n, char c, const char *after,
                                   struct http1_limits limits) {
    size_t left = strlen(before), right = strlen(after);
    char *bytes = malloc(left + n + right);
    ck_assert_ptr_nonnull(bytes);
    memcpy(bytes, before, left);
    memset(bytes + left, c, n);
    memcpy(bytes + left + n, after, right);
    struct cuts_outcome outcome = cuts_check(name, span_of(bytes, left + n + right), decode, &limits);
    free(bytes);
    return outcome.verdict;
}

#define SMALL ((struct http1_limits){.head = 256, .target = 100})

START_TEST(rfc_9112_3_a_target_up_to_the_limit)
{
    static const char rest[] = " HTTP/1.1\r\n" HOST END;
    ck_assert_int_eq(padded("99 + 1", "GET /", 99, 'a', rest, SMALL).kind, VERDICT_FRAME);
    ck_assert_int_eq(padded("100 + 1", "GET /", 100, 'a', rest, SMALL).http_status, 414);
    ck_assert_int_eq(padded("line over its limit", "GET /", 140, 'a', rest, SMALL).http_status, 414);
    ck_assert_int_eq(padded("no end", "GET /", 200, 'a', "", SMALL).http_status, 414);
    ck_assert_int_eq(padded("line over its limit, then LF", "GET /", 200, 'a', "\n", SMALL).http_status, 414);
    ck_assert_int_eq(padded("no method", "GET", 200, 'a', rest, SMALL).http_status, 501);
    ck_assert_int_eq(padded("no token", "G(T /", 200, 'a', rest, SMALL).http_status, 400);
    ck_assert_int_eq(
        padded("target over the head", "GET /", 95, 'a', "", (struct http1_limits){99, 9999}).http_status,
        414);
}
END_TEST

START_TEST(rfc_6585_5_a_head_up_to_the_limit)
{
    static const char before[] = LINE HOST "A: ";
    size_t fits = 256 - (sizeof(before) - 1) - 4;
    ck_assert_int_eq(padded("256", before, fits, 'a', "\r\n\r\n", SMALL).kind, VERDICT_FRAME);
    ck_assert_int_eq(padded("257", before, fits + 1, 'a', "\r\n\r\n", SMALL).http_status, 431);
    ck_assert_int_eq(padded("no end", before, 400, 'a', "", SMALL).http_status, 431);
    ck_assert_int_eq(
        padded("with empty lines", END LINE HOST "A: ", fits - 1, 'a', "\r\n\r\n", SMALL).http_status, 431);
    ck_assert_int_eq(padded("a fault beyond the limit", before, fits + 4, 'a', "\n", SMALL).http_status, 431);
}
END_TEST

START_TEST(rfc_6585_5_fields_up_to_the_limit)
{
    char bytes[1024] = LINE HOST;
    for (unsigned n = 1; n <= HTTP1_FIELDS_MAX; n++) {
        char whole[1100];
        int length = snprintf(whole, sizeof(whole), "%s\r\n", bytes);
        struct cuts_outcome got = cuts_check("fields", span_of(whole, (size_t)length), decode, &HTTP1_LIMITS);
        ck_assert_int_eq(got.verdict.kind, VERDICT_FRAME);
        strcat(bytes, "A: b\r\n");
    }
    strcat(bytes, END);
    struct cuts_outcome got = cuts_check("fields", span_text(bytes), decode, &HTTP1_LIMITS);
    ck_assert_int_eq(got.verdict.http_status, 431);
}
END_TEST

START_TEST(rfc_9112_2_2_empty_lines_are_no_request)
{
    struct http1_scan scan = {0};
    struct cuts_outcome outcome;
    decode(&scan, "\r\n\r\n", 4, &HTTP1_LIMITS, &outcome);
    ck_assert_int_eq(outcome.verdict.kind, VERDICT_MORE);
    ck_assert(http1_scan_idle(&scan, 4));
    decode(&scan, "\r\n\r\nG", 5, &HTTP1_LIMITS, &outcome);
    ck_assert_int_eq(outcome.verdict.kind, VERDICT_MORE);
    ck_assert(!http1_scan_idle(&scan, 5));
}
END_TEST

START_TEST(rfc_9112_9_3_2_pipelined_requests_one_by_one)
{
    static const char bytes[] =
        LINE HOST END "GET /2 HTTP/1.1\r\n" HOST END "\r\nGET /3 HTTP/1.0\r\n\r\nGET /4";
    static const char *const expected[] = {"GET origin / a 1.1 {Host|a}", "GET origin /2 a 1.1 {Host|a}",
                                           "GET origin /3 - 1.0"};
    struct http1_scan scan = {0};
    size_t at = 0;
    for (size_t i = 0; i < 3; i++) {
        struct cuts_outcome outcome;
        decode(&scan, bytes + at, sizeof(bytes) - 1 - at, &HTTP1_LIMITS, &outcome);
        ck_assert_int_eq(outcome.verdict.kind, VERDICT_FRAME);
        ck_assert_str_eq(outcome.text, expected[i]);
        at += outcome.verdict.n;
    }
    ck_assert_str_eq(bytes + at, "GET /4");
}
END_TEST

START_TEST(methods_are_told_apart)
{
    static const char *const names[] = {"X",      "GET",     "HEAD",    "POST",  "PUT",
                                        "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"};
    for (unsigned i = 0; i < HTTP1_METHODS; i++)
        ck_assert_uint_eq(http1_method_of(span_text(names[i])), i);
    ck_assert_int_eq(http1_method_of(span_text("GETT")), HTTP1_OTHER);
    ck_assert_int_eq(http1_method_of(span_text("GE")), HTTP1_OTHER);
    ck_assert_int_eq(http1_method_of(span_of(NULL, 0)), HTTP1_OTHER);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("http1");
    TCase *tests = tcase_create("http1");
    tcase_add_loop_test(tests, case_by_its_section, 0, (int)(sizeof(cases) / sizeof(cases[0])));
    tcase_add_test(tests, rfc_9112_3_a_target_up_to_the_limit);
    tcase_add_test(tests, rfc_6585_5_a_head_up_to_the_limit);
    tcase_add_test(tests, rfc_6585_5_fields_up_to_the_limit);
    tcase_add_test(tests, rfc_9112_2_2_empty_lines_are_no_request);
    tcase_add_test(tests, rfc_9112_9_3_2_pipelined_requests_one_by_one);
    tcase_add_test(tests, methods_are_told_apart);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
