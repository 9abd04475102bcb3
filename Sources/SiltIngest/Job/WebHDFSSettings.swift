/// A directory or file of HDFS, and how to get at it.
package struct WebHDFSSettings: Hashable, Sendable {
    /// The name nodes, `http://HOST:PORT`: when one is on standby or does not answer, the next is asked.
    package var urls: [String] = []
    /// The path, in its last part perhaps with `*` and `?`.
    package var path = ""
    /// Who asks, where the cluster believes it.
    package var user: String?
    /// A delegation token.
    package var token: String?
    /// How long a cluster that does not answer is asked again, in milliseconds.
    package var retryMilliseconds: Int64 = 60_000
    /// Whether name nodes are asked to name the data node in their answer instead of redirecting.
    package var namesDataNodes = false

    /// Settings of a path.
    package init(urls: [String] = [], path: String = "") {
        self.urls = urls
        self.path = path
    }
}
