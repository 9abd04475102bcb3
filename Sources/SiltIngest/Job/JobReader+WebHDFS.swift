extension JobReader {
    /// `webhdfs: {url, path, user, token, retry, redirect}`.
    mutating func readWebHDFS(_ node: DocumentNode) -> WebHDFSSettings? {
        guard var map = takeMap(node, "webhdfs") else { return nil }
        var settings = WebHDFSSettings()
        if let node = map.required("url", &self) {
            settings.urls = (node.list ?? [node]).compactMap(\.text)
            let isUsable = settings.urls.allSatisfy {
                $0.hasPrefix("http://") && $0.count > 7 && !$0.contains("?")
            }
            if settings.urls.isEmpty || !isUsable {
                report(node.mark, "url must be http://HOST:PORT of a name node, or a list of such")
            }
        }
        if let node = map.required("path", &self), let path = text(node, "path") {
            if !path.hasPrefix("/") || path.utf8.contains(0) {
                report(node.mark, "path must begin with /")
            }
            settings.path = path
        }
        settings.user = map.take("user").flatMap { text($0, "user") }
        settings.token = map.take("token").flatMap { text($0, "token") }
        if let node = map.take("retry"), let value = duration(node, "retry") {
            settings.retryMilliseconds = value
        }
        if let node = map.take("redirect") {
            switch node.bool {
            case true?: break
            case false?: settings.namesDataNodes = true
            case nil: report(node.mark, "redirect must be true or false, not \(node.kindName)")
            }
        }
        map.finish(&self)
        return settings
    }
}
