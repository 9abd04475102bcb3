import NIOHTTP1

/// `/ui`: a page that shows the server to whoever operates it.
///
/// The page holds no data of its own: its script asks `/v1`, with a token that the person gives where there are tokens.
enum Dashboard {
    /// The page may load from this server only, and nothing may embed it.
    private static let policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
        + " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

    static func reply(to request: Request) -> Reply {
        guard request.isRead else { return .now(HBaseRoutes.notAllowed) }
        switch request.segments.dropFirst().joined(separator: "/") {
        case "": return .now(file(DashboardPage.text, "text/html"))
        case "style.css": return .now(file(DashboardStyle.text, "text/css"))
        case "script.js":
            return .now(file(DashboardScript.text + DashboardRows.text, "text/javascript"))
        default: return .now(HBaseRoutes.notFound)
        }
    }

    private static func file(_ text: String, _ type: String) -> Response {
        Response(
            .ok,
            headers: [
                ("Content-Type", type + "; charset=utf-8"), ("Cache-Control", "no-cache"),
                ("Content-Security-Policy", policy), ("Referrer-Policy", "no-referrer"),
            ], body: Array(text.utf8))
    }
}
