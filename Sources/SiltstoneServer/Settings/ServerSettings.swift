import SiltIngest
package import SiltModel
package import Siltstone

/// All that `silt serve` can be told; plain data.
package struct ServerSettings: Sendable {
    /// How lines of the access log are written.
    package enum LogFormat: String, Sendable, CaseIterable {
        case text
        case json
    }

    /// The data directory.
    package var data = "silt-data"
    /// The server's.
    package var server = SiltstoneServer.Configuration()
    /// The store's.
    package var database = Siltstone.Configuration()
    /// The host of the Thrift port, which is that of the HTTP port.
    var thriftHost: String?
    /// The file with the secret of web tokens.
    var webTokenFile: String?
    /// The file with the public keys of web tokens.
    var webKeysFile: String?
    /// The file with the server's certificates.
    var certificateFile: String?
    /// The file with their key.
    var keyFile: String?
    /// The file with those who sign certificates of clients.
    var clientAuthoritiesFile: String?
    /// Where acts of administration are noted; `nil` is standard error.
    package var auditLog: String?
    /// Where requests are noted, `-` for standard error; `nil` is nowhere.
    package var accessLog: String?
    /// How requests are noted.
    package var accessLogFormat = LogFormat.text
    /// Where failures are noted; `nil` is standard error.
    package var errorLog: String?

    /// The defaults.
    package init() {
        database.memtableBytesMax = 128 << 20
        database.cacheBytes = 256 << 20
    }

    /// Where a setting was given.
    package struct Origin: Sendable, Hashable, CustomStringConvertible {
        /// `--name`, `SILT_NAME` or `FILE:LINE:COLUMN`.
        package let description: String
    }

    /// A value as it was given.
    private typealias Given = (text: String, origin: Origin)

    /// The settings of flags before those of the environment before those of a file before the defaults.
    ///
    /// - Parameters:
    ///   - file: the configuration file's name and text.
    ///   - environment: variables by name.
    ///   - flags: values by the names of settings.
    ///   - contents: what a file holds; `nil` when it cannot be read.
    /// - Throws: everything that is wrong, each with its place.
    package static func read(
        file: (name: String, text: String)?, environment: [String: String], flags: [String: String],
        contents: (String) -> [UInt8]? = { _ in nil }
    ) throws(SettingFaults) -> ServerSettings {
        var faults: [String] = []
        var given: [String: Given] = [:]
        if let file { readFile(file.name, file.text, into: &given, &faults) }
        for setting in Setting.all {
            if let text = environment[setting.variable] {
                given[setting.name] = (text, Origin(description: setting.variable))
            }
            if let text = flags[setting.name] {
                given[setting.name] = (text, Origin(description: setting.flag))
            }
        }
        var settings = ServerSettings()
        for setting in Setting.all {
            guard let value = given[setting.name] else { continue }
            if let fault = setting.apply(&settings, value.text) {
                faults.append("\(value.origin): \(setting.name) \(fault)")
            }
        }
        func origin(_ name: String) -> String { given[name]?.origin.description ?? name }
        do throws(SiltstoneError) {
            settings.server.webTokenSecret = try settings.webTokenSecret(contents: contents)
        } catch { faults.append("\(origin("jwt_secret")): \(error.message)") }
        do throws(SiltstoneError) {
            settings.server.webTokenKeys = try settings.webTokenKeys(contents: contents)
        } catch { faults.append("\(origin("jwt_keys")): \(error.message)") }
        do throws(SiltstoneError) {
            settings.server.certificates = try settings.certificates(contents: contents)
            _ = try settings.server.certificates?.context()
        } catch { faults.append("\(origin("tls_certificate")): \(error.message)") }
        if let host = settings.thriftHost, host != settings.server.host {
            faults.append("\(origin("thrift_listen")): thrift_listen has the host of listen")
        }
        if faults.isEmpty, let fault = SiltstoneServer.exposureFault(settings.server) {
            faults.append("\(origin("listen")): \(fault)")
        }
        guard faults.isEmpty else { throw SettingFaults(lines: faults) }
        return settings
    }

    /// The certificates that the settings name, as their files are now; `nil` when there is to be no TLS.
    ///
    /// - Throws: `invalidArgument` for a setting that misses another, and a file that cannot be read.
    package func certificates(contents: (String) -> [UInt8]?) throws(SiltstoneError)
        -> SiltstoneServer.Certificates?
    {
        guard let certificateFile, let keyFile else {
            if certificateFile == nil, keyFile == nil, clientAuthoritiesFile == nil { return nil }
            throw SiltstoneError(.invalidArgument, "TLS needs tls_certificate and tls_key")
        }
        var certificates = SiltstoneServer.Certificates(
            chain: try Self.file(certificateFile, contents), key: try Self.file(keyFile, contents))
        if let clientAuthoritiesFile {
            certificates.clientAuthorities = try Self.file(clientAuthoritiesFile, contents)
        }
        return certificates
    }

    /// The secret of web tokens, as its file is now; `nil` when there is none.
    ///
    /// - Throws: `invalidArgument` for a file that cannot be read or holds too few bytes.
    package func webTokenSecret(contents: (String) -> [UInt8]?) throws(SiltstoneError) -> [UInt8]? {
        guard let webTokenFile else { return nil }
        guard let secret = Self.secret(in: contents(webTokenFile)) else {
            throw SiltstoneError(
                .invalidArgument,
                "jwt_secret names no file of \(WebTokens.secretBytesMin) bytes or more:"
                    + " '\(webTokenFile)'")
        }
        return secret
    }

    /// The public keys of web tokens, as their file is now; `nil` when there is none.
    ///
    /// - Throws: `invalidArgument` for a file that cannot be read, or with a key that cannot be used.
    package func webTokenKeys(contents: (String) -> [UInt8]?) throws(SiltstoneError) -> [UInt8]? {
        guard let webKeysFile else { return nil }
        let keys = try Self.file(webKeysFile, contents)
        _ = try WebKey.keys(keys)
        return keys
    }

    private static func file(_ name: String, _ contents: (String) -> [UInt8]?)
        throws(SiltstoneError) -> [UInt8]
    {
        guard let bytes = contents(name), !bytes.isEmpty else {
            throw SiltstoneError(.invalidArgument, "cannot read '\(name)'")
        }
        return bytes
    }

    /// The bytes of a file but for line breaks at their end; `nil` when they are too few for a secret.
    private static func secret(in contents: [UInt8]?) -> [UInt8]? {
        guard var bytes = contents else { return nil }
        while let last = bytes.last, last == 0x0a || last == 0x0d { bytes.removeLast() }
        return bytes.count >= WebTokens.secretBytesMin ? bytes : nil
    }

    private static func readFile(
        _ name: String, _ text: String, into given: inout [String: Given], _ faults: inout [String]
    ) {
        // A file of nothing but comments is no YAML document.
        let isEmpty = text.split(whereSeparator: \.isNewline).allSatisfy { line in
            line.allSatisfy(\.isWhitespace) || line.drop { $0.isWhitespace }.hasPrefix("#")
        }
        if isEmpty { return }
        do {
            let document = try YAMLDocument.parse(text)
            guard case .map(let entries) = document.content else {
                faults.append("\(name):\(document.mark): the file is no list of names and values")
                return
            }
            for entry in entries {
                guard Setting.all.contains(where: { $0.name == entry.key }) else {
                    faults.append("\(name):\(entry.mark): no such setting name=\(entry.key)")
                    continue
                }
                guard case .scalar(let text, _) = entry.value.content else {
                    faults.append("\(name):\(entry.value.mark): \(entry.key) is one value")
                    continue
                }
                given[entry.key] = (text, Origin(description: "\(name):\(entry.value.mark)"))
            }
        } catch {
            faults += error.list.map { "\(name):\($0.mark): \($0.message)" }
        }
    }
}

/// All that is wrong with settings.
package struct SettingFaults: Error, Sendable {
    /// A line each, which begins with its place.
    package let lines: [String]
}
